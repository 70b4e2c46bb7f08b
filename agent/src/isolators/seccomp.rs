//! `linux/seccomp`: which system calls a container may make, by a profile as Docker writes them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use seccompiler::{BpfMap, TargetArch};
use serde_json::{Value, json};

use super::config::{CapabilitySet, IsolationConfig};
use super::isolator::{Isolator, Plan, Subject};

/// The largest profile that is read. Unit: bytes.
const PROFILE_MAX: u64 = 1 << 20;

/// Reads profiles from one directory.
#[derive(Debug)]
pub(super) struct Seccomp {
    dir: PathBuf,
    default: Option<String>,
    /// What was made of profiles, which costs milliseconds.
    compiled: Mutex<BTreeMap<(String, Option<CapabilitySet>), Compiled>>,
}

/// How many compiled profiles are kept.
const COMPILED_MAX: usize = 64;

/// The programs of a profile as its file was.
#[derive(Clone, Debug)]
struct Compiled {
    modified: Option<SystemTime>,
    length: u64,
    programs: Vec<Vec<u8>>,
}

impl Seccomp {
    /// Errors: no directory was named, or the default profile is of no use.
    pub(super) fn new(config: &IsolationConfig) -> Result<Self, String> {
        let dir = config.seccomp_config_dir.clone().ok_or("--seccomp_config_dir is missing")?;
        if !dir.is_dir() {
            return Err(format!("--seccomp_config_dir: {} is no directory", dir.display()));
        }
        let seccomp = Self { dir, default: config.seccomp_profile_name.clone(), compiled: Mutex::default() };
        if let Some(name) = &seccomp.default {
            // Found out now rather than at the first launch.
            seccomp.filters(name, None).map_err(|why| format!("--seccomp_profile_name: {why}"))?;
        }
        Ok(seccomp)
    }

    fn filters(&self, name: &str, capabilities: Option<CapabilitySet>) -> Result<Vec<Vec<u8>>, String> {
        let relative = Path::new(name);
        if name.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(format!("the profile '{name}' is not a relative path in --seccomp_config_dir"));
        }
        let path = self.dir.join(relative);
        let failed = |why: &dyn std::fmt::Display| format!("the profile '{name}': {why}");
        let meta = fs::metadata(&path).map_err(|error| failed(&error))?;
        let (modified, length) = (meta.modified().ok(), meta.len());
        if length > PROFILE_MAX {
            return Err(failed(&"it is too long"));
        }
        let key = (name.to_owned(), capabilities);
        let known = self.compiled.lock().ok().and_then(|compiled| compiled.get(&key).cloned());
        if let Some(known) = known.filter(|known| (known.modified, known.length) == (modified, length)) {
            return Ok(known.programs);
        }
        let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let programs = compile(&text, capabilities).map_err(|error| failed(&error))?;
        if let Ok(mut compiled) = self.compiled.lock() {
            if compiled.len() >= COMPILED_MAX {
                compiled.clear();
            }
            compiled.insert(key, Compiled { modified, length, programs: programs.clone() });
        }
        Ok(programs)
    }
}

impl Isolator for Seccomp {
    fn name(&self) -> &'static str {
        "linux/seccomp"
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let linux = subject.config.container.as_ref().and_then(|container| container.linux.as_ref());
        let asked = linux.and_then(|linux| linux.seccomp.as_ref());
        if asked.is_some_and(|asked| asked.unconfined == Some(true)) {
            if asked.is_some_and(|asked| asked.profile_name.is_some()) {
                return Err("a container cannot have a profile and be unconfined".to_owned());
            }
            return Ok(());
        }
        let Some(name) = asked.and_then(|asked| asked.profile_name.as_ref()).or(self.default.as_ref()) else {
            return Ok(());
        };
        let capabilities = plan.isolation.capabilities.map(|capabilities| capabilities.bounding);
        plan.isolation.filters = self.filters(name, capabilities)?;
        Ok(())
    }
}

/// The programs of a profile, in the order in which they are loaded. The kernel runs all and obeys the strictest answer,
/// of equally strict ones that of the last loaded.
///
/// What other profiles offer for processors of another kind is left out; so are calls this kernel has no number for.
fn compile(text: &str, capabilities: Option<CapabilitySet>) -> Result<Vec<Vec<u8>>, String> {
    let profile: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let default = action(profile.get("defaultAction"), profile.get("defaultErrnoRet"))?;
    // Shape: action → rules.
    let mut by_action: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for rule in array(profile.get("syscalls"))? {
        if !applies(rule, capabilities) {
            continue;
        }
        let does = action(rule.get("action"), rule.get("errnoRet"))?;
        if does == default {
            continue;
        }
        let names = match rule.get("name") {
            Some(name) => vec![name],
            None => array(rule.get("names"))?.iter().collect(),
        };
        for name in names.into_iter().filter_map(Value::as_str).filter(|name| known(name)) {
            let mut filter = json!({ "syscall": name });
            let conditions = array(rule.get("args"))?.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
            if !conditions.is_empty() {
                filter["args"] = Value::Array(conditions);
            }
            by_action.entry(does.to_string()).or_default().push(filter);
        }
    }
    let mut programs = Vec::new();
    // What is allowed must be allowed by the one filter whose default is not to; stricter answers come as filters of
    // their own, which let all else pass.
    let allow = json!("allow");
    let allowed = by_action.remove(&allow.to_string()).unwrap_or_default();
    if default != allow {
        programs.push(program(&default, &allow, with_all(allowed, &by_action))?);
    }
    for (does, rules) in by_action {
        let does: Value = serde_json::from_str(&does).map_err(|error| error.to_string())?;
        programs.push(program(&allow, &does, rules)?);
    }
    Ok(programs)
}

/// Calls that a stricter filter answers pass the first one, or its default would answer for it.
fn with_all(mut allowed: Vec<Value>, others: &BTreeMap<String, Vec<Value>>) -> Vec<Value> {
    let named: Vec<Value> = allowed.iter().map(|rule| rule["syscall"].clone()).collect();
    for rule in others.values().flatten().filter(|rule| !named.contains(&rule["syscall"])) {
        // With conditions, what does not meet them is the default's.
        allowed.push(rule.clone());
    }
    allowed
}

fn program(mismatch: &Value, matched: &Value, rules: Vec<Value>) -> Result<Vec<u8>, String> {
    let filter = json!({ "task": { "mismatch_action": mismatch, "match_action": matched, "filter": rules } });
    let compiled = compile_json(&filter)?;
    let program = compiled.get("task").ok_or("it has no filter")?;
    let mut bytes = Vec::with_capacity(program.len() * 8);
    for instruction in program {
        bytes.extend_from_slice(&instruction.code.to_ne_bytes());
        bytes.extend_from_slice(&[instruction.jt, instruction.jf]);
        bytes.extend_from_slice(&instruction.k.to_ne_bytes());
    }
    Ok(bytes)
}

fn compile_json(filter: &Value) -> Result<BpfMap, String> {
    seccompiler::compile_from_json(Cursor::new(filter.to_string()), arch()?)
        .map_err(|error| error.to_string())
}

fn arch() -> Result<TargetArch, String> {
    TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())
}

/// Whether this machine's kernel interface has a call of that name.
fn known(name: &str) -> bool {
    let filter = json!({ "task": {
        "mismatch_action": "allow", "match_action": "trap", "filter": [{ "syscall": name }]
    } });
    compile_json(&filter).is_ok()
}

/// Source: the profile format of Docker; `SCMP_ACT_ERRNO` without a number is EPERM.
fn action(name: Option<&Value>, errno: Option<&Value>) -> Result<Value, String> {
    let errno = errno.and_then(Value::as_u64).unwrap_or(1);
    match name.and_then(Value::as_str).unwrap_or_default() {
        "SCMP_ACT_ALLOW" => Ok(json!("allow")),
        "SCMP_ACT_ERRNO" => Ok(json!({ "errno": errno })),
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Ok(json!("kill_thread")),
        "SCMP_ACT_KILL_PROCESS" => Ok(json!("kill_process")),
        "SCMP_ACT_TRAP" => Ok(json!("trap")),
        "SCMP_ACT_LOG" => Ok(json!("log")),
        "SCMP_ACT_TRACE" => Ok(json!({ "trace": errno })),
        other => Err(format!("there is no action '{other}'")),
    }
}

fn condition(of: &Value) -> Result<Value, String> {
    let number = |name: &str| of.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (value, operation) = match of.get("op").and_then(Value::as_str).unwrap_or_default() {
        "SCMP_CMP_EQ" => (number("value"), json!("eq")),
        "SCMP_CMP_NE" => (number("value"), json!("ne")),
        "SCMP_CMP_LT" => (number("value"), json!("lt")),
        "SCMP_CMP_LE" => (number("value"), json!("le")),
        "SCMP_CMP_GT" => (number("value"), json!("gt")),
        "SCMP_CMP_GE" => (number("value"), json!("ge")),
        // The first figure is the mask.
        "SCMP_CMP_MASKED_EQ" => (number("valueTwo"), json!({ "masked_eq": number("value") })),
        other => return Err(format!("there is no comparison '{other}'")),
    };
    Ok(json!({ "index": number("index"), "type": "qword", "op": operation, "val": value }))
}

/// Whether a rule is for this processor and these capabilities. Without a word on capabilities a task has all.
fn applies(rule: &Value, capabilities: Option<CapabilitySet>) -> bool {
    let list = |of: &str, what: &str| -> Vec<String> {
        let list = rule.get(of).and_then(|of| of.get(what)).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let has = |name: &String| {
        let number = capability(name);
        number.is_some_and(|number| capabilities.is_none_or(|set| set & (1 << number) != 0))
    };
    let ours = |arch: &String| {
        matches!(
            (arch.as_str(), std::env::consts::ARCH),
            ("amd64" | "x86_64", "x86_64") | ("arm64" | "aarch64", "aarch64")
        )
    };
    let (arches, caps) = (list("includes", "arches"), list("includes", "caps"));
    (arches.is_empty() || arches.iter().any(ours))
        && caps.iter().all(has)
        && !list("excludes", "arches").iter().any(ours)
        && !list("excludes", "caps").iter().any(has)
}

/// The kernel's number of a capability's name.
fn capability(name: &str) -> Option<u8> {
    agent_linux::rights::capability_number(name)
}

fn array(of: Option<&Value>) -> Result<&[Value], String> {
    match of {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err("something is not the list it should be".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allow_list_is_one_program_and_other_answers_are_their_own() {
        let profile = r#"{
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [
                {"names": ["read", "write", "arm_sync_file_range"], "action": "SCMP_ACT_ALLOW"},
                {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
                {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                 "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}
            ]}"#;
        assert_eq!(compile(profile, None).unwrap().len(), 1, "all capabilities exclude the second rule");
        let programs = compile(profile, Some(0)).unwrap();
        assert_eq!(programs.len(), 2);
        assert!(programs.iter().all(|program| program.len() % 8 == 0 && !program.is_empty()));
    }

    #[test]
    fn a_profile_that_means_nothing_is_refused() {
        assert!(compile("{", None).is_err());
        assert_eq!(compile(r#"{"defaultAction": "MAYBE"}"#, None).unwrap_err(), "there is no action 'MAYBE'");
    }

    #[test]
    fn a_profile_lies_in_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let config = |name: &str| IsolationConfig {
            seccomp_config_dir: Some(dir.path().to_owned()),
            seccomp_profile_name: Some(name.to_owned()),
            ..IsolationConfig::default()
        };
        assert!(Seccomp::new(&config("../x")).unwrap_err().contains("not a relative path"));
        assert!(Seccomp::new(&config("missing.json")).unwrap_err().contains("missing.json"));
    }
}

//! What this machine has: as its operator says, and as far as it says nothing, as the machine itself says.

use std::path::Path;

use model::{Attributes, Resource, Resources, Role};

/// Why a text is no resources or attributes.
#[derive(Debug, thiserror::Error)]
pub enum ResourcesError {
    #[error(transparent)]
    Text(#[from] model::resource::ParseError),
    #[error("not a list of resources: {0}")]
    Json(String),
    #[error(transparent)]
    Attributes(#[from] model::AttributeError),
}

/// What is assumed where nothing can be found out.
///
/// Source: Mesos agent flag `--resources`.
const MEM_DEFAULT: u64 = 1024;
const DISK_DEFAULT: u64 = 10 * 1024;
const PORTS_DEFAULT: &str = "ports:[31000-32000]";

/// Reads `name(role):value;…`, or a JSON list of resources.
pub(crate) fn parse(text: &str, default_role: &str) -> Result<Resources, ResourcesError> {
    if !text.trim_start().starts_with('[') {
        return Ok(Resources::parse(text, &Role::from(default_role))?);
    }
    let json = |why: String| ResourcesError::Json(why);
    let list: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|why| json(why.to_string()))?;
    list.into_iter()
        .map(|one| {
            let wire: api::v1::Resource =
                api::json::from_slice(one.to_string().as_bytes()).map_err(|why| json(why.to_string()))?;
            Resource::try_from(wire).map_err(|why| json(why.to_string()))
        })
        .collect()
}

/// Reads `name:value;…`.
pub(crate) fn attributes(text: &str) -> Result<Attributes, ResourcesError> {
    Ok(text.parse()?)
}

/// Adds what `given` does not name: processors, memory, disk and ports; and graphics processors, if they are looked after.
///
/// Memory and disk leave the machine something for itself. Source: Mesos attributes and resources.
pub(crate) fn detect(
    given: &Resources,
    default_role: &str,
    work_dir: &Path,
    gpus: Option<usize>,
) -> Resources {
    let mut found = Vec::new();
    let mut add = |name: &str, value: String| {
        if given.named(name).is_empty() {
            found.push(format!("{name}:{value}"));
        }
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    add("cpus", cpus.to_string());
    add("mem", memory_mb().map_or(MEM_DEFAULT, |total| spared(total, 2048, 1024)).to_string());
    add("disk", disk(work_dir).map_or(DISK_DEFAULT, |total| spared(total, 10 * 1024, 5 * 1024)).to_string());
    if let Some(count) = gpus.filter(|count| *count > 0) {
        add("gpus", count.to_string());
    }
    if given.named("ports").is_empty() {
        found.push(PORTS_DEFAULT.to_owned());
    }
    let found =
        Resources::parse(&found.join(";"), &Role::from(default_role)).expect("numbers and ranges of our own");
    // A name that was given as nothing is given, but there is nothing to offer of it.
    given.filter(|resource| !resource.is_empty()) + found
}

/// What is left for tasks: all but `spare` on a machine that has at least `large`, half of a smaller one.
///
/// Unit: mebibytes.
fn spared(total: u64, large: u64, spare: u64) -> u64 {
    if total >= large { total - spare } else { total / 2 }
}

/// What this machine has in all, if it says so. Unit: mebibytes.
pub fn memory_mb() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// The size of the file system the directory is on. Unit: mebibytes.
fn disk(dir: &Path) -> Option<u64> {
    agent_linux::disk::size(dir).ok().map(|bytes| bytes >> 20)
}

/// The part of the file system that is used, between 0 and 1.
pub(crate) fn disk_used(dir: &Path) -> Option<f64> {
    agent_linux::disk::used(dir).ok()
}

#[cfg(test)]
mod tests {
    use model::Scalar;

    use super::*;

    #[test]
    fn what_was_given_is_not_detected() {
        let given = parse("cpus:3;mem:100;disk:0", "*").unwrap();
        let all = detect(&given, "*", Path::new("/"), Some(2));
        assert_eq!(all.cpus(), Scalar::whole(3));
        assert_eq!(all.mem(), Scalar::whole(100));
        assert_eq!(all.named("ports").to_string(), "ports:[31000-32000]");
        assert_eq!(all.gpus(), Scalar::whole(2));
    }

    #[test]
    fn a_machine_keeps_something_for_itself() {
        assert_eq!(spared(8192, 2048, 1024), 7168);
        assert_eq!(spared(1024, 2048, 1024), 512);
    }

    #[test]
    fn resources_can_be_given_as_json() {
        let text = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":2.5},"role":"*"}]"#;
        assert_eq!(parse(text, "*").unwrap().to_string(), "cpus:2.5");
        assert!(parse("[1]", "*").is_err());
    }
}

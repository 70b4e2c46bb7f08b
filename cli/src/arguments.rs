//! From the way Mesos' programs are called to the way ours parse: `--no-name`, `MESOS_NAME`,
//! and dashes where a flag bears underscores.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{Arg, Command};

/// The arguments as clap wants them.
///
/// * `--no-name` of a switch becomes `--name=false`, unless a flag bears that very name;
/// * `--work-dir` becomes `--work_dir` where only the latter exists;
/// * a flag that is neither given nor set as `HECTARE_NAME` is taken from `MESOS_NAME`.
///
/// Nothing behind `--` is touched: that is somebody's command.
pub(crate) fn normalised(
    root: &Command,
    given: Vec<OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Vec<OsString> {
    let Some(at) = given.iter().skip(1).position(|word| !starts(word, "-")).map(|at| at + 1) else {
        return given;
    };
    let Some(command) = given[at].to_str().and_then(|name| root.find_subcommand(name)) else {
        return given;
    };
    let flags: Vec<&Arg> = command.get_arguments().chain(root.get_arguments()).collect();
    let mut words = given.into_iter();
    let mut result: Vec<OsString> = words.by_ref().take(at + 1).collect();
    let mut rest = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.push(word);
            rest.extend(words);
            break;
        }
        let word = match word.to_str() {
            Some(text) if text.starts_with("--") => OsString::from(spelled(text, &flags)),
            _ => word,
        };
        if let Some(name) = word.to_str().and_then(flag_name).and_then(|name| find(&flags, name)) {
            seen.insert(name.get_id().clone());
        }
        rest.push(word);
    }
    for flag in flags.iter().filter(|flag| !seen.contains(flag.get_id())) {
        let Some(name) = flag.get_long() else { continue };
        let variable = name.to_uppercase().replace('-', "_");
        if environment(&format!("HECTARE_{variable}")).is_some() {
            continue;
        }
        if let Some(value) = environment(&format!("MESOS_{variable}")) {
            let mut word = OsString::from(format!("--{name}="));
            word.push(value);
            result.push(word);
        }
    }
    result.extend(rest);
    result
}

fn starts(word: &OsString, with: &str) -> bool {
    word.to_str().is_some_and(|text| text.starts_with(with))
}

/// `name` of `--name` and `--name=value`.
fn flag_name(word: &str) -> Option<&str> {
    let word = word.strip_prefix("--")?;
    Some(word.split_once('=').map_or(word, |(name, _)| name))
}

fn find<'a>(flags: &[&'a Arg], name: &str) -> Option<&'a Arg> {
    let bears = |flag: &&&Arg| {
        flag.get_long() == Some(name) || flag.get_all_aliases().is_some_and(|all| all.contains(&name))
    };
    flags.iter().find(bears).copied()
}

/// One flag, as the parser knows it; unknown ones stay as they are, so that the error names what was typed.
fn spelled(word: &str, flags: &[&Arg]) -> String {
    let Some(name) = flag_name(word) else { return word.to_owned() };
    let value = &word[2 + name.len()..];
    for name in [name.to_owned(), name.replace('-', "_")] {
        if find(flags, &name).is_some() {
            return format!("--{name}{value}");
        }
        let positive = name.strip_prefix("no-").or(name.strip_prefix("no_")).filter(|_| value.is_empty());
        if let Some(flag) = positive.and_then(|name| find(flags, name)).filter(|flag| is_switch(flag)) {
            return format!("--{}=false", flag.get_long().unwrap_or_default());
        }
    }
    word.to_owned()
}

/// A flag that may stand alone and then means `true`.
fn is_switch(flag: &Arg) -> bool {
    flag.get_num_args().is_some_and(|count| count.min_values() == 0 && count.max_values() == 1)
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    fn root() -> Command {
        let switch = Arg::new("strict").long("strict").num_args(0..=1).default_missing_value("true");
        let part = Command::new("agent")
            .arg(switch)
            .arg(Arg::new("work_dir").long("work_dir"))
            .arg(Arg::new("ping").long("agent_ping_timeout").alias("slave_ping_timeout"))
            .arg(Arg::new("no-follow").long("no-follow").action(ArgAction::SetTrue));
        Command::new("hectare").subcommand(part)
    }

    fn normal(line: &str, environment: &[(&str, &str)]) -> String {
        let given = line.split(' ').map(OsString::from).collect();
        let environment =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let words = normalised(&root(), given, environment);
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_switch_is_turned_off_by_no() {
        assert_eq!(normal("hectare agent --no-strict", &[]), "hectare agent --strict=false");
        assert_eq!(normal("hectare agent --no-follow", &[]), "hectare agent --no-follow");
        assert_eq!(normal("hectare agent --no-work_dir", &[]), "hectare agent --no-work_dir");
    }

    #[test]
    fn dashes_stand_for_underscores() {
        assert_eq!(normal("hectare agent --work-dir=/x", &[]), "hectare agent --work_dir=/x");
    }

    #[test]
    fn the_environment_fills_in_what_is_not_given() {
        let mesos = [("MESOS_WORK_DIR", "/m"), ("MESOS_AGENT_PING_TIMEOUT", "2secs")];
        assert_eq!(
            normal("hectare agent --work_dir=/x --slave_ping_timeout=1secs", &mesos),
            "hectare agent --work_dir=/x --slave_ping_timeout=1secs"
        );
        assert_eq!(normal("hectare agent", &mesos), "hectare agent --work_dir=/m --agent_ping_timeout=2secs");
        assert_eq!(
            normal("hectare agent", &[("MESOS_WORK_DIR", "/m"), ("HECTARE_WORK_DIR", "/h")]),
            "hectare agent"
        );
    }

    #[test]
    fn a_command_behind_two_dashes_is_left_alone() {
        assert_eq!(normal("hectare agent -- ls --no-strict", &[]), "hectare agent -- ls --no-strict");
    }
}

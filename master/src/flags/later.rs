//! Mesos' flags that mean nothing here yet, in one table.
//!
//! Each is understood when it says the default, since that asks for nothing; anything else is refused by name and with the reason,
//! so that nobody believes in what is not there.

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, Error};

/// Name, other name, default as `/flags` shows it (`None`: unset), and what has to come first.
///
/// Shape: in name order. Source: Mesos' master flags.
pub(super) const LATER: &[(&str, Option<&str>, Option<&str>, &str)] = &[
    ("hooks", None, None, MODULES),
    ("initialize_driver_logging", None, Some("true"), LOG),
    ("ip_discovery_command", None, None, "say --ip or --advertise_ip"),
    ("log_auto_initialize", None, Some("true"), LEADING),
    ("log_dir", None, None, LOG),
    ("master_contender", None, None, MODULES),
    ("master_detector", None, None, MODULES),
    ("memory_profiling", None, Some("false"), "there is no memory profiler"),
    ("modules", None, None, MODULES),
    ("modules_dir", None, None, MODULES),
    ("offer_constraints_re2_max_mem", None, Some("4KB"), EXPRESSIONS),
    ("offer_constraints_re2_max_program_size", None, Some("100"), EXPRESSIONS),
    ("registry_fetch_timeout", None, Some("1mins"), LEADING),
    ("registry_store_timeout", None, Some("20secs"), LEADING),
    ("registry_strict", None, Some("false"), "disabled in Mesos too"),
    ("webui_dir", None, None, "there is no web interface yet"),
];

const EXPRESSIONS: &str = "expressions are matched in linear time, and bounded to 1MB once compiled";
const LEADING: &str = "masters elect each other and need no ZooKeeper: name them with --masters";
const LOG: &str = "the log goes to standard error; name the file it is led to with --external_log_file";
const MODULES: &str = "modules are compiled in, or processes of their own; shared objects are not loaded";

/// The hidden arguments that refuse; holds nothing, since only defaults get through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Later;

impl clap::FromArgMatches for Later {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Ok(())
    }
}

impl clap::Args for Later {
    fn augment_args(command: Command) -> Command {
        LATER.iter().fold(command, |command, &(name, alias, default, why)| {
            let only = StringValueParser::new().try_map(move |value| match default {
                Some(default) if value == default => Ok(value),
                Some(default) => {
                    Err(format!("not supported: {why}; only its default `{default}` is understood"))
                }
                None => Err(format!("not supported: {why}")),
            });
            let mut arg = Arg::new(name).long(name).hide(true).action(ArgAction::Set).value_parser(only);
            if let Some(alias) = alias {
                arg = arg.alias(alias);
            }
            if let Some("true" | "false") = default {
                // A switch may stand alone.
                arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            }
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

//! Mesos' flags that mean nothing here yet.
//!
//! Each is understood when it says the default, since that asks for nothing; anything else is
//! refused by name, so that nobody believes in an isolator that is not there.

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, Error};

/// Name and default, as `/flags` shows them; no default means Mesos leaves the flag unset.
///
/// Shape: in name order. Source: Mesos' agent flags.
pub(crate) const LATER: &[(&str, Option<&str>)] = &[
    ("agent_features", None),
    ("agent_subsystems", None),
    ("appc_simple_discovery_uri_prefix", Some("http://")),
    ("appc_store_dir", Some("/tmp/mesos/store/appc")),
    ("cgroups_destroy_timeout", Some("1mins")),
    ("containerizers", Some("mesos")),
    ("csi_plugin_config_dir", None),
    ("default_container_dns", None),
    ("default_container_info", None),
    ("disk_profile_adaptor", None),
    ("docker", Some("docker")),
    ("docker_config", None),
    ("docker_kill_orphans", Some("true")),
    ("docker_mesos_image", None),
    ("docker_remove_delay", Some("6hrs")),
    ("docker_socket", Some("/var/run/docker.sock")),
    ("docker_stop_timeout", Some("0ns")),
    ("docker_volume_checkpoint_dir", Some("/var/run/mesos/isolators/docker/volume")),
    ("docker_volume_chown", Some("false")),
    ("domain_socket_location", None),
    ("executor_reregistration_retry_interval", None),
    ("gc_non_executor_container_sandboxes", Some("false")),
    ("hadoop_home", None),
    ("hooks", None),
    ("http_command_executor", Some("false")),
    ("http_executor_domain_sockets", Some("false")),
    ("http_heartbeat_interval", Some("30secs")),
    ("initialize_driver_logging", Some("true")),
    ("ip6", None),
    ("ip6_discovery_command", None),
    ("ip_discovery_command", None),
    ("log_dir", None),
    ("master_detector", None),
    ("memory_profiling", Some("false")),
    ("modules_dir", None),
    ("network_cni_config_dir", None),
    ("network_cni_metrics", Some("true")),
    ("network_cni_plugins_dir", None),
    ("network_cni_root_dir_persist", Some("false")),
    ("perf_duration", Some("10secs")),
    ("perf_events", None),
    ("perf_interval", Some("1mins")),
    ("resource_provider_config_dir", None),
    ("secret_resolver", None),
    ("systemd_enable_support", Some("false")),
    ("systemd_runtime_directory", Some("/run/systemd/system")),
    ("volume_gid_range", None),
];

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
        LATER.iter().fold(command, |command, &(name, default)| {
            let only = StringValueParser::new().try_map(move |value| match default {
                Some(default) if value == default => Ok(value),
                Some(default) => {
                    Err(format!("not supported yet; only its default `{default}` is understood"))
                }
                None => Err("not supported yet".to_owned()),
            });
            let arg = Arg::new(name).long(name).hide(true).action(ArgAction::Set).value_parser(only);
            // A flag that is a switch may stand alone.
            let arg = match default {
                Some("true" | "false") => {
                    arg.num_args(0..=1).require_equals(true).default_missing_value("true")
                }
                _ => arg,
            };
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;

    fn parse(argument: &str) -> Result<ArgMatches, Error> {
        Later::augment_args(Command::new("agent")).try_get_matches_from(["agent", argument])
    }

    #[test]
    fn the_default_of_a_flag_to_come_is_understood() {
        assert!(parse("--containerizers=mesos").is_ok());
        assert!(parse("--docker_volume_chown=false").is_ok());
    }

    #[test]
    fn anything_else_of_a_flag_to_come_is_refused_by_name() {
        let error = parse("--containerizers=docker").unwrap_err().to_string();
        assert!(error.contains("--containerizers") && error.contains("not supported yet"), "{error}");
        assert!(parse("--docker_volume_chown").is_err());
        assert!(parse("--hooks=mine").unwrap_err().to_string().contains("not supported yet"));
    }
}

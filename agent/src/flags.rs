//! How an agent is run: Mesos' flags, with their names, defaults and text forms.

mod images;
mod isolation;
mod later;
mod oversubscription;
mod security;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use agent_launch::Rotation;
use api::classic::files::showable;
use detector::Masters;
use model::{Scalar, format_duration, parse_bytes, parse_duration};

use crate::config::{Config, Recover};
use crate::recovery::ReconfigurationPolicy;
use crate::resources;
pub use images::ImageFlags;
pub use isolation::IsolationFlags;
use later::LATER;
pub use later::Later;
pub use oversubscription::OversubscriptionFlags;
pub use security::AccessFlags;

/// The flags of `hectare agent`.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Where the masters are: `host:port`, several separated by commas; `zk://[user:password@]host:port/path`; or
    /// `file:///path` of a file that says so.
    #[arg(long = "master", env = "HECTARE_MASTER")]
    pub master: Option<String>,

    /// Where sandboxes and the agent's journal live; kept across restarts.
    #[arg(long = "work_dir", env = "HECTARE_WORK_DIR")]
    pub work_dir: PathBuf,

    /// Where the state of running containers lives; gone after a reboot. Unset: `<work_dir>/run`. Best on a tmpfs, as
    /// `/run/hectare`: a launch then takes up to half less processor time than on ext4.
    #[arg(long = "runtime_dir", env = "HECTARE_RUNTIME_DIR")]
    pub runtime_dir: Option<PathBuf>,

    /// The address to listen on.
    #[arg(long = "ip", env = "HECTARE_IP")]
    pub ip: Option<String>,

    /// The port to listen on.
    #[arg(long = "port", env = "HECTARE_PORT", default_value_t = 5051)]
    pub port: u16,

    /// The address others reach this agent at, when it is not the one it listens on.
    #[arg(long = "advertise_ip", env = "HECTARE_ADVERTISE_IP")]
    pub advertise_ip: Option<String>,

    /// The port others reach this agent at, when it is not the one it listens on.
    #[arg(long = "advertise_port", env = "HECTARE_ADVERTISE_PORT")]
    pub advertise_port: Option<u16>,

    /// The name this agent publishes. Unset: this machine's name, or its address with --hostname_lookup=false.
    #[arg(long = "hostname", env = "HECTARE_HOSTNAME")]
    pub hostname: Option<String>,

    /// Whether to publish this machine's name when --hostname is unset.
    #[arg(long = "hostname_lookup", env = "HECTARE_HOSTNAME_LOOKUP", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub hostname_lookup: bool,

    /// What this machine has, as in `cpus:8;mem:8192;ports:[31000-32000]` or JSON; what is not named is detected.
    #[arg(long = "resources", env = "HECTARE_RESOURCES", value_parser = contents)]
    pub resources: Option<String>,

    /// What this machine is, as in `rack:r1;zone:z1`.
    #[arg(long = "attributes", env = "HECTARE_ATTRIBUTES", value_parser = contents)]
    pub attributes: Option<String>,

    /// Where this machine stands, as in {"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}}, or the
    /// `file:///path` of that. Its master needs one too.
    #[arg(long = "domain", env = "HECTARE_DOMAIN", value_parser = contents)]
    pub domain: Option<String>,

    /// The role of resources that name none.
    #[arg(long = "default_role", env = "HECTARE_DEFAULT_ROLE", default_value = "*")]
    pub default_role: String,

    /// What relative URIs of tasks are relative to.
    #[arg(long = "frameworks_home", env = "HECTARE_FRAMEWORKS_HOME", default_value = "")]
    pub frameworks_home: String,

    /// Where fetched URIs are cached.
    #[arg(long = "fetcher_cache_dir", env = "HECTARE_FETCHER_CACHE_DIR")]
    pub fetcher_cache_dir: Option<PathBuf>,

    /// How large the cache of fetched URIs may grow.
    #[arg(long = "fetcher_cache_size", env = "HECTARE_FETCHER_CACHE_SIZE", default_value = "2GB")]
    pub fetcher_cache_size: String,

    /// Set stdout and stderr of a container aside once they are so long, and keep that many of each: `10MB,5`. Unset,
    /// they grow as long as they like.
    #[arg(long = "container_log_rotation", env = "HECTARE_CONTAINER_LOG_ROTATION", value_parser = rotation)]
    pub container_log_rotation: Option<Rotation>,

    /// What keeps the output of containers: `org_apache_mesos_LogrotateContainerLogger` sets files aside, as
    /// --container_log_rotation says or 10MB,5. Unset: files as long as they get.
    #[arg(long = "container_logger", env = "HECTARE_CONTAINER_LOGGER", value_parser = logger)]
    pub container_logger: Option<String>,

    /// A download that stands still this long is given up.
    #[arg(long = "fetcher_stall_timeout", env = "HECTARE_FETCHER_STALL_TIMEOUT", default_value = "1mins", value_parser = duration)]
    pub fetcher_stall_timeout: Duration,

    /// Whether tasks run as the user they name rather than as the agent's.
    #[arg(long = "switch_user", env = "HECTARE_SWITCH_USER", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub switch_user: bool,

    /// Where helper programs live; nothing of ours needs it.
    #[arg(long = "launcher_dir", env = "HECTARE_LAUNCHER_DIR", default_value = "/usr/libexec/mesos")]
    pub launcher_dir: PathBuf,

    /// The unit of the random backoff between registrations: the nth retry waits up to 2^n of it, at most a minute.
    #[arg(long = "registration_backoff_factor", env = "HECTARE_REGISTRATION_BACKOFF_FACTOR", default_value = "1secs", value_parser = duration)]
    pub registration_backoff_factor: Duration,

    /// The file that this agent's log is written to by who started it; shown as /slave/log. Unset: the log is not shown.
    #[arg(long = "external_log_file", env = "HECTARE_EXTERNAL_LOG_FILE")]
    pub external_log_file: Option<PathBuf>,

    /// Variables of every executor, as a JSON object, instead of the agent's own.
    #[arg(long = "executor_environment_variables", env = "HECTARE_EXECUTOR_ENVIRONMENT_VARIABLES", value_parser = contents)]
    pub executor_environment_variables: Option<String>,

    /// How long an executor may take from its launch to its subscription.
    #[arg(long = "executor_registration_timeout", env = "HECTARE_EXECUTOR_REGISTRATION_TIMEOUT", default_value = "1mins", value_parser = duration)]
    pub executor_registration_timeout: Duration,

    /// How long executors may take to come back after the agent restarted; at most 15secs.
    #[arg(long = "executor_reregistration_timeout", env = "HECTARE_EXECUTOR_REREGISTRATION_TIMEOUT", default_value = "2secs", value_parser = duration)]
    pub executor_reregistration_timeout: Duration,

    /// How long an executor may take to shut down before its container is destroyed.
    #[arg(long = "executor_shutdown_grace_period", env = "HECTARE_EXECUTOR_SHUTDOWN_GRACE_PERIOD", default_value = "5secs", value_parser = duration)]
    pub executor_shutdown_grace_period: Duration,

    /// How long a checkpointing executor waits for a lost agent before it ends itself.
    #[arg(long = "recovery_timeout", env = "HECTARE_RECOVERY_TIMEOUT", default_value = "15mins", value_parser = duration)]
    pub recovery_timeout: Duration,

    /// Whether executors found after a restart are taken up again (reconnect) or ended (cleanup).
    #[arg(long = "recover", env = "HECTARE_RECOVER", default_value = "reconnect", value_parser = ["reconnect", "cleanup"])]
    pub recover: String,

    /// What the agent may change of itself while its tasks run on: nothing (`equal`), or resources and attributes if they
    /// only grow (`additive`).
    #[arg(
        long = "reconfiguration_policy",
        env = "HECTARE_RECONFIGURATION_POLICY",
        default_value = "equal",
        value_parser = ["equal", "additive"]
    )]
    pub reconfiguration_policy: String,

    /// Whether anything wrong with the journal keeps the agent from starting.
    #[arg(long = "strict", env = "HECTARE_STRICT", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub strict: bool,

    /// How old a sandbox nobody uses may get.
    #[arg(long = "gc_delay", env = "HECTARE_GC_DELAY", default_value = "1weeks", value_parser = duration)]
    pub gc_delay: Duration,

    /// The part of the disk that sandboxes should leave free: the fuller it is, the sooner they go.
    #[arg(long = "gc_disk_headroom", env = "HECTARE_GC_DISK_HEADROOM", default_value_t = 0.1)]
    pub gc_disk_headroom: f64,

    /// How often disk usage is looked at.
    #[arg(long = "disk_watch_interval", env = "HECTARE_DISK_WATCH_INTERVAL", default_value = "1mins", value_parser = duration)]
    pub disk_watch_interval: Duration,

    /// How many ended executors of a framework are remembered.
    #[arg(
        long = "max_completed_executors_per_framework",
        env = "HECTARE_MAX_COMPLETED_EXECUTORS_PER_FRAMEWORK",
        default_value_t = 150
    )]
    pub max_completed_executors_per_framework: usize,

    /// How long a session with ZooKeeper lives without a connection, where masters are found there.
    #[arg(long = "zk_session_timeout", env = "HECTARE_ZK_SESSION_TIMEOUT", default_value = "10secs", value_parser = duration)]
    pub zk_session_timeout: Duration,

    #[command(flatten)]
    pub isolation: IsolationFlags,

    #[command(flatten)]
    pub images: ImageFlags,

    #[command(flatten)]
    pub oversubscription: OversubscriptionFlags,

    #[command(flatten)]
    pub access: AccessFlags,

    #[command(flatten)]
    pub later: Later,
}

/// Why the flags do not make an agent.
#[derive(Debug, thiserror::Error)]
pub enum FlagError {
    #[error("--master is missing: where is the master?")]
    NoMaster,
    #[error("--master: {0}")]
    Master(#[from] detector::ParseError),
    #[error("--{flag}: {why}")]
    Invalid { flag: &'static str, why: String },
}

fn invalid(flag: &'static str, why: impl ToString) -> FlagError {
    FlagError::Invalid { flag, why: why.to_string() }
}

impl From<::security::FlagError> for FlagError {
    fn from(error: ::security::FlagError) -> Self {
        invalid(error.flag, error.why)
    }
}

impl Flags {
    fn masters(&self) -> Result<Masters, FlagError> {
        Ok(self.master.as_deref().ok_or(FlagError::NoMaster)?.parse()?)
    }

    /// The agent these flags describe.
    ///
    /// Errors: when a value is malformed.
    pub fn config(&self) -> Result<Config, FlagError> {
        let mut config = Config::new(self.work_dir.clone(), self.masters()?);
        config.zk_session_timeout = self.zk_session_timeout;
        if let Some(dir) = &self.runtime_dir {
            config.runtime_dir = dir.clone();
        }
        config.hostname = self.hostname.clone();
        config.hostname_lookup = self.hostname_lookup;
        config.resources = resources::parse(self.resources.as_deref().unwrap_or(""), &self.default_role)
            .map_err(|why| invalid("resources", why))?;
        config.attributes = resources::attributes(self.attributes.as_deref().unwrap_or(""))
            .map_err(|why| invalid("attributes", why))?;
        config.domain = self
            .domain
            .as_deref()
            .map(api::convert::fault_domain)
            .transpose()
            .map_err(|why| invalid("domain", why))?;
        config.default_role = self.default_role.clone();
        config.frameworks_home = self.frameworks_home.clone();
        config.fetcher_stall_timeout = self.fetcher_stall_timeout;
        config.fetcher_cache_dir = self.fetcher_cache_dir.clone();
        config.fetcher_cache_size =
            parse_bytes(&self.fetcher_cache_size).map_err(|why| invalid("fetcher_cache_size", why))?;
        let usual = self.container_logger.as_ref().map(|_| Rotation { bytes_max: 10 << 20, kept_max: 5 });
        config.log_rotation = self.container_log_rotation.or(usual);
        config.switch_user = self.switch_user;
        config.registration_backoff_factor = self.registration_backoff_factor;
        if let Some(log) = &self.external_log_file {
            showable(log).map_err(|why| invalid("external_log_file", why))?;
        }
        config.log = self.external_log_file.clone();
        if let Some(text) = &self.executor_environment_variables {
            let variables: BTreeMap<String, String> =
                serde_json::from_str(text).map_err(|why| invalid("executor_environment_variables", why))?;
            config.executor_environment = Some(variables);
        }
        config.executor_registration_timeout = self.executor_registration_timeout;
        if self.executor_reregistration_timeout > Duration::from_secs(15) {
            return Err(invalid("executor_reregistration_timeout", "at most 15secs"));
        }
        config.executor_reregistration_timeout = self.executor_reregistration_timeout;
        config.executor_shutdown_grace_period = self.executor_shutdown_grace_period;
        config.recovery_timeout = self.recovery_timeout;
        config.recover = if self.recover == "cleanup" { Recover::Cleanup } else { Recover::Reconnect };
        config.reconfiguration_policy = match &*self.reconfiguration_policy {
            "additive" => ReconfigurationPolicy::Additive,
            _ => ReconfigurationPolicy::Equal,
        };
        config.fixed_port = self.port != 0 || self.advertise_port.is_some();
        config.strict = self.strict;
        config.gc_delay = self.gc_delay;
        if !(0.0..=1.0).contains(&self.gc_disk_headroom) {
            return Err(invalid("gc_disk_headroom", "between 0 and 1"));
        }
        config.gc_disk_headroom = self.gc_disk_headroom;
        config.disk_watch_interval = self.disk_watch_interval;
        config.max_completed_executors_per_framework = self.max_completed_executors_per_framework;
        config.isolation = self.isolation.config()?;
        if let Some(gpus) = &config.isolation.nvidia_gpu_devices
            && config.resources.gpus() != Scalar::whole(gpus.len() as i64)
        {
            let why = format!("names {} devices, and --resources must say gpus:{}", gpus.len(), gpus.len());
            return Err(invalid("nvidia_gpu_devices", why));
        }
        config.images = self.images.config(&config.work_dir, &config.runtime_dir)?;
        config.isolation.images = config.images.is_some();
        config.isolation.ignore_image_runtime = self.images.docker_ignore_runtime;
        config.oversubscription = self.oversubscription.config()?;
        (config.access, config.token_key) = self.access.access()?;
        config.flags = self.listed();
        Ok(config)
    }

    /// What `/flags` shows: each flag that is set or has a default, by name.
    pub fn listed(&self) -> BTreeMap<String, String> {
        let mut listed: BTreeMap<String, String> = LATER
            .iter()
            .filter_map(|&(name, default)| Some((name.to_owned(), default?.to_owned())))
            .collect();
        let mut put = |name: &str, value: String| listed.insert(name.to_owned(), value);
        let path = |path: &PathBuf| path.display().to_string();
        put("work_dir", path(&self.work_dir));
        put("runtime_dir", self.runtime_dir.as_ref().map_or_else(|| path(&self.work_dir.join("run")), path));
        put("port", self.port.to_string());
        put("hostname_lookup", self.hostname_lookup.to_string());
        put("default_role", self.default_role.clone());
        put("frameworks_home", self.frameworks_home.clone());
        put("fetcher_cache_dir", self.fetcher_cache_dir.as_ref().map_or("/tmp/mesos/fetch".into(), path));
        put("fetcher_cache_size", self.fetcher_cache_size.clone());
        put("fetcher_stall_timeout", format_duration(self.fetcher_stall_timeout));
        put("switch_user", self.switch_user.to_string());
        put("launcher_dir", path(&self.launcher_dir));
        put("registration_backoff_factor", format_duration(self.registration_backoff_factor));
        put("executor_registration_timeout", format_duration(self.executor_registration_timeout));
        put("executor_reregistration_timeout", format_duration(self.executor_reregistration_timeout));
        put("executor_shutdown_grace_period", format_duration(self.executor_shutdown_grace_period));
        put("recovery_timeout", format_duration(self.recovery_timeout));
        put("recover", self.recover.clone());
        put("reconfiguration_policy", self.reconfiguration_policy.clone());
        put("strict", self.strict.to_string());
        put("gc_delay", format_duration(self.gc_delay));
        put("gc_disk_headroom", self.gc_disk_headroom.to_string());
        put("disk_watch_interval", format_duration(self.disk_watch_interval));
        put("max_completed_executors_per_framework", self.max_completed_executors_per_framework.to_string());
        let listing = self.isolation.listed().into_iter().chain(self.images.listed());
        for (name, value) in listing.chain(self.oversubscription.listed()) {
            put(name, value);
        }
        for (name, value) in self.access.listed() {
            put(name, value);
        }
        put("zk_session_timeout", format_duration(self.zk_session_timeout));
        // Flags every Mesos binary has; ours logs its own way.
        for (name, value) in [
            ("help", "false"),
            ("version", "false"),
            ("quiet", "false"),
            ("logbufsecs", "0"),
            ("logging_level", "INFO"),
        ] {
            put(name, value.to_owned());
        }
        let mut given = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                put(name, value.clone());
            }
        };
        // A password is not for everybody who may read this.
        let master = match self.masters() {
            Ok(Masters::ZooKeeper(ensemble)) => Some(ensemble.to_string()),
            _ => self.master.clone(),
        };
        given("master", &master);
        given("ip", &self.ip);
        given("advertise_ip", &self.advertise_ip);
        given("advertise_port", &self.advertise_port.map(|port| port.to_string()));
        given("hostname", &self.hostname);
        given("resources", &self.resources);
        given("attributes", &self.attributes);
        given("container_logger", &self.container_logger);
        given("domain", &self.domain);
        given("external_log_file", &self.external_log_file.as_ref().map(|log| log.display().to_string()));
        given("executor_environment_variables", &self.executor_environment_variables);
        listed
    }
}

/// Duration flags: Mesos' text form.
fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// The one logger there is beside plain files, by the name of Mesos' module.
fn logger(text: &str) -> Result<String, String> {
    match text {
        "org_apache_mesos_LogrotateContainerLogger" => Ok(text.to_owned()),
        _ => Err("loggers are no modules here: set --container_log_rotation, as in 10MB,5".to_owned()),
    }
}

/// Shape: `10MB,5`.
fn rotation(text: &str) -> Result<Rotation, String> {
    let (bytes, kept) = text.split_once(',').ok_or("expected a size and a count, as in 10MB,5")?;
    let bytes_max = parse_bytes(bytes.trim()).map_err(|error| error.to_string())?;
    let kept_max = kept.trim().parse().map_err(|_| format!("'{kept}' is no count"))?;
    if bytes_max == 0 || kept_max > 1000 {
        return Err("expected a size above zero, and at most 1000 files".to_owned());
    }
    Ok(Rotation { bytes_max, kept_max })
}

/// A flag whose value may be `file:///path`, which stands for what the file holds.
fn contents(text: &str) -> Result<String, String> {
    match text.strip_prefix("file://") {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}")),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn flags(arguments: &[&str]) -> Flags {
        Line::try_parse_from(["agent", "--work_dir=/w"].iter().chain(arguments)).unwrap().flags
    }

    #[test]
    fn an_agent_needs_no_more_than_a_master_and_a_directory() {
        let config = flags(&["--master=127.0.0.1:5050"]).config().unwrap();
        assert_eq!(config.masters, Masters::Named(vec!["127.0.0.1:5050".to_owned()]));
        assert_eq!(config.executor_reregistration_timeout, Duration::from_secs(2));
        assert_eq!(config.gc_delay, Duration::from_secs(7 * 24 * 3600));
        assert_eq!(config.log_rotation, None);
        let rotated =
            flags(&["--master=a:1", "--container_logger=org_apache_mesos_LogrotateContainerLogger"]);
        assert_eq!(
            rotated.config().unwrap().log_rotation,
            Some(Rotation { bytes_max: 10 << 20, kept_max: 5 })
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_the_name_of_its_flag() {
        let error = |arguments: &[&str]| flags(arguments).config().unwrap_err().to_string();
        assert_eq!(error(&[]), "--master is missing: where is the master?");
        assert_eq!(error(&["--master=a"]), "--master: 'a' has no port: a master is host:port");
        assert!(error(&["--master=zk://a:2181"]).contains("names no path"));
        assert!(
            error(&["--master=127.0.0.1:1", "--executor_reregistration_timeout=16secs"])
                .contains("at most 15secs")
        );
        assert!(Line::try_parse_from(["agent", "--work_dir=/w", "--container_logger=mine"]).is_err());
        assert!(error(&["--master=127.0.0.1:1", "--resources=cpus:x"]).starts_with("--resources: "));
    }

    #[test]
    fn the_listed_flags_are_those_the_reference_lists() {
        let listed = flags(&["--master=127.0.0.1:5050"]).listed();
        for name in [
            "appc_store_dir",
            "executor_registration_timeout",
            "isolation",
            "recover",
            "work_dir",
            "zk_session_timeout",
        ] {
            assert!(listed.contains_key(name), "{name}");
        }
        assert_eq!(listed["recovery_timeout"], "15mins");
        let listed = flags(&["--master=zk://me:secret@a:2181/mesos"]).listed();
        assert_eq!(listed["master"], "zk://me:***@a:2181/mesos", "everybody may read /flags");
    }
}

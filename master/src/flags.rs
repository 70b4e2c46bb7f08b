//! How a master is run: Mesos' flags, with their names, defaults and text forms.
//!
//! The command line gives `MESOS_<NAME>` and `--no-<name>` their meaning before these see it. Flags of Mesos that mean nothing
//! here yet stand in `later`.

mod forms;
mod later;
mod listed;
mod security;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use api::classic::files::showable;

use crate::allocator::hierarchical;
use crate::allocator::{self, Order};
use crate::config::{Config, Settings, ZooKeeper};
use crate::election::Candidate;
use crate::http::realms;
use crate::preemption::Preemption;
use crate::registrar::{self, RegistryLimits};
use forms::{contents, duration, fraction, list, masters, minimums, pause, percent, roles, weights};
pub use later::Later;
pub use security::AccessFlags;

/// Where in its work_dir a master keeps its replica of the registry.
pub const REPLICA_DIR: &str = "replicated_log";

/// The flags of `hectare master`.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// The address to listen on.
    #[arg(long = "ip", env = "HECTARE_IP")]
    pub ip: Option<String>,

    /// The port to listen on.
    #[arg(long = "port", env = "HECTARE_PORT", default_value_t = 5050)]
    pub port: u16,

    /// The address others reach this master at, when it is not the one it listens on.
    #[arg(long = "advertise_ip", env = "HECTARE_ADVERTISE_IP")]
    pub advertise_ip: Option<String>,

    /// The port others reach this master at, when it is not the one it listens on.
    #[arg(long = "advertise_port", env = "HECTARE_ADVERTISE_PORT")]
    pub advertise_port: Option<u16>,

    /// The name this master publishes. Unset: this machine's name, or its address with --hostname_lookup=false.
    #[arg(long = "hostname", env = "HECTARE_HOSTNAME")]
    pub hostname: Option<String>,

    /// Whether to publish this machine's name when --hostname is unset.
    #[arg(long = "hostname_lookup", env = "HECTARE_HOSTNAME_LOOKUP", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub hostname_lookup: bool,

    /// A name for people, shown in /state.
    #[arg(long = "cluster", env = "HECTARE_CLUSTER")]
    pub cluster: Option<String>,

    /// Where the registry is kept, on a disk that survives the process.
    #[arg(long = "work_dir", env = "HECTARE_WORK_DIR")]
    pub work_dir: Option<PathBuf>,

    /// How the registry is kept: in the log that all masters replicate, or in_memory, which forgets agents when the
    /// master ends.
    #[arg(long = "registry", env = "HECTARE_REGISTRY", default_value = "replicated_log", value_parser = ["replicated_log", "in_memory"])]
    pub registry: String,

    /// All masters of a cluster that is yet to be formed, this one among them, as in `a:5050,b:5050,c:5050`; the same for
    /// each. Unset: this one alone; more can join later.
    #[arg(long = "masters", env = "HECTARE_MASTERS", value_parser = contents)]
    pub masters: Option<String>,

    /// The majority of the masters. It follows from their number, so it is only checked.
    #[arg(long = "quorum", env = "HECTARE_QUORUM")]
    pub quorum: Option<usize>,

    /// How often agents that are unreachable or gone are looked through for old ones.
    #[arg(long = "registry_gc_interval", env = "HECTARE_REGISTRY_GC_INTERVAL", default_value = "15mins", value_parser = duration)]
    pub registry_gc_interval: Duration,

    /// How long an agent is remembered as unreachable or gone.
    #[arg(long = "registry_max_agent_age", env = "HECTARE_REGISTRY_MAX_AGENT_AGE", default_value = "2weeks", value_parser = duration)]
    pub registry_max_agent_age: Duration,

    /// How many agents are remembered as unreachable, and how many as gone.
    #[arg(
        long = "registry_max_agent_count",
        env = "HECTARE_REGISTRY_MAX_AGENT_COUNT",
        default_value_t = 102_400
    )]
    pub registry_max_agent_count: usize,

    /// How long agents may take to come back, after a failover or a lost connection; at least 10mins.
    #[arg(long = "agent_reregister_timeout", alias = "slave_reregister_timeout", env = "HECTARE_AGENT_REREGISTER_TIMEOUT",
          default_value = "10mins", value_parser = duration)]
    pub agent_reregister_timeout: Duration,

    /// How many silent agents are marked unreachable in how much time, as in 1/10mins. Unset: all that are.
    #[arg(
        long = "agent_removal_rate_limit",
        alias = "slave_removal_rate_limit",
        env = "HECTARE_AGENT_REMOVAL_RATE_LIMIT"
    )]
    pub agent_removal_rate_limit: Option<String>,

    /// How many of the agents it knew may be marked unreachable after a failover; if more would be, the master ends.
    #[arg(
        long = "recovery_agent_removal_limit",
        alias = "recovery_slave_removal_limit",
        env = "HECTARE_RECOVERY_AGENT_REMOVAL_LIMIT",
        default_value = "100%"
    )]
    pub recovery_agent_removal_limit: String,

    /// How long an agent may take to answer a ping; between 1secs and 15mins.
    #[arg(long = "agent_ping_timeout", alias = "slave_ping_timeout", env = "HECTARE_AGENT_PING_TIMEOUT",
          default_value = "15secs", value_parser = duration)]
    pub agent_ping_timeout: Duration,

    /// How many pings in a row an agent may miss.
    #[arg(
        long = "max_agent_ping_timeouts",
        alias = "max_slave_ping_timeouts",
        env = "HECTARE_MAX_AGENT_PING_TIMEOUTS",
        default_value_t = 5
    )]
    pub max_agent_ping_timeouts: u32,

    /// After this long an offer that nobody answers is rescinded. Unset: never.
    #[arg(long = "offer_timeout", env = "HECTARE_OFFER_TIMEOUT", value_parser = duration)]
    pub offer_timeout: Option<Duration>,

    /// An agent that runs this many executors is not offered. Unset: however many they are.
    #[arg(
        long = "max_executors_per_agent",
        alias = "max_executors_per_slave",
        env = "HECTARE_MAX_EXECUTORS_PER_AGENT"
    )]
    pub max_executors_per_agent: Option<usize>,

    /// How many operators may read the stream of events at once; the oldest makes room for a new one.
    #[arg(
        long = "max_operator_event_stream_subscribers",
        env = "HECTARE_MAX_OPERATOR_EVENT_STREAM_SUBSCRIBERS",
        default_value_t = 1000
    )]
    pub max_operator_event_stream_subscribers: usize,

    /// Where this master stands, as in {"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}}, or the
    /// `file:///path` of that. Agents of other regions are offered only to frameworks that know of regions.
    #[arg(long = "domain", env = "HECTARE_DOMAIN", value_parser = contents)]
    pub domain: Option<String>,

    /// Whether agents that do not say where they stand are left out.
    #[arg(long = "require_agent_domain", env = "HECTARE_REQUIRE_AGENT_DOMAIN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub require_agent_domain: bool,

    /// Whether frameworks may run as root.
    #[arg(long = "root_submissions", env = "HECTARE_ROOT_SUBMISSIONS", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub root_submissions: bool,

    /// The only roles there are, separated by commas; `*` is always one. Unset: any role.
    #[arg(long = "roles", env = "HECTARE_ROLES", value_parser = contents)]
    pub roles: Option<String>,

    /// What roles weigh, as in `web=2,batch=1.5`; others weigh 1.
    #[arg(long = "weights", env = "HECTARE_WEIGHTS", value_parser = contents)]
    pub weights: Option<String>,

    /// How it is decided who is offered what: `hierarchical` is dominant resource fairness; `weighted_random` draws, heavier roles
    /// more often; `strict_priority` asks heavier roles first; `multilevel_queue` asks roles that weigh less than 1 last.
    #[arg(long = "allocator", env = "HECTARE_ALLOCATOR", default_value = "hierarchical",
          value_parser = ["hierarchical", "HierarchicalDRF", "weighted_random", "strict_priority", "multilevel_queue"])]
    pub allocator: String,

    /// With --allocator=multilevel_queue: how long a role that weighs less than 1 waits before it counts as one of the others.
    #[arg(long = "background_aging", env = "HECTARE_BACKGROUND_AGING", default_value = "10mins", value_parser = duration)]
    pub background_aging: Duration,

    /// With --allocator=strict_priority: whether tasks of lighter roles make room for what a framework of a heavier one asks for
    /// with REQUEST and is not given.
    #[arg(long = "preemption", env = "HECTARE_PREEMPTION", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub preemption: bool,

    /// How long it asks in vain first.
    #[arg(long = "preemption_wait", env = "HECTARE_PREEMPTION_WAIT", default_value = "30secs", value_parser = duration)]
    pub preemption_wait: Duration,

    /// How long frameworks that are told to make room may take, before their tasks are ended.
    #[arg(long = "preemption_grace", env = "HECTARE_PREEMPTION_GRACE", default_value = "30secs", value_parser = duration)]
    pub preemption_grace: Duration,

    /// How long a framework that asked for certain agents is offered no others.
    #[arg(long = "preference_wait", env = "HECTARE_PREFERENCE_WAIT", default_value = "3secs", value_parser = duration)]
    pub preference_wait: Duration,

    /// How long changes gather at most before something is offered again; the least time a filter holds.
    #[arg(long = "allocation_interval", env = "HECTARE_ALLOCATION_INTERVAL", default_value = "1secs", value_parser = duration)]
    pub allocation_interval: Duration,

    /// While roles have quota, nothing is offered after a failover before this part of the agents is back, from 0 to 1.
    #[arg(
        long = "allocator_agent_recovery_factor",
        env = "HECTARE_ALLOCATOR_AGENT_RECOVERY_FACTOR",
        default_value_t = 0.8
    )]
    pub allocator_agent_recovery_factor: f64,

    /// How long they are waited for at most.
    #[arg(long = "allocator_recovery_timeout", env = "HECTARE_ALLOCATOR_RECOVERY_TIMEOUT", default_value = "10mins", value_parser = duration)]
    pub allocator_recovery_timeout: Duration,

    /// In which order roles are asked.
    #[arg(long = "role_sorter", alias = "user_sorter", env = "HECTARE_ROLE_SORTER", default_value = "drf", value_parser = ["drf", "random"])]
    pub role_sorter: String,

    /// In which order a role's frameworks are asked; the same as roles.
    #[arg(long = "framework_sorter", env = "HECTARE_FRAMEWORK_SORTER", default_value = "drf", value_parser = ["drf", "random"])]
    pub framework_sorter: String,

    /// Resources that count for nobody's share, separated by commas.
    #[arg(long = "fair_sharing_excluded_resource_names", env = "HECTARE_FAIR_SHARING_EXCLUDED_RESOURCE_NAMES", value_parser = contents)]
    pub fair_sharing_excluded_resource_names: Option<String>,

    /// Whether agents with GPUs are kept for frameworks that know of them.
    #[arg(long = "filter_gpu_resources", env = "HECTARE_FILTER_GPU_RESOURCES", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub filter_gpu_resources: bool,

    /// What must be left of an agent to be offered, as in `cpus:0.01|mem:32`: one of these. Empty: anything.
    #[arg(long = "min_allocatable_resources", env = "HECTARE_MIN_ALLOCATABLE_RESOURCES", default_value = "cpus:0.01|mem:32", value_parser = contents)]
    pub min_allocatable_resources: String,

    /// A file with the hosts whose agents may be offered, one per line; it is read again every 5secs. Unset: all.
    #[arg(long = "whitelist", env = "HECTARE_WHITELIST")]
    pub whitelist: Option<PathBuf>,

    /// The file that this master's log is written to by who started it; shown as /master/log. Unset: the log is not shown.
    #[arg(long = "external_log_file", env = "HECTARE_EXTERNAL_LOG_FILE")]
    pub external_log_file: Option<PathBuf>,

    /// How many ended frameworks are remembered.
    #[arg(long = "max_completed_frameworks", env = "HECTARE_MAX_COMPLETED_FRAMEWORKS", default_value_t = 50)]
    pub max_completed_frameworks: usize,

    /// How many ended tasks of a framework are remembered.
    #[arg(
        long = "max_completed_tasks_per_framework",
        env = "HECTARE_MAX_COMPLETED_TASKS_PER_FRAMEWORK",
        default_value_t = 1000
    )]
    pub max_completed_tasks_per_framework: usize,

    /// How many unreachable tasks of a framework are remembered.
    #[arg(
        long = "max_unreachable_tasks_per_framework",
        env = "HECTARE_MAX_UNREACHABLE_TASKS_PER_FRAMEWORK",
        default_value_t = 1000
    )]
    pub max_unreachable_tasks_per_framework: usize,

    /// Whether each framework has metrics of its own.
    #[arg(long = "publish_per_framework_metrics", env = "HECTARE_PUBLISH_PER_FRAMEWORK_METRICS", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub publish_per_framework_metrics: bool,

    /// Where the leading master publishes itself, for agents and frameworks that look there:
    /// `zk://[user:password@]host:port,host:port/path`, or `file:///path` of a file that holds that. Who leads is decided
    /// by the masters alone.
    #[arg(long = "zk", env = "HECTARE_ZK", value_parser = contents)]
    pub zk: Option<String>,

    /// How long what is published in ZooKeeper outlives its master's connection.
    #[arg(long = "zk_session_timeout", env = "HECTARE_ZK_SESSION_TIMEOUT", default_value = "10secs", value_parser = duration)]
    pub zk_session_timeout: Duration,

    #[command(flatten)]
    pub access: AccessFlags,

    #[command(flatten)]
    pub later: Later,
}

/// Why the flags do not make a master.
#[derive(Debug, thiserror::Error)]
#[error("--{flag}: {why}")]
pub struct FlagError {
    /// Which flag.
    pub flag: &'static str,
    why: String,
}

fn invalid(flag: &'static str, why: impl ToString) -> FlagError {
    FlagError { flag, why: why.to_string() }
}

impl From<::security::FlagError> for FlagError {
    fn from(error: ::security::FlagError) -> Self {
        invalid(error.flag, error.why)
    }
}

impl Flags {
    /// The master these flags describe.
    ///
    /// Errors: a value is malformed, out of its bounds, or at odds with another.
    pub fn config(&self) -> Result<Config, FlagError> {
        const PING: std::ops::RangeInclusive<Duration> =
            Duration::from_secs(1)..=Duration::from_secs(15 * 60);
        if !PING.contains(&self.agent_ping_timeout) {
            return Err(invalid("agent_ping_timeout", "between 1secs and 15mins"));
        }
        if self.max_agent_ping_timeouts == 0 {
            return Err(invalid("max_agent_ping_timeouts", "at least 1"));
        }
        if self.agent_reregister_timeout < Duration::from_secs(600) {
            return Err(invalid("agent_reregister_timeout", "at least 10mins"));
        }
        if self.role_sorter != self.framework_sorter {
            return Err(invalid(
                "framework_sorter",
                "roles and frameworks are ordered the same way; see --role_sorter",
            ));
        }
        if let Some(log) = &self.external_log_file {
            showable(log).map_err(|why| invalid("external_log_file", why))?;
        }
        let domain = self.domain.as_deref().map(api::convert::fault_domain).transpose();
        let domain = domain.map_err(|why| invalid("domain", why))?;
        let region = domain.as_ref().map(|domain| domain.region.clone());
        let access = self.access.access()?;
        Ok(Config {
            hostname: self.hostname.clone().or_else(|| self.machine_name()),
            cluster: self.cluster.clone(),
            domain,
            settings: Settings {
                agent_ping_timeout: self.agent_ping_timeout,
                max_agent_ping_timeouts: self.max_agent_ping_timeouts,
                agent_reregister_timeout: self.agent_reregister_timeout,
                agent_removal_pause: self.agent_removal_rate_limit.as_deref().map(pause).transpose()?,
                recovery_agent_removal_limit: percent(&self.recovery_agent_removal_limit)?,
                offer_timeout: self.offer_timeout,
                max_executors_per_agent: self.max_executors_per_agent,
                preemption: self.preemption()?,
                log: self.external_log_file.clone(),
                max_completed_frameworks: self.max_completed_frameworks,
                max_completed_tasks_per_framework: self.max_completed_tasks_per_framework,
                max_unreachable_tasks_per_framework: self.max_unreachable_tasks_per_framework,
                require_agent_domain: self.require_agent_domain,
                roles: self.roles.as_deref().map(roles).transpose()?,
                root_submissions: self.root_submissions,
                max_operator_event_stream_subscribers: self.max_operator_event_stream_subscribers.max(1),
                policy: access.policy.clone(),
            },
            sharing: hierarchical::Settings {
                filter_min: self.allocation_interval,
                order: self.order()?,
                excluded: self.fair_sharing_excluded_resource_names.as_deref().map(list).unwrap_or_default(),
                weights: weights(self.weights.as_deref().unwrap_or(""))?,
                filter_gpus: self.filter_gpu_resources,
                min_allocatable: minimums(&self.min_allocatable_resources)?,
                preference_wait: self.preference_wait,
                region,
            },
            allocator: allocator::actor::Settings {
                interval: self.allocation_interval,
                whitelist: self.whitelist.clone(),
                recovery: allocator::Recovery {
                    agent_factor: fraction(self.allocator_agent_recovery_factor)?,
                    timeout: self.allocator_recovery_timeout,
                },
            },
            registrar: registrar::Settings {
                interval: self.registry_gc_interval,
                limits: RegistryLimits {
                    age: self.registry_max_agent_age,
                    count: self.registry_max_agent_count,
                },
            },
            zookeeper: self.zookeeper()?,
            access,
            drivers: self.access.drivers()?,
            rate_limits: self.access.rate_limits()?,
            flags: self.listed(),
            publish_per_framework_metrics: self.publish_per_framework_metrics,
            ..Config::default()
        })
    }

    /// Whether tasks make room for others.
    fn preemption(&self) -> Result<Option<Preemption>, FlagError> {
        const WAIT_MIN: Duration = Duration::from_secs(1);
        match (self.preemption, self.allocator.as_str()) {
            (false, _) => Ok(None),
            (true, "strict_priority") if self.preemption_wait < WAIT_MIN => {
                Err(invalid("preemption_wait", "at least 1secs"))
            }
            (true, "strict_priority") => {
                Ok(Some(Preemption { wait: self.preemption_wait, grace: self.preemption_grace }))
            }
            (true, _) => Err(invalid(
                "preemption",
                "needs --allocator=strict_priority, which says who comes before whom",
            )),
        }
    }

    /// In which order roles are asked.
    fn order(&self) -> Result<Order, FlagError> {
        let order = match self.allocator.as_str() {
            "weighted_random" => Order::Random,
            "strict_priority" => Order::Priority,
            "multilevel_queue" => Order::Multilevel { aging: self.background_aging },
            _ if self.role_sorter == "random" => return Ok(Order::Random),
            _ => return Ok(Order::Drf),
        };
        match self.role_sorter.as_str() {
            "drf" => Ok(order),
            _ => {
                Err(invalid("role_sorter", format!("--allocator={} has an order of its own", self.allocator)))
            }
        }
    }

    /// The replica of the registry these flags describe, at the address others reach this master at; none if it is kept
    /// in memory.
    ///
    /// Errors: no directory to keep it in, a master that cannot be looked up, this one not among the masters, a quorum
    /// that is none.
    pub fn replica(&self, own: SocketAddr) -> Result<Option<replicated_log::Config>, FlagError> {
        let masters = masters(self.masters.as_deref().unwrap_or(""))?;
        if self.registry == "in_memory" {
            return match masters.len() {
                0 | 1 => Ok(None),
                _ => Err(invalid("masters", "several masters need --registry=replicated_log")),
            };
        }
        let Some(work_dir) = &self.work_dir else {
            return Err(invalid(
                "work_dir",
                "missing: where is the registry to be kept? For a trial, --registry=in_memory keeps none",
            ));
        };
        if !masters.is_empty() && !masters.contains(&own) {
            let why = format!(
                "{own} is not among them; --ip and --port, or --advertise_ip, say who this master is"
            );
            return Err(invalid("masters", why));
        }
        let majority = masters.len().max(1) / 2 + 1;
        if let Some(quorum) = self.quorum.filter(|quorum| *quorum != majority) {
            let why =
                format!("{quorum} is not the majority of {}, which is {majority}", masters.len().max(1));
            return Err(invalid("quorum", why));
        }
        let hostname = self.hostname.clone().or_else(|| self.machine_name());
        let candidate = Candidate { hostname: hostname.unwrap_or_else(|| own.ip().to_string()) };
        Ok(Some(replicated_log::Config {
            masters,
            info: candidate.encode().into(),
            realms: Some(replicated_log::Realms { read: realms::READ_ONLY, change: realms::READ_WRITE }),
            ..replicated_log::Config::new(work_dir.join(REPLICA_DIR))
        }))
    }

    fn zookeeper(&self) -> Result<Option<ZooKeeper>, FlagError> {
        let Some(text) = &self.zk else { return Ok(None) };
        let ensemble = text.trim().parse().map_err(|why| invalid("zk", why))?;
        if self.zk_session_timeout < Duration::from_secs(1) {
            return Err(invalid("zk_session_timeout", "at least 1secs"));
        }
        Ok(Some(ZooKeeper { ensemble, session_timeout: self.zk_session_timeout }))
    }

    /// This machine's name, if it is wanted; a master on loopback is called by its address, since others cannot reach that name.
    fn machine_name(&self) -> Option<String> {
        let reachable = self.ip.as_deref().is_some_and(|ip| !ip.starts_with("127."));
        match self.hostname_lookup && reachable {
            true => {
                std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned())
            }
            false => None,
        }
    }
}

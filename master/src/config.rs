//! What a master is told before it starts.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::allocator;
use crate::preemption::Preemption;
use crate::registrar::{self, RegistryLimits};
use crate::reign::Leader;
use model::{FaultDomain, MasterCapability, MasterId, MasterInfo, Role};
use security::{Access, Credentials, Policy, RateLimits};

/// How to run a master. `flags` makes one from the command line; tests from [`Default`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Name that people see in links and redirects; the address' own if `None`.
    pub hostname: Option<String>,
    /// Name of the cluster, shown in `/state` and the web interface.
    pub cluster: Option<String>,
    /// Where this master stands; agents of other regions are offered to frameworks that know of regions.
    pub domain: Option<FaultDomain>,
    /// What a rule may need to know.
    pub settings: Settings,
    /// Which allocator shares.
    pub policy: allocator::Policy,
    /// How the built-in one does.
    pub sharing: allocator::hierarchical::Settings,
    /// How often it does.
    pub allocator: allocator::actor::Settings,
    /// How the registrar keeps its lists short.
    pub registrar: registrar::Settings,
    /// Where the leading master publishes itself for those who look in ZooKeeper.
    pub zookeeper: Option<ZooKeeper>,
    /// Who may come in over HTTP, and what is allowed.
    pub access: Access,
    /// What is asked of old drivers.
    pub drivers: Drivers,
    /// How often each principal may call as a framework.
    pub rate_limits: RateLimits,
    /// Every flag and its value in words, for `/flags`, in name order.
    pub flags: std::collections::BTreeMap<String, String>,
    /// Whether each framework has metrics of its own.
    pub publish_per_framework_metrics: bool,
    /// How many encoded bytes may wait for a scheduler that does not read.
    pub backlog_bytes: usize,
    /// How many events may wait for a scheduler that does not read.
    pub backlog_events: usize,
}

/// What is asked of old drivers.
#[derive(Clone, Debug, Default)]
pub struct Drivers {
    /// Whether they have to prove who they are, as they have to where other frameworks do.
    pub prove: bool,
    /// By whose secrets they can.
    pub known: Option<Credentials>,
}

/// A place in ZooKeeper. It is told who leads, and never asked.
#[derive(Clone, Debug)]
pub struct ZooKeeper {
    pub ensemble: detector::Ensemble,
    /// How long what is published there outlives its master's connection.
    pub session_timeout: Duration,
}

/// The settings rules look at. Source: the flags of the same names.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often an agent is pinged.
    pub agent_ping_timeout: Duration,
    /// How many pings in a row may stay unanswered.
    pub max_agent_ping_timeouts: u32,
    /// How long an agent whose link broke, or that only the registry knows, may take to come back.
    pub agent_reregister_timeout: Duration,
    /// How much time is between two agents that are marked unreachable; none if they may be together.
    pub agent_removal_pause: Option<Duration>,
    /// How many of a hundred agents may be marked unreachable after a failover.
    pub recovery_agent_removal_limit: u8,
    /// After this long without an answer an offer is rescinded.
    pub offer_timeout: Option<Duration>,
    /// Agents that run so many executors are not offered.
    pub max_executors_per_agent: Option<usize>,
    /// Whether tasks of lighter roles make room for what heavier ones ask for, and how.
    pub preemption: Option<Preemption>,
    /// The file that the master's log is written to by others, if it is shown.
    pub log: Option<PathBuf>,
    /// How many ended frameworks are remembered.
    pub max_completed_frameworks: usize,
    /// How many ended tasks are remembered per framework.
    pub max_completed_tasks_per_framework: usize,
    /// How many unreachable tasks are remembered per framework.
    pub max_unreachable_tasks_per_framework: usize,
    /// Whether only agents that say where they stand are taken in.
    pub require_agent_domain: bool,
    /// Only these roles may be used; `None` allows every role.
    pub roles: Option<BTreeSet<Role>>,
    /// Whether frameworks may run tasks as `root`.
    pub root_submissions: bool,
    /// How many operators may read what happens at once; the oldest makes room for a new one.
    pub max_operator_event_stream_subscribers: usize,
    /// What is allowed to whom.
    pub policy: Policy,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_secs(600),
            agent_removal_pause: None,
            recovery_agent_removal_limit: 100,
            offer_timeout: None,
            max_executors_per_agent: None,
            preemption: None,
            log: None,
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            require_agent_domain: false,
            roles: None,
            root_submissions: true,
            max_operator_event_stream_subscribers: 1000,
            policy: Policy::default(),
        }
    }
}

impl Settings {
    /// For how long in all an agent may be silent; told to agents, who then look for a master themselves.
    pub(crate) fn silence_max(&self) -> Duration {
        self.agent_ping_timeout * self.max_agent_ping_timeouts
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hostname: None,
            cluster: None,
            domain: None,
            settings: Settings::default(),
            policy: allocator::Policy::default(),
            sharing: allocator::hierarchical::Settings::default(),
            allocator: allocator::actor::Settings {
                interval: Duration::from_secs(1),
                whitelist: None,
                recovery: allocator::Recovery::default(),
            },
            registrar: registrar::Settings {
                interval: Duration::from_secs(15 * 60),
                limits: RegistryLimits { age: Duration::from_secs(14 * 24 * 3600), count: 100 * 1024 },
            },
            zookeeper: None,
            access: Access::default(),
            drivers: Drivers::default(),
            rate_limits: RateLimits::default(),
            flags: Default::default(),
            publish_per_framework_metrics: true,
            backlog_bytes: 16 << 20,
            backlog_events: 65_536,
        }
    }
}

/// Who this master is, as it tells agents, schedulers and people.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Random, drawn at every start. Ids of frameworks, agents and offers begin with it.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it speaks TLS alone, and with it every agent that links to it.
    pub tls: bool,
    /// Name that people see.
    pub hostname: String,
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Where it stands.
    pub domain: Option<FaultDomain>,
    /// Counts leaderships. Agents refuse what an older epoch sent.
    pub epoch: u64,
    /// When the process started.
    pub started: model::Time,
    /// When it began to lead.
    pub elected: model::Time,
}

impl Identity {
    /// The same, as masters and redirects name it.
    pub fn leader(&self) -> Leader {
        Leader { address: self.address, hostname: self.hostname.clone() }
    }

    /// The same, as schedulers are told.
    pub fn info(&self) -> MasterInfo {
        MasterInfo {
            id: MasterId::new(self.id.as_str()),
            address: self.address,
            pid: format!("master@{}", self.address),
            hostname: self.hostname.clone(),
            version: API_VERSION.to_owned(),
            domain: self.domain.clone(),
            capabilities: MasterCapability::ALL.to_vec(),
        }
    }
}

/// The version of the Mesos API that is spoken. Clients split it at the dots.
pub const API_VERSION: &str = "1.11.0";

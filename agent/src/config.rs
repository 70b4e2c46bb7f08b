//! What an agent is told at its start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use agent_launch::Rotation;
use detector::Masters;
use libprocess::Secret;
use model::{Attributes, FaultDomain, Resources};
use security::Access;

use crate::isolators::IsolationConfig;
use crate::oversubscription::Oversubscription;
use crate::provisioner;
use crate::recovery::ReconfigurationPolicy;

/// What becomes of executors that are found after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// They subscribe again and go on.
    Reconnect,
    /// They are ended, and so is the agent.
    Cleanup,
}

/// Everything an agent is told at its start; see [`crate::Flags`] for what each means to a user.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where masters are found, and asked in turn.
    pub masters: Masters,
    /// How long a session with ZooKeeper lives without a connection, where masters are found there.
    pub zk_session_timeout: Duration,
    pub work_dir: PathBuf,
    pub runtime_dir: PathBuf,
    /// The name this agent publishes; its machine's when unset.
    pub hostname: Option<String>,
    pub hostname_lookup: bool,
    /// What the machine has as far as its operator said; the rest is detected.
    pub resources: Resources,
    pub attributes: Attributes,
    /// Where this machine stands.
    pub domain: Option<FaultDomain>,
    pub default_role: String,
    pub frameworks_home: String,
    pub fetcher_stall_timeout: Duration,
    /// Where fetched URIs are kept; in the runtime directory if `None`. Emptied at the start.
    pub fetcher_cache_dir: Option<PathBuf>,
    /// Unit: bytes.
    pub fetcher_cache_size: u64,
    pub switch_user: bool,
    pub registration_backoff_factor: Duration,
    /// The file that the agent's log is written to by others, if it is shown.
    pub log: Option<PathBuf>,
    /// Variables every executor gets instead of the agent's own.
    pub executor_environment: Option<BTreeMap<String, String>>,
    pub executor_registration_timeout: Duration,
    pub executor_reregistration_timeout: Duration,
    pub executor_shutdown_grace_period: Duration,
    pub recovery_timeout: Duration,
    pub recover: Recover,
    pub reconfiguration_policy: ReconfigurationPolicy,
    /// Whether somebody chose the port: by another one the agent is then another.
    pub fixed_port: bool,
    pub strict: bool,
    pub gc_delay: Duration,
    pub gc_disk_headroom: f64,
    pub disk_watch_interval: Duration,
    /// Who gives what lies idle once more, and who ends tasks for it.
    pub oversubscription: Oversubscription,
    /// Set aside a file of output once it is so long; containers write theirs themselves, however long, if `None`.
    pub log_rotation: Option<Rotation>,
    pub max_completed_executors_per_framework: usize,
    /// The command of the executor that runs command tasks; `--group` is added for task groups.
    ///
    /// Empty: this very program, `executor`.
    pub executor: Vec<String>,
    /// What sets containers apart. Its `tag` is made from `work_dir`.
    pub isolation: IsolationConfig,
    /// Root file systems of images; none if `None`.
    pub images: Option<provisioner::Config>,
    /// Who may come in over HTTP, and what is allowed.
    pub access: Access,
    /// Signs the tokens that executors are given; none are, if `None`.
    pub token_key: Option<Secret>,
    /// What `/flags` shows.
    pub flags: BTreeMap<String, String>,
}

impl Config {
    /// An agent with Mesos' defaults.
    pub fn new(work_dir: PathBuf, masters: impl Into<Masters>) -> Self {
        Self {
            masters: masters.into(),
            zk_session_timeout: Duration::from_secs(10),
            runtime_dir: work_dir.join("run"),
            work_dir,
            hostname: None,
            hostname_lookup: true,
            resources: Resources::default(),
            attributes: Attributes::default(),
            domain: None,
            default_role: "*".to_owned(),
            frameworks_home: String::new(),
            fetcher_stall_timeout: Duration::from_secs(60),
            fetcher_cache_dir: None,
            fetcher_cache_size: 2 << 30,
            switch_user: true,
            registration_backoff_factor: Duration::from_secs(1),
            log: None,
            executor_environment: None,
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_shutdown_grace_period: Duration::from_secs(5),
            recovery_timeout: Duration::from_secs(15 * 60),
            recover: Recover::Reconnect,
            reconfiguration_policy: ReconfigurationPolicy::default(),
            fixed_port: false,
            strict: true,
            gc_delay: Duration::from_secs(7 * 24 * 3600),
            gc_disk_headroom: 0.1,
            disk_watch_interval: Duration::from_secs(60),
            oversubscription: Oversubscription::default(),
            log_rotation: None,
            max_completed_executors_per_framework: 150,
            executor: Vec::new(),
            isolation: IsolationConfig::default(),
            images: None,
            access: Access::default(),
            token_key: None,
            flags: BTreeMap::new(),
        }
    }
}

//! What rules read of the configuration; the same for the life of the process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use agent_launch::Rotation;
use libprocess::Upid;
use model::{AgentInfo, Resources};
use security::Policy;

use crate::config::Recover;
use crate::containerizer::KeptStdio;
use crate::executors::Tokens;
use crate::gc;
use crate::layout::Layout;
use crate::oversubscription::Oversubscription;
use crate::recovery::Known;

/// Fixed at the start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub layout: Layout,
    /// Where supervisors are found.
    pub runtime_dir: PathBuf,
    /// What this agent says of itself, without its id.
    pub info: AgentInfo,
    /// The same as far as it must not change from one life to the next.
    pub known: Known,
    /// All it has.
    pub resources: Resources,
    /// Resources of which a task may have a limit: isolators hold containers to it.
    pub enforced_limits: Vec<&'static str>,
    /// `slave(1)@ip:port`.
    pub pid: Upid,
    /// Whether there may be others than the master that leads.
    pub several_masters: bool,
    /// The command of our own executor.
    pub executor: Vec<String>,
    /// Variables every executor gets instead of the agent's own.
    pub executor_environment: Option<BTreeMap<String, String>>,
    /// Variables by which executors speak TLS with this agent, if it does.
    pub tls: Vec<(String, String)>,
    /// The agent's `PATH`: executors may be bare names.
    pub path: Option<String>,
    pub switch_user: bool,
    pub registration_backoff_factor: Duration,
    pub executor_registration_timeout: Duration,
    pub executor_reregistration_timeout: Duration,
    pub executor_shutdown_grace_period: Duration,
    pub recovery_timeout: Duration,
    pub recover: Recover,
    pub gc: gc::Policy,
    pub disk_watch_interval: Duration,
    pub oversubscription: Oversubscription,
    /// The file that the agent's log is written to by others, if it is shown.
    pub log: Option<PathBuf>,
    /// When files of output are set aside; never if `None`, and then tasks write them themselves.
    pub log_rotation: Option<Rotation>,
    pub max_completed_executors: usize,
    /// What is allowed to whom.
    pub policy: Policy,
    /// Makes the tokens that executors are given.
    pub tokens: Option<Tokens>,
    /// What `/flags` shows.
    pub flags: BTreeMap<String, String>,
}

impl Settings {
    /// How input and output are kept of a container that nobody looks at.
    pub(crate) fn logged(&self) -> Option<KeptStdio> {
        let logged = Some(self.log_rotation?);
        Some(KeptStdio { terminal: None, input: false, logged, session: false })
    }
}

/// How many ended frameworks are remembered.
pub(crate) const COMPLETED_FRAMEWORKS_MAX: usize = 50;
/// How many ended tasks of an executor are remembered.
pub(crate) const COMPLETED_TASKS_MAX: usize = 200;

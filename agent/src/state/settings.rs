//! What rules read of the configuration; the same for the life of the process.

use std::collections::BTreeMap;
use std::time::Duration;

use libprocess::Upid;
use model::{AgentInfo, Resources};

use crate::config::Recover;
use crate::gc::Policy;
use crate::layout::Layout;

/// Fixed at the start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub layout: Layout,
    /// What this agent says of itself, without its id.
    pub info: AgentInfo,
    /// All it has.
    pub resources: Resources,
    /// `slave(1)@ip:port`.
    pub pid: Upid,
    /// Where masters are asked, in turn.
    pub masters: Vec<Upid>,
    /// The command of our own executor.
    pub executor: Vec<String>,
    /// Variables every executor gets instead of the agent's own.
    pub executor_environment: Option<BTreeMap<String, String>>,
    /// The agent's `PATH`: executors may be bare names.
    pub path: Option<String>,
    pub switch_user: bool,
    pub registration_backoff_factor: Duration,
    pub executor_registration_timeout: Duration,
    pub executor_reregistration_timeout: Duration,
    pub executor_shutdown_grace_period: Duration,
    pub recovery_timeout: Duration,
    pub recover: Recover,
    pub gc: Policy,
    pub disk_watch_interval: Duration,
    pub max_completed_executors: usize,
    /// What `/flags` shows.
    pub flags: BTreeMap<String, String>,
}

/// How many ended frameworks are remembered.
pub(crate) const COMPLETED_FRAMEWORKS_MAX: usize = 50;
/// How many ended tasks of an executor are remembered.
pub(crate) const COMPLETED_TASKS_MAX: usize = 200;

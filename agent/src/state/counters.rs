//! What has been counted since the agent started.

use model::TaskState;

/// Running totals; `/metrics/snapshot` shows each under its Mesos name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub tasks_finished: u64,
    pub tasks_failed: u64,
    pub tasks_killed: u64,
    pub tasks_lost: u64,
    pub tasks_gone: u64,
    pub executors_terminated: u64,
    pub executors_preempted: u64,
    pub container_launch_errors: u64,
    pub fetches_succeeded: u64,
    pub fetches_failed: u64,
    pub sandboxes_removed: u64,
    pub sandboxes_kept_by_errors: u64,
    pub valid_status_updates: u64,
    pub invalid_status_updates: u64,
    pub valid_framework_messages: u64,
    pub invalid_framework_messages: u64,
    pub recovery_errors: u64,
    /// How old a sandbox nobody uses may get just now. Unit: seconds.
    pub sandbox_age_max: f64,
    /// Unit: seconds; `None` before recovery is over.
    pub recovery_time: Option<f64>,
}

impl Counters {
    /// Counts a task that has ended.
    pub(crate) fn ended(&mut self, state: TaskState) {
        match state {
            TaskState::Finished => self.tasks_finished += 1,
            TaskState::Failed => self.tasks_failed += 1,
            TaskState::Killed => self.tasks_killed += 1,
            TaskState::Lost | TaskState::Dropped => self.tasks_lost += 1,
            TaskState::Gone | TaskState::GoneByOperator => self.tasks_gone += 1,
            _ => {}
        }
    }
}

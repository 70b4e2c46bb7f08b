//! The states of a task and the moves between them.

use std::fmt;

use libprocess_wire as wire;

/// Where a task is in its life.
///
/// | from                              | to                                                   |
/// |-----------------------------------|------------------------------------------------------|
/// | `Staging`                         | `Starting`, `Running`, `Killing`, `Unreachable`, any terminal |
/// | `Starting`                        | `Running`, `Killing`, `Unreachable`, any terminal    |
/// | `Running`                         | `Running` (health, checks), `Killing`, `Unreachable`, any terminal |
/// | `Killing`                         | `Killing`, `Running` (told late), `Unreachable`, any terminal |
/// | `Unreachable`                     | whatever its agent says when it returns, any terminal |
/// | a terminal one                    | none: it is sticky                                   |
///
/// `Unknown` is an answer to reconciliation, never a state a task is in.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    Staging,
    Starting,
    Running,
    Killing,
    Finished,
    Failed,
    Killed,
    Error,
    Lost,
    Dropped,
    Unreachable,
    Gone,
    GoneByOperator,
    Unknown,
}

impl TaskState {
    pub const ALL: [TaskState; 14] = [
        TaskState::Staging,
        TaskState::Starting,
        TaskState::Running,
        TaskState::Killing,
        TaskState::Finished,
        TaskState::Failed,
        TaskState::Killed,
        TaskState::Error,
        TaskState::Lost,
        TaskState::Dropped,
        TaskState::Unreachable,
        TaskState::Gone,
        TaskState::GoneByOperator,
        TaskState::Unknown,
    ];

    /// The public name.
    pub const fn name(self) -> &'static str {
        match self {
            TaskState::Staging => "TASK_STAGING",
            TaskState::Starting => "TASK_STARTING",
            TaskState::Running => "TASK_RUNNING",
            TaskState::Killing => "TASK_KILLING",
            TaskState::Finished => "TASK_FINISHED",
            TaskState::Failed => "TASK_FAILED",
            TaskState::Killed => "TASK_KILLED",
            TaskState::Error => "TASK_ERROR",
            TaskState::Lost => "TASK_LOST",
            TaskState::Dropped => "TASK_DROPPED",
            TaskState::Unreachable => "TASK_UNREACHABLE",
            TaskState::Gone => "TASK_GONE",
            TaskState::GoneByOperator => "TASK_GONE_BY_OPERATOR",
            TaskState::Unknown => "TASK_UNKNOWN",
        }
    }

    /// Whether the task will never run again.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            TaskState::Finished
                | TaskState::Failed
                | TaskState::Killed
                | TaskState::Error
                | TaskState::Lost
                | TaskState::Dropped
                | TaskState::Gone
                | TaskState::GoneByOperator
        )
    }

    /// Whether its resources are free for others: ended, or out of reach.
    pub const fn frees_resources(self) -> bool {
        self.is_terminal() || matches!(self, TaskState::Unreachable | TaskState::Unknown)
    }

    /// Whether a task in this state may be put into that one.
    pub const fn may_become(self, next: TaskState) -> bool {
        match (self, next) {
            (_, TaskState::Unknown) | (TaskState::Unknown, _) => false,
            (TaskState::Unreachable, TaskState::Unreachable) => false,
            (TaskState::Unreachable, _) => true,
            (current, next) if current.is_terminal() => current as u8 == next as u8,
            (TaskState::Staging, TaskState::Staging) => true,
            (_, TaskState::Staging) => false,
            (TaskState::Running | TaskState::Killing, TaskState::Starting) => false,
            _ => true,
        }
    }

    /// The state a framework is told: those who do not know of partitions know only TASK_LOST.
    pub const fn for_framework(self, partition_aware: bool) -> TaskState {
        match self {
            TaskState::Unreachable
            | TaskState::Dropped
            | TaskState::Gone
            | TaskState::GoneByOperator
            | TaskState::Unknown
                if !partition_aware =>
            {
                TaskState::Lost
            }
            state => state,
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_state_is_sticky() {
        for from in TaskState::ALL.into_iter().filter(|state| state.is_terminal()) {
            for to in TaskState::ALL {
                assert_eq!(from.may_become(to), from == to, "{from} to {to}");
            }
        }
    }

    #[test]
    fn nothing_goes_back_to_staging_and_everything_alive_can_end() {
        for from in
            TaskState::ALL.into_iter().filter(|state| !state.is_terminal() && *state != TaskState::Unknown)
        {
            assert!(from.may_become(TaskState::Lost), "{from}");
            if !matches!(from, TaskState::Staging | TaskState::Unreachable) {
                assert!(!from.may_become(TaskState::Staging), "{from}");
            }
        }
    }

    #[test]
    fn who_does_not_know_of_partitions_is_told_lost() {
        let lost: Vec<_> = TaskState::ALL
            .into_iter()
            .filter(|state| state.for_framework(false) == TaskState::Lost)
            .collect();
        assert_eq!(
            lost,
            [
                TaskState::Lost,
                TaskState::Dropped,
                TaskState::Unreachable,
                TaskState::Gone,
                TaskState::GoneByOperator,
                TaskState::Unknown
            ]
        );
        assert!(TaskState::ALL.into_iter().all(|state| state.for_framework(true) == state));
    }
}

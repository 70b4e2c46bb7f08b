//! An executor that never subscribes.

use model::format_duration;
use model::{ContainerId, StatusReason, TaskState};

use crate::effects::{Effect, Effects};
use crate::state::{Ending, Key, Phase, State};

/// The container is destroyed; its tasks fail for that reason.
///
/// Source: Mesos agent, launching tasks, "Executor registration timeout".
pub(crate) fn subscribed_too_late(state: &mut State, key: &Key, container: ContainerId) -> Effects {
    let timeout = format_duration(state.settings.executor_registration_timeout);
    let Some(executor) = state.executor_mut(key) else { return Effects::new() };
    if executor.container != container || executor.phase != Phase::Registering {
        return Effects::new();
    }
    executor.phase = Phase::Terminating;
    executor.ending = Some(Ending {
        state: TaskState::Failed,
        reason: StatusReason::ExecutorRegistrationTimeout,
        message: format!("Executor did not register within {timeout}"),
        limitation: None,
    });
    vec![Effect::Destroy(container)]
}

//! An executor is to end: asked first, forced when its grace is over.

use model::executor_event::ExecutorEvent;
use model::{ContainerId, FrameworkId};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects};
use crate::recovery::Record;
use crate::state::{Key, Phase, Run, State};
use crate::tasks;

/// Asks an executor to shut down; one that cannot be asked is ended at once.
///
/// Source: Mesos agent, launching tasks, "SHUTDOWN of executor".
pub(crate) fn shutdown(state: &mut State, key: &Key) -> Effects {
    let grace = state.settings.executor_shutdown_grace_period;
    let Some(executor) = state.executor_mut(key) else { return Effects::new() };
    if matches!(executor.phase, Phase::Terminating | Phase::Terminated) {
        return Effects::new();
    }
    executor.phase = Phase::Terminating;
    let container = executor.container.clone();
    match (executor.stream, executor.run) {
        (Some(stream), _) => {
            let grace = executor.info.shutdown_grace_period.unwrap_or(grace);
            let alarm = Alarm::Ended { executor: key.clone(), container };
            vec![
                Effect::ToExecutor(stream, ExecutorEvent::Shutdown),
                Effect::Wake(alarm, Delay::Exactly(grace)),
            ]
        }
        // Its intent is on the way to the disk; there, nothing will be launched.
        (None, Run::Intended) => Effects::new(),
        (None, _) => vec![Effect::Destroy(container)],
    }
}

/// The grace is over.
pub(crate) fn grace_over(state: &State, key: &Key, container: ContainerId) -> Effects {
    match state.executor(key) {
        Some(executor) if executor.container == container && !executor.is_ended() => {
            vec![Effect::Destroy(container)]
        }
        _ => Effects::new(),
    }
}

/// Ends an executor that was never given a task and has none waiting.
pub(crate) fn end_if_useless(state: &mut State, key: &Key) -> Effects {
    match state.executor(key) {
        Some(executor) if !executor.used && executor.queued.is_empty() => shutdown(state, key),
        _ => Effects::new(),
    }
}

/// Ends all a framework runs here; nobody is to hear how its tasks end.
pub(crate) fn shutdown_framework(state: &mut State, id: &FrameworkId) -> Effects {
    let Some(framework) = state.framework_mut(id) else { return Effects::new() };
    framework.terminating = true;
    let checkpoint = framework.info.checkpoint;
    let executors: Vec<_> =
        framework.executors.keys().map(|executor| (id.clone(), executor.clone())).collect();
    state.streams.remove_framework(id);
    let record = checkpoint.then(|| Record::FrameworkGone(id.clone()));
    let mut effects = vec![Effect::Record { records: record.into_iter().collect(), then: Vec::new() }];
    for key in &executors {
        effects.extend(shutdown(state, key));
    }
    tasks::bury(state, id);
    for key in &executors {
        effects.extend(super::forget(state, key));
    }
    effects
}

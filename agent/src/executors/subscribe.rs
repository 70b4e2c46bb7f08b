//! An executor opens its stream, or loses it.

use std::collections::BTreeSet;
use std::time::Duration;

use model::executor_event::ExecutorEvent;
use model::{StatusReason, TaskInfo, TaskState, TaskStatus, Time};

use super::{deliver, end_if_useless};
use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects};
use crate::http::StreamNo;
use crate::recovery;
use crate::state::{Key, Life, Phase, State};
use crate::tasks::{self, Report, Whose, report};

/// How often an executor is shown that the agent is there.
const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// The executor reads its events from `stream` from now on; an older stream of it ends.
///
/// What it says it could not deliver is taken in as if it came now. Tasks it was given and does not name were lost on
/// the way to it, and are reported as dropped. Then it gets what waits for it; if nothing ever will, it is shut down.
///
/// Source: agent-semantics §1, "Subscription".
pub(crate) fn subscribe(
    state: &mut State,
    key: &Key,
    stream: StreamNo,
    unacknowledged_tasks: &[TaskInfo],
    unacknowledged_updates: Vec<TaskStatus>,
    now: Time,
) -> Effects {
    let agent = state.info();
    let closing =
        state.life == Life::Terminating || state.frameworks.get(&key.0).is_none_or(|f| f.terminating);
    let framework = state.frameworks.get(&key.0).map(|framework| framework.info.as_ref().clone());
    let (Some(framework), Some(executor)) = (framework, state.executor_mut(key)) else {
        return Effects::new();
    };
    let mut effects = vec![Effect::Open(stream)];
    if closing || matches!(executor.phase, Phase::Terminating | Phase::Terminated) {
        effects.extend([Effect::ToExecutor(stream, ExecutorEvent::Shutdown), Effect::Close(stream)]);
        return effects;
    }
    effects.extend(executor.stream.replace(stream).map(Effect::Close));
    executor.phase = Phase::Running;
    effects.push(Effect::ToExecutor(
        stream,
        ExecutorEvent::Subscribed {
            executor: Box::new(executor.info.as_ref().clone()),
            framework: Box::new(framework),
            agent: Box::new(agent),
            container_id: Some(executor.container.clone()),
        },
    ));
    let beat = Alarm::Heartbeat { executor: key.clone(), stream };
    effects.push(Effect::Wake(beat, Delay::Exactly(HEARTBEAT)));
    for status in unacknowledged_updates {
        effects.extend(tasks::update(state, key, status, now));
    }
    let named: BTreeSet<_> = unacknowledged_tasks.iter().map(|task| &task.id).collect();
    let executor = state.executor_mut(key).expect("updates remove no executor that runs");
    let lost: Vec<_> = executor
        .tasks
        .values()
        .filter(|task| task.state == TaskState::Staging && !named.contains(&task.id))
        .map(|task| task.id.clone())
        .collect();
    for (task_id, kill_policy) in std::mem::take(&mut executor.kills) {
        effects.push(Effect::ToExecutor(stream, ExecutorEvent::Kill { task_id, kill_policy }));
    }
    let dropped = Report::new(
        TaskState::Dropped,
        StatusReason::AgentRestarted,
        "Task was lost on its way to the executor while it was not connected",
    );
    effects.extend(report(state, &Whose::Executor(key.clone()), &lost, &dropped, now));
    effects.extend(deliver(state, key));
    effects.extend(end_if_useless(state, key));
    if state.life == Life::Reconnecting {
        effects.extend(recovery::reconnected(state, false));
    }
    effects
}

/// Nobody reads the stream any more. Tasks go on; what is for the executor waits until it is back.
pub(crate) fn stream_ended(state: &mut State, key: &Key, stream: StreamNo) -> Effects {
    if let Some(executor) = state.executor_mut(key) {
        executor.stream = executor.stream.filter(|open| *open != stream);
    }
    Effects::new()
}

/// Shows the executor that the agent is there, and goes on doing so.
pub(crate) fn heartbeat(state: &State, key: Key, stream: StreamNo) -> Effects {
    match state.executor(&key) {
        Some(executor) if executor.stream == Some(stream) => vec![
            Effect::ToExecutor(stream, ExecutorEvent::Heartbeat),
            Effect::Wake(Alarm::Heartbeat { executor: key, stream }, Delay::Exactly(HEARTBEAT)),
        ],
        _ => Effects::new(),
    }
}

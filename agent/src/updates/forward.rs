//! Sending the oldest update of a task to the master, until it is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use model::executor_event::ExecutorEvent;
use model::messages::UpdateStatus;
use model::{FrameworkId, Task, TaskId, UpdateId};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects, ToMaster};
use crate::state::{Key, State};

/// The first wait for an acknowledgement; it doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_secs(600);

/// An update is on disk: its executor may forget it, and the master may hear it.
///
/// Source: Mesos task status updates.
pub(crate) fn durable(state: &mut State, framework: &FrameworkId, task: &TaskId, uuid: UpdateId) -> Effects {
    let Some(stream) = state.streams.get_mut(framework, task) else { return Effects::new() };
    let Some(pending) = stream.pending.iter_mut().find(|pending| pending.uuid == uuid) else {
        return Effects::new();
    };
    pending.durable = true;
    let executor = stream.executor.clone();
    let told =
        executor.and_then(|executor| state.executor(&(framework.clone(), executor))?.stream).map(|stream| {
            Effect::ToExecutor(stream, ExecutorEvent::Acknowledged { task_id: task.clone(), uuid })
        });
    told.into_iter().chain(forward(state, framework, task)).collect()
}

/// Sends the oldest update of a task, unless it is on its way, not on disk, or there is no master.
pub(crate) fn forward(state: &mut State, framework: &FrameworkId, task: &TaskId) -> Effects {
    if state.link.registered().is_none() {
        return Effects::new();
    }
    let Some(agent_id) = state.id.clone() else { return Effects::new() };
    let Some(stream) = state.streams.get_mut(framework, task) else { return Effects::new() };
    let Some(first) = stream.pending.front().filter(|first| first.durable) else { return Effects::new() };
    if stream.sent {
        return Effects::new();
    }
    let wait = RETRY_MIN.saturating_mul(1 << stream.attempt.min(10)).min(RETRY_MAX);
    let update = UpdateStatus {
        framework_id: framework.clone(),
        agent_id,
        status: first.status.as_ref().clone(),
        latest_state: stream.latest,
    };
    let retry = Alarm::Retry {
        framework: framework.clone(),
        task: task.clone(),
        uuid: first.uuid,
        attempt: stream.attempt,
    };
    stream.sent = true;
    let (executor, sent, uuid) = (stream.executor.clone(), first.status.state, first.uuid);
    if let Some(record) = executor.and_then(|executor| task_mut(state, &(framework.clone(), executor), task))
    {
        record.status_update_state = Some(sent);
        record.status_update_uuid = Some(uuid);
    }
    vec![Effect::ToMaster(ToMaster::Update(Box::new(update))), Effect::Wake(retry, Delay::Exactly(wait))]
}

/// The record of a task that was given to an executor and is not history.
fn task_mut<'a>(state: &'a mut State, key: &Key, task: &TaskId) -> Option<&'a mut Task> {
    let executor = state.executor_mut(key)?;
    let record = match executor.tasks.get_mut(task) {
        Some(record) => record,
        None => executor.terminated.get_mut(task)?,
    };
    Some(Arc::make_mut(record))
}

/// Nobody acknowledged in time: once more, waiting twice as long.
pub(crate) fn retry(
    state: &mut State,
    framework: &FrameworkId,
    task: &TaskId,
    uuid: UpdateId,
    attempt: u32,
) -> Effects {
    let Some(stream) = state.streams.get_mut(framework, task) else { return Effects::new() };
    let waited_for = stream.pending.front().is_some_and(|first| first.uuid == uuid);
    if !waited_for || !stream.sent || stream.attempt != attempt {
        return Effects::new();
    }
    stream.attempt += 1;
    stream.sent = false;
    forward(state, framework, task)
}

/// A master took the agent in: it is sent the oldest update of every task, as if none had been sent.
pub(crate) fn resume(state: &mut State) -> Effects {
    let all: Vec<_> = state.streams.iter().map(|(key, _)| key.clone()).collect();
    let mut effects = Effects::new();
    for (framework, task) in all {
        if let Some(stream) = state.streams.get_mut(&framework, &task) {
            stream.sent = false;
            // Not from zero: an alarm of the earlier attempt may still be set, and must not count for this one.
            stream.attempt = if stream.attempt == 0 { 0 } else { stream.attempt + 1 };
        }
        effects.extend(forward(state, &framework, &task));
    }
    effects
}

#[cfg(test)]
mod tests {
    use model::TaskState::Running;

    use super::*;
    use crate::messages::Input;
    use crate::testing::{World, status};

    fn retry_of(world: &mut World, attempt: u32) -> Vec<String> {
        let uuid = world.outstanding("t").unwrap();
        let alarm = Alarm::Retry { framework: "f".into(), task: "t".into(), uuid, attempt };
        world.hear(Input::Woke(alarm))
    }

    #[test]
    fn an_update_is_sent_again_after_twice_the_time_until_it_is_acknowledged() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Running, 1));
        for (attempt, wait) in
            [(0, "20s"), (1, "40s"), (2, "80s"), (3, "160s"), (4, "320s"), (5, "600s"), (6, "600s")]
        {
            let told = retry_of(&mut world, attempt);
            assert_eq!(told[0], "to master: update t TASK_RUNNING");
            assert!(told[1].starts_with(&format!("wake after {wait}: Retry")), "{told:?}");
        }
        world.acknowledge("t", UpdateId::from_bytes([1; 16]));
        let alarm = Alarm::Retry {
            framework: "f".into(),
            task: "t".into(),
            uuid: UpdateId::from_bytes([1; 16]),
            attempt: 7,
        };
        assert!(world.hear(Input::Woke(alarm)).is_empty());
    }

    #[test]
    fn a_master_that_takes_the_agent_in_again_gets_what_it_missed() {
        let mut world = World::with_custom_task();
        world.hear(Input::Lost(crate::testing::master()));
        let told = world.update("e", status("t", Running, 1));
        assert!(!told.iter().any(|line| line.starts_with("to master")), "{told:?}");

        let told = world.register();

        assert!(told.contains(&"to master: update t TASK_RUNNING".to_owned()), "{told:?}");
    }
}

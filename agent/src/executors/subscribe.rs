//! An executor opens its stream, or loses it.

use std::collections::BTreeSet;
use std::time::Duration;

use imbl::Vector;
use model::executor_event::ExecutorEvent;
use model::{StatusReason, TaskInfo, TaskState, TaskStatus, Time};

use super::deliver;
use super::end_if_useless;
use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects};
use crate::http::StreamNo;
use crate::recovery;
use crate::state::{Key, Life, Phase, Queued, State};
use crate::tasks::{self, Report, Whose, report};

/// How often an executor is shown that the agent is there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// The executor reads its events from `stream` from now on; an older stream of it ends.
///
/// What it says it could not deliver is taken in as if it came now. Tasks it was given and does not name were lost on
/// the way to it, and are reported as dropped. Then it gets what waits for it; if nothing ever will, it is shut down.
///
/// Source: Mesos executor HTTP API, "Subscription".
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
    // What it names it was given, even if the agent forgot that with its last life.
    let named: BTreeSet<_> = unacknowledged_tasks.iter().map(|task| &task.id).collect();
    let told: BTreeSet<_> = unacknowledged_updates.iter().map(|status| &status.task_id).collect();
    let has =
        |queued: &Queued| queued.tasks.iter().any(|task| named.contains(&task.id) || told.contains(&task.id));
    let (given, queued): (Vector<_>, Vector<_>) =
        std::mem::take(&mut executor.queued).into_iter().partition(has);
    executor.queued = queued;
    for queued in &given {
        executor.give(queued);
        effects.extend(deliver::given(executor, queued));
    }
    for status in unacknowledged_updates {
        effects.extend(tasks::update(state, key, status, now));
    }
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

/// Shows every executor that the agent is there, and goes on doing so.
///
/// One alarm for all of them: an executor that ends leaves none behind.
pub(crate) fn heartbeat(state: &State) -> Effects {
    let listening = state.executors().filter_map(|executor| executor.stream);
    let mut effects: Effects =
        listening.map(|stream| Effect::ToExecutor(stream, ExecutorEvent::Heartbeat)).collect();
    effects.push(Effect::Wake(Alarm::Heartbeat, Delay::Exactly(HEARTBEAT)));
    effects
}

#[cfg(test)]
mod tests {
    use model::TaskState::{Running, Starting};

    use crate::messages::Input;
    use crate::testing::{World, custom_task, key, status};

    #[test]
    fn an_executor_gets_what_waits_for_it_after_it_is_told_who_it_is() {
        let mut world = World::registered();
        world.run(custom_task("t"), true);
        world.launched("e");
        let told = world.subscribe("e", 1);
        // What it is given it may use before it hears of it.
        let resized = format!("update {} to cpus:1.1; mem:96", world.container("e"));
        assert_eq!(
            told,
            [
                "answer accepted",
                "open stream 1",
                "to stream 1: SUBSCRIBED",
                resized.as_str(),
                "record given t",
                "to stream 1: LAUNCH t"
            ]
        );
    }

    #[test]
    fn a_second_subscription_ends_the_first() {
        let mut world = World::with_custom_task();
        let told = world.resubscribe("e", 2, vec![custom_task("t")], Vec::new());
        assert_eq!(told[1..3], ["open stream 2", "close stream 1"]);
        assert!(
            world
                .hear(Input::StreamEnded { executor: key("e"), stream: crate::http::StreamNo(1) })
                .is_empty()
        );
        assert_eq!(world.state.executor(&key("e")).unwrap().stream, Some(crate::http::StreamNo(2)));
    }

    #[test]
    fn a_task_that_was_lost_on_its_way_is_dropped() {
        let mut world = World::with_custom_task();
        let told = world.resubscribe("e", 2, Vec::new(), Vec::new()).join("\n");
        assert!(told.contains("update t TASK_DROPPED REASON_AGENT_RESTARTED"), "{told}");
    }

    #[test]
    fn updates_the_agent_may_have_missed_are_taken_in() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Starting, 1));
        let missed = vec![status("t", Starting, 1), status("t", Running, 2)];
        let told = world.resubscribe("e", 2, vec![custom_task("t")], missed);
        let acknowledged = told.iter().filter(|line| line.contains("ACKNOWLEDGED t")).count();
        assert_eq!(acknowledged, 2, "{told:?}");
    }

    #[test]
    fn an_executor_without_any_task_to_come_is_shut_down() {
        let mut world = World::registered();
        world.run(custom_task("t"), true);
        world.launched("e");
        // Its only task is killed while it starts; the container is about to be destroyed.
        world.state.executor_mut(&key("e")).unwrap().queued.clear();
        world.state.placed.clear();
        let told = world.subscribe("e", 1);
        assert!(told.contains(&"to stream 1: SHUTDOWN".to_owned()), "{told:?}");
    }

    #[test]
    fn calls_of_those_who_may_not_speak_are_refused() {
        let mut world = World::registered();
        assert_eq!(world.subscribe("e", 1), ["answer Framework cannot be found"]);
        world.run(custom_task("t"), true);
        assert_eq!(world.subscribe("stranger", 1), ["answer Executor cannot be found"]);
        assert_eq!(world.update("e", status("t", Running, 1)), ["answer Executor is not subscribed"]);
    }
}

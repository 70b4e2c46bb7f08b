//! Taking up what an earlier agent left.

use std::collections::BTreeSet;
use std::time::Duration;

use model::format_duration;
use model::{ContainerId, StatusReason, TaskState, Time};

use crate::alarms::{Alarm, Delay};
use crate::config::Recover;
use crate::containerizer::KnownContainer;
use crate::effects::{Effect, Effects};
use crate::recovery::Record;
use crate::state::{Ending, Life, Phase, Run, State};
use crate::{containers, executors, legacy, master, operations, oversubscription};

/// The journal is read: the containerizer looks for what it names.
pub(crate) fn restored(state: &mut State) -> Effects {
    let mut effects = match operations::take_up(state) {
        Ok(volumes) => volumes,
        Err(why) => {
            tracing::error!(why, "agent does not start");
            return vec![Effect::Stop(why)];
        }
    };
    // Executors all of whose tasks' ends were heard, and frameworks nothing is left of, are history.
    let empty: Vec<_> = state
        .frameworks
        .values()
        .filter(|framework| framework.executors.is_empty())
        .map(|framework| framework.id.clone())
        .collect();
    for id in empty {
        state.frameworks.remove(&id);
    }
    containers::forget_strays(state);
    let executors = state.executors().filter(|executor| executor.run != Run::Ended).map(|executor| {
        KnownContainer { id: executor.container.clone(), identity: executor.identity.clone() }
    });
    let inside = state
        .containers
        .values()
        .filter(|container| !container.is_ended())
        .map(|container| KnownContainer { id: container.id.clone(), identity: container.identity.clone() });
    let known = executors.chain(inside).collect();
    effects.push(Effect::Recover(known));
    effects
}

/// The containers are looked at; those that ended were told before. The executors in the others may come back now.
pub(crate) fn containers(state: &mut State, running: &[ContainerId], now: Time) -> Effects {
    match state.life {
        Life::Recovering => {}
        // Told to end before its containers were known: now they can be destroyed.
        Life::Terminating => return master::finish(state),
        Life::Reconnecting | Life::Running => return Effects::new(),
    }
    state.counters.recovery_time = Some(now.since(state.started).as_secs_f64());
    if state.settings.recover == Recover::Cleanup {
        let mut effects = vec![Effect::Record { records: vec![Record::Left], then: Vec::new() }];
        effects.extend(master::finish(state));
        return effects;
    }
    state.life = Life::Reconnecting;
    let running: BTreeSet<_> = running.iter().collect();
    let strangers = state
        .executors()
        .filter(|executor| !executor.is_ended() && !running.contains(&executor.container))
        .map(|executor| executor.container.clone())
        .collect::<Vec<_>>();
    for container in strangers {
        tracing::warn!(%container, "the containerizer says nothing of a container; its executor may still come back");
    }
    let wait = state.settings.executor_reregistration_timeout;
    let mut effects = vec![
        Effect::Wake(Alarm::Reconnected, Delay::Exactly(wait)),
        Effect::Wake(Alarm::Heartbeat, Delay::Exactly(executors::HEARTBEAT)),
        // Not before: which sandboxes are in use is known only now.
        Effect::Wake(Alarm::Disk, Delay::Exactly(Duration::ZERO)),
    ];
    // One that was never given anything has nothing to be back for: it has all the time a new one has.
    let timeout = Delay::Exactly(state.settings.executor_registration_timeout);
    let fresh = state.executors().filter(|executor| executor.phase == Phase::Registering && !executor.used);
    effects.extend(fresh.map(|executor| {
        let key = (executor.framework.clone(), executor.id.clone());
        Effect::Wake(Alarm::Subscribed { executor: key, container: executor.container.clone() }, timeout)
    }));
    // Isolators of this agent have not launched them and are told what they may use.
    let known = state.executors().filter(|executor| running.contains(&executor.container));
    effects.extend(known.map(|executor| executors::resize(state, executor)));
    effects.extend(oversubscription::begin(state));
    effects.extend(legacy::reconnect(state));
    effects.extend(reconnected(state, false));
    effects
}

/// Opens the agent for business once every executor is back, or `late`, when those that are not are ended.
///
/// Source: Mesos agent recovery; the original always waits for the whole time.
pub(crate) fn reconnected(state: &mut State, late: bool) -> Effects {
    if state.life != Life::Reconnecting {
        return Effects::new();
    }
    let missing: Vec<_> = state
        .executors()
        .filter(|executor| executor.phase == Phase::Registering && executor.used)
        .map(|executor| (executor.framework.clone(), executor.id.clone()))
        .collect();
    if !missing.is_empty() && !late {
        return Effects::new();
    }
    state.life = Life::Running;
    let back = state.executors().filter(|executor| executor.stream.is_some()).count();
    tracing::info!(back, missing = missing.len(), "recovered");
    let timeout = format_duration(state.settings.executor_reregistration_timeout);
    let mut effects = Effects::new();
    for key in missing {
        let Some(executor) = state.executor_mut(&key) else { continue };
        executor.phase = Phase::Terminating;
        executor.ending = Some(Ending {
            state: TaskState::Gone,
            reason: StatusReason::ExecutorReregistrationTimeout,
            message: format!("Executor did not re-register within {timeout}"),
            limitation: None,
        });
        effects.push(Effect::Destroy(executor.container.clone()));
    }
    effects.extend(master::look(state, false));
    effects
}

#[cfg(test)]
mod tests {
    use model::TaskState::{Finished, Running};

    use super::*;
    use crate::containerizer::{Cause, ContainerEvent};
    use crate::messages::Input;
    use crate::recovery::snapshot;
    use crate::testing::{World, custom_task, ended, identity, key, status};

    fn recovered(world: &mut World, running: &[ContainerId]) -> Vec<String> {
        let running = running.iter().map(|id| (id.clone(), identity())).collect();
        world.hear(Input::Container(ContainerEvent::Recovered { running, orphans: Vec::new() }))
    }

    #[test]
    fn an_agent_keeps_its_id() {
        let mut world = World::registered().restart();
        assert_eq!(world.state.id, Some("S0".into()));
        let told = recovered(&mut world, &[]);
        assert!(told.contains(&"to master: reregister with 0 tasks, 0 executors".to_owned()), "{told:?}");
    }

    #[test]
    fn an_executor_is_waited_for_and_its_updates_go_on_where_they_were() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Running, 1));
        let container = world.container("e");

        let mut world = world.restart();
        assert_eq!(world.state.executor(&key("e")).unwrap().identity, Some(identity()));
        let told = recovered(&mut world, &[container]);
        assert!(!told.iter().any(|line| line.starts_with("to master")), "{told:?}");

        let told =
            world.resubscribe("e", 5, Vec::new(), vec![status("t", Running, 1), status("t", Finished, 2)]);
        assert!(told.contains(&"to master: reregister with 1 tasks, 1 executors".to_owned()), "{told:?}");
        let told = world.register();
        assert!(told.contains(&"to master: update t TASK_RUNNING".to_owned()), "{told:?}");
        let told = world.acknowledge("t", world.outstanding("t").unwrap());
        assert_eq!(told[1], "to master: update t TASK_FINISHED");
    }

    #[test]
    fn an_executor_that_does_not_come_back_is_ended_and_its_tasks_are_gone() {
        let world = World::with_custom_task();
        let container = world.container("e");
        let mut world = world.restart();
        recovered(&mut world, std::slice::from_ref(&container));
        let told = world.hear(Input::Woke(Alarm::Reconnected));
        assert_eq!(told[0], format!("destroy {container}"));
        world.register();
        let termination = ended(Some(9), Cause::Destroyed);
        let told = world
            .hear(Input::Container(ContainerEvent::Terminated { id: container, termination }))
            .join("\n");
        assert!(told.contains("update t TASK_GONE REASON_EXECUTOR_REREGISTRATION_TIMEOUT"), "{told}");
    }

    #[test]
    fn a_task_that_never_reached_its_executor_still_does_after_a_restart() {
        let mut world = World::registered();
        world.run(custom_task("t"), true);
        world.launched("e");
        let container = world.container("e");
        let mut world = world.restart();
        recovered(&mut world, &[container]);
        let told = world.hear(Input::Woke(Alarm::Reconnected));
        assert!(told.is_empty(), "a new executor has its whole time: {told:?}");
        let told = world.subscribe("e", 5);
        assert!(told.contains(&"to stream 5: LAUNCH t".to_owned()), "{told:?}");
    }

    #[test]
    fn a_task_its_executor_names_is_not_given_twice() {
        let mut world = World::registered();
        world.run(custom_task("t"), true);
        world.launched("e");
        world.hold_disk();
        world.subscribe("e", 1);
        // That it was given did not reach the disk.
        world.journal.pop();
        let container = world.container("e");
        let mut world = world.restart();
        recovered(&mut world, &[container]);
        let told = world.resubscribe("e", 5, vec![custom_task("t")], vec![status("t", Running, 1)]);
        assert!(!told.iter().any(|line| line.contains("LAUNCH")), "{told:?}");
        assert!(told.contains(&"to stream 5: ACKNOWLEDGED t".to_owned()), "{told:?}");
    }

    #[test]
    fn a_task_whose_executor_ended_meanwhile_is_told_once() {
        let world = World::with_custom_task();
        let container = world.container("e");
        let mut world = world.restart();
        let termination = ended(Some(0), Cause::Exited);
        world.hear(Input::Container(ContainerEvent::Terminated { id: container.clone(), termination }));
        recovered(&mut world, &[]);
        let uuid = world.outstanding("t");

        // Killed again before anybody heard: what was written stands.
        let mut world = world.restart();

        assert_eq!(world.outstanding("t"), uuid);
        let told = world.hear(Input::Restored(Vec::new()));
        assert_eq!(told, ["take up volumes", "recover 0 containers"]);
    }

    #[test]
    fn an_agent_killed_in_the_middle_of_a_launch_ends_what_was_intended() {
        let mut world = World::registered();
        world.run(custom_task("t"), true);
        let container = world.container("e");
        let mut world = world.restart();
        let failure = crate::containerizer::LaunchFailure {
            step: crate::containerizer::LaunchStep::Interrupted,
            message: "the agent stopped before it ran".into(),
        };
        world.hear(Input::Container(ContainerEvent::LaunchFailed { id: container, failure }));
        recovered(&mut world, &[]);
        let told = world.register().join("\n");
        assert!(told.contains("update t TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED"), "{told}");
    }

    #[test]
    fn what_was_not_on_disk_was_never_there() {
        let mut world = World::registered();
        world.hold_disk();
        world.run(custom_task("t"), true);
        world.journal.pop();
        let world = world.restart();
        assert!(world.state.frameworks.is_empty());
    }

    #[test]
    fn a_snapshot_remembers_what_the_journal_did() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Running, 1));
        world.run(custom_task("t2"), false);
        world.update("e", status("t2", Finished, 2));
        let records = snapshot(&world.state);

        let mut short = World::new();
        short.hear(Input::Restored(records.clone()));

        assert_eq!(snapshot(&short.state), records);
        assert_eq!(short.outstanding("t2"), world.outstanding("t2"));
        assert_eq!(short.state.placed, world.state.placed);
    }

    #[test]
    fn an_agent_that_is_another_one_now_has_nothing_but_what_it_was_to_keep() {
        let world = World::with_custom_task();
        let kept = Record::Kept("disk(reservations: [(DYNAMIC,web)]):64".parse().unwrap());
        let mut records: Vec<Record> = world.journal.into_iter().flatten().collect();
        records.extend([kept.clone(), Record::Forgotten]);
        let mut world = World::new();
        assert_eq!(world.hear(Input::Restored(records)), ["take up volumes", "recover 0 containers"]);
        assert_eq!(snapshot(&world.state), [kept]);
        let told = recovered(&mut world, &[]);
        assert!(told.contains(&"to master: register".to_owned()), "{told:?}");
    }

    #[test]
    fn an_agent_of_which_only_history_is_left_restarts_empty() {
        let mut world = World::with_custom_task();
        world.exited("e", 0);
        world.acknowledge("t", world.outstanding("t").unwrap());
        let world = world.restart();
        assert!(world.state.frameworks.is_empty());
        assert!(world.state.streams.iter().next().is_none());
    }
}

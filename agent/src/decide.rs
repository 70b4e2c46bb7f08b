//! Everything that can happen to an agent, and the rule that answers it.

use libprocess::Upid;
use model::Time;
use model::executor_call::{ExecutorCall, ExecutorCallKind};

use crate::alarms::{Alarm, Delay};
use crate::containerizer::ContainerEvent;
use crate::containers::{self, ContainerCall};
use crate::effects::{Effect, Effects};
use crate::gc::Swept;
use crate::http::{Refused, StreamNo};
use crate::messages::{FromMaster, Input};
use crate::recovery::Durable;
use crate::state::{Life, State};
use crate::{executors, legacy, master, operations, oversubscription, recovery, tasks, updates};

/// One happening, one rule.
pub(crate) fn decide(state: &mut State, input: Input, now: Time) -> Effects {
    let mut effects = rule(state, input, now);
    if state.life == Life::Running {
        effects.extend(master::drained(state));
    }
    effects
}

/// The table itself.
fn rule(state: &mut State, input: Input, now: Time) -> Effects {
    match input {
        Input::Restored(records) => {
            records.into_iter().for_each(|record| recovery::replay(state, record));
            recovery::restored(state)
        }
        Input::Durable(settled) => {
            settled.into_iter().flat_map(|settled| durable(state, settled, now)).collect()
        }
        Input::JournalFailed(why) => vec![Effect::Fail(why)],
        Input::Container(event) => container(state, event, now),
        Input::FromMaster { from, message } => from_master(state, from, message, now),
        Input::LeaderIs { from, leader } => master::leader_is(state, &from, leader),
        Input::Found(found, _) => master::found(state, &found),
        Input::Lost(peer) => master::lost(state, &peer),
        Input::Call { call, stream, driver, .. } => executor_call(state, *call, (stream, driver), now),
        Input::ContainerCall { call, .. } => container_call(state, call),
        Input::StreamEnded { executor, stream } => executors::stream_ended(state, &executor, stream),
        Input::Woke(alarm) => woke(state, alarm, now),
        Input::Swept(what) => swept(state, what),
        Input::Loaded(load) => oversubscription::correct(state, load),
        Input::Shown(viewer, shown) if state.containers.contains_key(&viewer.container) => {
            containers::shown(state, viewer.container, shown)
        }
        Input::Shown(viewer, shown) => executors::shown(state, viewer, shown, now),
        Input::Carried(outcome) => {
            let (mut effects, held) = operations::carried(state, outcome);
            let said = held.into_iter().map(|(from, message)| from_master(state, from, message, now));
            effects.extend(said.flatten().collect::<Effects>());
            effects
        }
        Input::Finish => master::finish(state),
        Input::Nothing => Effects::new(),
    }
}

fn durable(state: &mut State, settled: Durable, now: Time) -> Effects {
    match settled {
        Durable::Intent { executor, container } => executors::intended(state, &executor, &container, now),
        Durable::Held { container } if state.containers.contains_key(&container) => {
            containers::held_durable(container)
        }
        Durable::Held { container } => executors::held_durable(state, container),
        Durable::ContainerIntent { id, config } => containers::intended(state, id, config),
        Durable::ContainerEnded { id } => containers::ended_durable(state, id),
        Durable::Queued { executor, first } => executors::queued(state, &executor, &first),
        Durable::Update { framework, task, uuid } => updates::durable(state, &framework, &task, uuid),
        Durable::Ended { container } => vec![Effect::Forget(container)],
        Durable::Operation { operation } => operations::durable(state, operation),
    }
}

/// What is asked of containers over the API.
fn container_call(state: &mut State, call: ContainerCall) -> Effects {
    match call {
        ContainerCall::Launch(call) => containers::launch(state, &call),
        ContainerCall::Wait(id) => containers::wait(state, id),
        ContainerCall::Kill { id, signal } => containers::kill(state, id, signal),
        ContainerCall::Remove(id) => containers::remove(state, &id),
    }
}

fn container(state: &mut State, event: ContainerEvent, now: Time) -> Effects {
    let ours = |id| state.containers.contains_key(id);
    match event {
        ContainerEvent::Held { id, identity } if ours(&id) => containers::held(state, id, identity),
        ContainerEvent::Launched { id, pid } if ours(&id) => containers::launched(state, &id, pid),
        ContainerEvent::LaunchFailed { id, failure } if ours(&id) => {
            containers::launch_failed(state, &id, failure)
        }
        ContainerEvent::Terminated { id, termination } if ours(&id) => {
            containers::terminated(state, &id, termination)
        }
        ContainerEvent::Held { id, identity } => executors::held(state, id, identity),
        ContainerEvent::Launched { id, pid } => executors::launched(state, &id, pid),
        ContainerEvent::LaunchFailed { id, failure } => executors::launch_failed(state, &id, failure, now),
        ContainerEvent::Terminated { id, termination } => executors::terminated(state, &id, termination, now),
        ContainerEvent::UpdateFailed { id, message } => executors::update_failed(state, &id, message),
        ContainerEvent::Recovered { running, .. } => {
            let running: Vec<_> = running.into_iter().map(|(id, _)| id).collect();
            recovery::containers(state, &running, now)
        }
    }
}

/// Only the master that is spoken to is listened to, and none of an earlier reign. Of those that were asked in turn, the one
/// that takes the agent in is that from there on: it counts on what it sends.
///
/// Source: architecture §9, "only the holder of the highest epoch changes anything".
fn from_master(state: &mut State, from: Upid, message: FromMaster, now: Time) -> Effects {
    let current = state.link.master().is_some_and(|master| master::is(master, &from));
    let takes_in = matches!(message, FromMaster::Registered(_) | FromMaster::Reregistered(_));
    let heard = current || (takes_in && master::was_asked(state, &from));
    if !heard || message.epoch() < state.epoch || state.life == Life::Terminating {
        tracing::debug!(%from, epoch = message.epoch(), "ignored a master that is not ours");
        return Effects::new();
    }
    state.epoch = message.epoch();
    let Some(message) = operations::hold(state, &from, message) else { return Effects::new() };
    let mut effects = if current { Effects::new() } else { vec![Effect::Link(from.clone())] };
    // Anything but being taken in waits until the agent is.
    effects.extend(match message {
        FromMaster::Registered(message) => master::registered(state, from, message, now),
        FromMaster::Reregistered(message) => master::reregistered(state, from, message, now),
        FromMaster::Ping(message) => master::ping(state, &message, now),
        FromMaster::RunTask(message) => tasks::run_task(state, *message, now),
        FromMaster::RunGroup(message) => tasks::run_group(state, *message, now),
        FromMaster::Kill(message) => tasks::kill(state, message, now),
        FromMaster::ShutdownExecutor(message) => {
            executors::shutdown(state, &(message.framework_id, message.executor_id))
        }
        FromMaster::ShutdownFramework(message) => executors::shutdown_framework(state, &message.framework_id),
        FromMaster::Message(message) => executors::to_executor(state, message),
        FromMaster::Acknowledge(message) => updates::acknowledge(state, message),
        FromMaster::UpdateFramework(message) => master::update_framework(state, *message),
        FromMaster::Shutdown(message) => master::shutdown(state, message),
        FromMaster::Apply(message) => operations::apply(state, *message),
        FromMaster::AcknowledgeOperation(message) => operations::acknowledged(state, &message),
        FromMaster::Drain(message) => master::drain(state, message.config, now),
    });
    effects
}

/// Answers an executor's call: who is it, may it speak now, and what follows.
///
/// Source: Mesos agent endpoints; a heartbeat is never looked into.
fn executor_call(
    state: &mut State,
    call: ExecutorCall,
    (stream, driver): (Option<StreamNo>, Option<Upid>),
    now: Time,
) -> Effects {
    let refuse = |refused| vec![Effect::Answer(Err(refused))];
    let ExecutorCall { framework_id, executor_id, kind } = call;
    if matches!(kind, ExecutorCallKind::Heartbeat) {
        return vec![Effect::Answer(Ok(()))];
    }
    let subscribes = matches!(kind, ExecutorCallKind::Subscribe { .. });
    match state.life {
        Life::Recovering => return refuse(Refused::Recovering),
        Life::Reconnecting if !subscribes => return refuse(Refused::Recovering),
        _ => {}
    }
    if !state.frameworks.contains_key(&framework_id) {
        return refuse(Refused::UnknownFramework);
    }
    let key = (framework_id, executor_id);
    let Some(executor) = state.executor(&key) else { return refuse(Refused::UnknownExecutor) };
    if !subscribes && executor.stream.is_none() {
        return refuse(Refused::NotSubscribed);
    }
    let mut effects = vec![Effect::Answer(Ok(()))];
    effects.extend(match (kind, stream) {
        (ExecutorCallKind::Subscribe { unacknowledged_tasks, unacknowledged_updates }, Some(stream)) => {
            let mut effects = legacy::driven(state, &key, driver);
            effects.extend(executors::subscribe(
                state,
                &key,
                stream,
                &unacknowledged_tasks,
                unacknowledged_updates,
                now,
            ));
            effects
        }
        (ExecutorCallKind::Update(status), _) => tasks::update(state, &key, status, now),
        (ExecutorCallKind::Message { data }, _) => executors::from_executor(state, key, data),
        (ExecutorCallKind::Subscribe { .. }, None) | (ExecutorCallKind::Heartbeat, _) => Effects::new(),
    });
    effects
}

fn woke(state: &mut State, alarm: Alarm, now: Time) -> Effects {
    match alarm {
        Alarm::Register { attempt } => master::again(state, attempt),
        Alarm::Pinged => master::pinged(state, now),
        Alarm::Subscribed { executor, container } => {
            executors::subscribed_too_late(state, &executor, container)
        }
        Alarm::Reconnected => recovery::reconnected(state, true),
        Alarm::Ended { executor, container } => executors::grace_over(state, &executor, container),
        Alarm::Retry { framework, task, uuid, attempt } => {
            updates::retry(state, &framework, &task, uuid, attempt)
        }
        Alarm::RetryOperation { operation, attempt } => operations::retry(state, operation, attempt),
        Alarm::Heartbeat => executors::heartbeat(state),
        Alarm::Estimate => oversubscription::estimate(state),
        // The shell looks by itself, since only it can.
        Alarm::Disk | Alarm::Correct => Effects::new(),
    }
}

/// The disk was looked at: what came of it is shown, and it is looked at again after a while.
fn swept(state: &mut State, swept: Swept) -> Effects {
    state.counters.sandbox_age_max = swept.age.as_secs_f64();
    state.counters.sandboxes_removed += swept.removed;
    state.counters.sandboxes_kept_by_errors += swept.failed;
    vec![Effect::Wake(Alarm::Disk, Delay::Exactly(state.settings.disk_watch_interval))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::containerizer::{Cause, ContainerEvent};
    use crate::messages::Input;
    use crate::recovery::{Record, snapshot};
    use crate::state::State;
    use crate::testing::{World, ended, histories};

    /// What a state would write down, in any order, without what is found out anew.
    fn remembered(state: &State) -> Vec<String> {
        let mut records = snapshot(state);
        for record in &mut records {
            if let Record::Task { task, .. } = record {
                (task.status_update_state, task.status_update_uuid) = (None, None);
            }
        }
        let mut lines: Vec<_> = records.iter().map(|record| format!("{record:?}")).collect();
        lines.sort();
        lines
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        /// `World::hear` checks the state after every turn.
        #[test]
        fn no_history_breaks_the_state(history in histories()) {
            let mut world = World::registered();
            for step in history {
                step.happen(&mut world);
            }
        }

        #[test]
        fn what_was_written_leads_back_to_what_was_known(history in histories()) {
            let mut world = World::registered();
            for step in history {
                step.happen(&mut world);
            }
            world.sync();
            // The next would go on with it by itself.
            while world.volumes_asked() {
                world.carried(Ok(()));
            }
            let wanted = remembered(&world.state);
            let again = world.restart();
            again.state.check();
            prop_assert_eq!(remembered(&again.state), wanted);
        }

        /// Whatever of the journal reached the disk: each task it names is told to have ended once its container is
        /// gone, and with the last acknowledgement nothing is left of it.
        #[test]
        fn a_crash_at_any_moment_leaves_no_task_untold(history in histories(), kept in 0..=100usize) {
            let mut world = World::registered();
            for step in history {
                step.happen(&mut world);
            }
            let kept = world.journal.len() * kept / 100;
            world.journal.truncate(kept.max(1));
            let mut world = world.restart();
            world.state.check();
            let known: Vec<_> = world.state.executors().filter(|executor| !executor.is_ended()).collect();
            let containers: Vec<_> = known.iter().map(|executor| executor.container.clone()).collect();
            for id in containers {
                let termination = ended(Some(0), Cause::Exited);
                world.hear(Input::Container(ContainerEvent::Terminated { id, termination }));
            }
            world.hear(Input::Container(ContainerEvent::Recovered { running: Vec::new(), orphans: Vec::new() }));
            world.register();
            for task in ["t0", "t1", "t2"] {
                while let Some(uuid) = world.outstanding(task) {
                    world.acknowledge(task, uuid);
                }
            }
            prop_assert!(world.state.frameworks.is_empty());
            prop_assert!(world.state.placed.is_empty());
            prop_assert!(world.state.streams.iter().next().is_none());
        }
    }
}

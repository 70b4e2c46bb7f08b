//! An executor says how a task fares.

use std::sync::Arc;

use model::executor_event::ExecutorEvent;
use model::{
    ContainerStatus, NetworkInfo, StatusReason, StatusSource, TaskState, TaskStatus, Time,
    container::{IpAddress, Protocol},
};

use super::settle;
use super::settle::last_said;
use crate::effects::{Effect, Effects};
use crate::executors;
use crate::recovery::{Durable, Record};
use crate::state::{Executor, Key, State};

/// Takes a status in: written down, then acknowledged to the executor, then forwarded.
///
/// One that was taken in before is acknowledged again and goes no further; so is one of a task that the agent knows
/// nothing of or that has ended, since an executor would otherwise send it for ever. A framework that is being shut
/// down hears nothing any more.
///
/// Source: Mesos task status updates.
pub(crate) fn update(state: &mut State, key: &Key, status: TaskStatus, now: Time) -> Effects {
    let Some(uuid) = status.uuid else { return Effects::new() };
    let Some(executor) = state.executor(key) else { return Effects::new() };
    let acknowledged = executor.stream.map(|stream| {
        Effect::ToExecutor(stream, ExecutorEvent::Acknowledged { task_id: status.task_id.clone(), uuid })
    });
    match state.streams.received(&key.0, &status.task_id, uuid) {
        Some(true) => return acknowledged.into_iter().collect(),
        // It is on its way to the disk, and will be acknowledged from there.
        Some(false) => return Effects::new(),
        None => {}
    }
    let known = executor.tasks.get(&status.task_id).is_some_and(|task| task.state.may_become(status.state));
    let heard = state.frameworks.get(&key.0).is_some_and(|framework| !framework.terminating);
    if !known || !heard {
        if heard {
            state.counters.invalid_status_updates += 1;
        }
        return acknowledged.into_iter().collect();
    }
    let checkpoint = executor.checkpoint;
    let status = Arc::new(complete(state, executor, status, now));
    state.counters.valid_status_updates += 1;
    state.streams.push(&key.0, Some(&key.1), uuid, Arc::clone(&status));
    settle(state, key, &status);
    let then = Durable::Update { framework: key.0.clone(), task: status.task_id.clone(), uuid };
    let record = checkpoint.then(|| Record::Update {
        framework: key.0.clone(),
        executor: Some(key.1.clone()),
        status: Box::new(status.as_ref().clone()),
    });
    let resized = status.state.is_terminal().then(|| executors::resized(state, key)).flatten();
    let written = Effect::Record { records: record.into_iter().collect(), then: vec![then] };
    [written].into_iter().chain(resized).collect()
}

/// The status with what only the agent knows.
fn complete(state: &State, executor: &Executor, mut status: TaskStatus, now: Time) -> TaskStatus {
    status.source = Some(StatusSource::Executor);
    if let (Some(drain), TaskState::Killing | TaskState::Killed) = (&state.drain, status.state) {
        status.reason = Some(StatusReason::AgentDraining);
        let framework = state.frameworks.get(&executor.framework);
        if drain.config.mark_gone && framework.is_some_and(|of| of.info.capabilities.partition_aware()) {
            status.state = TaskState::GoneByOperator;
        }
    }
    status.agent_id = state.id.clone();
    status.executor_id = Some(executor.id.clone());
    if status.timestamp.is_none() {
        status.timestamp = Some(now.after(last_said(executor, &status.task_id)));
    }
    let container = status.container_status.get_or_insert_with(ContainerStatus::default);
    let id = container.container_id.get_or_insert_with(|| executor.container.clone());
    let (pid, there) = match state.containers.get(id) {
        // The task has a container of its own, within the executor's.
        Some(nested) => (nested.pid(), !nested.is_ended()),
        None => (executor.pid(), *id == executor.container),
    };
    container.executor_pid = container.executor_pid.or(pid);
    if there && container.networks.is_empty() {
        // On the host's network, the agent's address is the task's.
        let address = state.settings.pid.address().ip();
        let protocol = if address.is_ipv4() { Protocol::Ipv4 } else { Protocol::Ipv6 };
        let address = IpAddress { protocol, ip_address: Some(address.to_string()) };
        container.networks.push(NetworkInfo { ip_addresses: vec![address], ..NetworkInfo::default() });
    }
    status
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::TaskState::{Finished, Running, Starting};
    use model::{ContainerStatus, Time};

    use crate::state::{Boxed, Container, ContainerEnd, Run};
    use crate::testing::{World, status};

    #[test]
    fn an_update_is_acknowledged_and_forwarded_once_it_is_on_disk() {
        let mut world = World::with_custom_task();
        world.hold_disk();
        assert_eq!(
            world.update("e", status("t", Running, 1)),
            ["answer accepted", "record update t TASK_RUNNING; then tell of t"]
        );
        let told = world.sync();
        assert_eq!(told[..2], ["to stream 1: ACKNOWLEDGED t", "to master: update t TASK_RUNNING"]);
        assert!(told[2].starts_with("wake after 10s: Retry"), "{told:?}");
    }

    #[test]
    fn only_the_oldest_update_of_a_task_is_with_the_master() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Starting, 1));
        let told = world.update("e", status("t", Running, 2));
        assert_eq!(told.last().unwrap(), "to stream 1: ACKNOWLEDGED t");

        let told = world.acknowledge("t", world.outstanding("t").unwrap());

        assert_eq!(told[1], "to master: update t TASK_RUNNING");
    }

    #[test]
    fn an_update_that_comes_again_is_acknowledged_again_and_goes_no_further() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Running, 1));
        let told = world.update("e", status("t", Running, 1));
        assert_eq!(told, ["answer accepted", "to stream 1: ACKNOWLEDGED t"]);
    }

    #[test]
    fn an_update_on_a_task_nobody_gave_is_acknowledged_and_counted_as_invalid() {
        let mut world = World::with_custom_task();
        let told = world.update("e", status("stranger", Running, 1));
        assert_eq!(told, ["answer accepted", "to stream 1: ACKNOWLEDGED stranger"]);
        assert_eq!(world.state.counters.invalid_status_updates, 1);
    }

    #[test]
    fn a_task_that_ended_stays_ended() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Finished, 1));
        let told = world.update("e", status("t", Running, 2));
        assert_eq!(told, ["answer accepted", "to stream 1: ACKNOWLEDGED t"]);
    }

    #[test]
    fn a_status_carries_what_only_the_agent_knows() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Running, 1));
        let stream = world.state.streams.get(&"f".into(), &"t".into()).unwrap();
        let sent = &stream.pending.front().unwrap().status;
        let container = sent.container_status.as_ref().unwrap();
        assert_eq!(container.executor_pid, Some(77));
        assert_eq!(container.container_id, Some(world.container("e")));
        assert_eq!(container.networks[0].ip_addresses[0].ip_address.as_deref(), Some("127.0.0.1"));
        assert_eq!(sent.agent_id, Some("S0".into()));
    }

    #[test]
    fn updates_of_one_moment_are_told_apart_by_their_times() {
        let mut world = World::with_custom_task();
        for (state, uuid) in [(Starting, 1), (Running, 2)] {
            world.update("e", status("t", state, uuid));
        }
        let mut own = status("t", Running, 3);
        own.timestamp = Some(Time::START);
        world.update("e", own);
        let stream = world.state.streams.get(&"f".into(), &"t".into()).unwrap();
        let times: Vec<Time> = stream.pending.iter().map(|one| one.status.timestamp.unwrap()).collect();
        assert!(times[0] < times[1], "{times:?}");
        assert_eq!(times[2], Time::START, "what an executor says itself stays");
    }

    #[test]
    fn a_task_in_a_container_of_its_own_is_said_to_be_there_while_it_is() {
        let mut world = World::with_custom_task();
        let id = world.container("e").child("n");
        let mut nested = Container {
            id: id.clone(),
            config: Arc::new(Boxed {
                sandbox: "/s".into(),
                user: None,
                environment: Vec::new(),
                resources: "cpus:1".parse().unwrap(),
            }),
            session: false,
            checkpoint: false,
            run: Run::Running(99),
            identity: None,
            end: None,
            limitation: None,
        };
        let said = |world: &mut World, nested: &Container, state, uuid| {
            world.state.containers.insert(id.clone(), Arc::new(nested.clone()));
            let mut status = status("t", state, uuid);
            let container = ContainerStatus { container_id: Some(id.clone()), ..ContainerStatus::default() };
            status.container_status = Some(container);
            world.update("e", status);
            let stream = world.state.streams.get(&"f".into(), &"t".into()).unwrap();
            let said = stream.pending.back().unwrap().status.container_status.clone().unwrap();
            (said.executor_pid, said.networks.len())
        };
        assert_eq!(said(&mut world, &nested, Running, 1), (Some(99), 1));

        (nested.run, nested.end) = (Run::Ended, Some(ContainerEnd::default()));
        assert_eq!(said(&mut world, &nested, Finished, 2), (None, 0));
    }

    #[test]
    fn a_task_becomes_history_when_its_end_was_heard() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Finished, 1));
        world.acknowledge("t", world.outstanding("t").unwrap());
        let executor = world.state.executor(&crate::testing::key("e")).unwrap();
        assert_eq!((executor.completed.len(), executor.terminated.len()), (1, 0));
        assert!(world.state.placed.is_empty());
    }
}

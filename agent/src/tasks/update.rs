//! An executor says how a task fares.

use std::sync::Arc;

use model::executor_event::ExecutorEvent;
use model::{
    ContainerStatus, NetworkInfo, StatusSource, TaskStatus, Time,
    container::{IpAddress, Protocol},
};

use super::settle;
use crate::effects::{Effect, Effects};
use crate::recovery::{Durable, Record};
use crate::state::{Executor, Key, State};

/// Takes a status in: written down, then acknowledged to the executor, then forwarded.
///
/// One that was taken in before is acknowledged again and goes no further; so is one of a task that the agent knows
/// nothing of or that has ended, since an executor would otherwise send it for ever. A framework that is being shut
/// down hears nothing any more.
///
/// Source: agent-semantics §3.
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
    vec![Effect::Record { records: record.into_iter().collect(), then: vec![then] }]
}

/// The status with what only the agent knows.
fn complete(state: &State, executor: &Executor, mut status: TaskStatus, now: Time) -> TaskStatus {
    status.source = Some(StatusSource::Executor);
    status.agent_id = state.id.clone();
    status.executor_id = Some(executor.id.clone());
    status.timestamp.get_or_insert(now);
    let container = status.container_status.get_or_insert_with(ContainerStatus::default);
    container.container_id.get_or_insert_with(|| executor.container.clone());
    container.executor_pid = container.executor_pid.or(executor.pid());
    if container.networks.is_empty() {
        // On the host's network, the agent's address is the task's.
        let address = state.settings.pid.address().ip();
        let protocol = if address.is_ipv4() { Protocol::Ipv4 } else { Protocol::Ipv6 };
        let address = IpAddress { protocol, ip_address: Some(address.to_string()) };
        container.networks.push(NetworkInfo { ip_addresses: vec![address], ..NetworkInfo::default() });
    }
    status
}

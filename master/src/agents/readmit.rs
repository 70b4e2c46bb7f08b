//! An agent that was unreachable, or that another master knew, is back with all it runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use libprocess::Upid;
use model::event::Event;
use model::messages::{KillTask, ReregisterAgent, Reregistered, RunningExecutor, ShutdownFramework};
use model::{
    AgentId, AgentInfo, FrameworkId, FrameworkInfo, Operation, StatusReason, StatusSource, Task, TaskId,
    TaskState, TaskStatus, Time,
};

use super::add;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::frameworks::for_allocator;
use crate::state::{Agent, Connection, Framework, State};
use crate::tasks;

/// Puts the agent and everything on it on the books.
///
/// Frameworks nobody has heard of are remembered until they subscribe; those that ended meanwhile are ended there too.
/// Who was told that a task is out of reach is told how it is now.
/// Source: scheduler semantics §9, "Reregistration".
pub(super) fn readmitted(
    state: &mut State,
    id: &AgentId,
    info: Arc<AgentInfo>,
    upid: Upid,
    message: ReregisterAgent,
    now: Time,
) -> Effects {
    state.world.tally.slave_reregistrations += 1;
    let missed = state.world.unreachable.remove(id).is_some() || !state.world.recovered.contains_key(id);
    state.world.recovered.remove(id);
    let ReregisterAgent { version, capabilities, frameworks, executors, tasks, total, operations, .. } =
        message;
    let total = add::believable(&info, total);
    let agent = Agent::new(id.clone(), info, upid.clone(), version, capabilities, total, now);
    state.add_agent(Agent { reregistered: Some(now), ..agent });
    tracing::info!(agent = %id, tasks = tasks.len(), "agent reregistered");

    let mut effects = Effects::from(Effect::Link(upid.clone()));
    let mut after = Effects::none();
    for framework in frameworks {
        meet(state, &upid, framework, now, &mut after);
    }
    for running in executors {
        let known = state.framework(&running.framework_id).is_some();
        if known && !runs(state, id, &running) {
            state.add_executor(&running.framework_id, id, Arc::new(running.executor));
        }
    }
    for task in tasks {
        restore(state, &upid, id, task, missed, now, &mut after);
    }
    for operation in operations {
        let heard = operation.framework_id.as_ref().is_none_or(|of| state.framework(of).is_some());
        if heard && operation.latest_status.state.is_terminal() {
            state.add_operation(id, Operation { agent_id: Some(id.clone()), ..operation });
        }
    }
    let reconcile = forget_missing(state, id);

    let agent = state.agent(id).expect("it was just added");
    let ping_timeout = state.settings.silence_max();
    let (epoch, agent_id) = (state.epoch(), id.clone());
    let drain = state.world.policy.draining(id).map(|drain| drain.config);
    let reconcile_operations = Vec::new();
    effects
        .send(agent, Reregistered { epoch, agent_id, ping_timeout, reconcile, reconcile_operations, drain });
    effects.push(add::announce(agent));
    effects.push(add::next_ping(state, agent));
    effects.extend(add::aside(state, agent));
    effects.extend(after);
    effects
}

/// A framework that has something on the agent.
fn meet(state: &mut State, upid: &Upid, info: FrameworkInfo, now: Time, effects: &mut Effects) {
    let Some(id) = info.id.clone() else { return };
    if state.framework(&id).is_some() {
        return;
    }
    if state.world.completed_frameworks.iter().any(|completed| completed.id == id) {
        let message = ShutdownFramework { epoch: state.epoch(), framework_id: id };
        effects.push(Effect::ToAgent { upid: upid.clone(), message: message.into() });
        return;
    }
    let framework = Framework::new(id, Arc::new(info), Connection::Recovered, now);
    effects.push(Effect::Allocator(allocator::Input::AddFramework {
        framework: for_allocator(&framework),
        used: Vec::new(),
        active: false,
    }));
    state.add_framework(framework);
}

/// Whether the executor is on the books already: the agent named it twice.
fn runs(state: &State, id: &AgentId, running: &RunningExecutor) -> bool {
    let used = state.agent(id).and_then(|agent| agent.used.get(&running.framework_id));
    used.is_some_and(|used| used.executors.contains_key(&running.executor.id))
}

/// A task that runs on the agent.
fn restore(
    state: &mut State,
    upid: &Upid,
    id: &AgentId,
    task: Task,
    missed: bool,
    now: Time,
    effects: &mut Effects,
) {
    let Some(framework) = state.framework_mut(&task.framework_id) else { return };
    framework.find_again(&task.id);
    if let Some(known) = framework.tasks.get(&task.id) {
        if known.agent_id == *id {
            return; // Named twice.
        }
        // The name was given again while this one was out of reach; the newer task keeps it.
        let (framework_id, task_id) = (task.framework_id.clone(), task.id.clone());
        let message = KillTask { epoch: state.epoch(), framework_id, task_id, kill_policy: None };
        effects.push(Effect::ToAgent { upid: upid.clone(), message: message.into() });
        return;
    }
    // Out of reach, or unknown, is nothing an agent can know of its own task.
    let state_here = match task.state {
        TaskState::Unreachable | TaskState::Unknown => TaskState::Staging,
        known => known,
    };
    let task = Task { agent_id: id.clone(), state: state_here, ..task };
    if missed && !task.state.is_terminal() {
        effects.tell(framework, Event::Update(Arc::new(returned(&task, now))));
    }
    state.add_task(task);
}

/// What the framework of a returning task is told.
fn returned(task: &Task, now: Time) -> TaskStatus {
    let last = task.statuses.last();
    TaskStatus {
        source: Some(StatusSource::Master),
        reason: Some(StatusReason::AgentReregistered),
        message: Some("Agent reregistered".to_owned()),
        agent_id: Some(task.agent_id.clone()),
        executor_id: task.executor_id.clone(),
        timestamp: Some(now),
        healthy: last.and_then(|last| last.healthy),
        check_status: last.and_then(|last| last.check_status),
        container_status: last.and_then(|last| last.container_status.clone()),
        ..TaskStatus::new(task.id.clone(), task.state)
    }
}

/// Tasks that were on the agent when it fell silent and that it does not bring back. It is asked about each, and
/// the framework hears its answer.
fn forget_missing(state: &mut State, id: &AgentId) -> Vec<(FrameworkId, TaskId)> {
    let behind: BTreeSet<(FrameworkId, TaskId)> = state.left_behind.remove(id).unwrap_or_default();
    let missing = |(framework, task): &(FrameworkId, TaskId)| {
        let known = state.framework(framework).and_then(|framework| framework.unreachable_tasks.get(task));
        known.is_some_and(|known| known.agent_id == *id)
    };
    let missing: Vec<(FrameworkId, TaskId)> = behind.into_iter().filter(missing).collect();
    for (framework, task) in &missing {
        tasks::complete_unreachable(state, framework, task);
    }
    missing
}

#[cfg(test)]
mod tests {
    use model::call::{Call, Teardown};

    use crate::testing::{Stage, events, to_agents, to_allocator};

    /// A task runs on an agent that then falls silent.
    fn unreachable() -> (Stage, model::AgentId, model::FrameworkId) {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.remember(1, &agent);
        stage.lose(&agent);
        (stage, agent, framework)
    }

    #[test]
    fn a_task_that_comes_back_is_told_as_it_is_now() {
        let (mut stage, agent, framework) = unreachable();
        assert_eq!(stage.state.framework(&framework).unwrap().unreachable_tasks.len(), 1);

        stage.reregister(1, &agent);
        let effects = stage.record();

        assert_eq!(
            events(&effects),
            ["s1 <- UPDATE t TASK_RUNNING REASON_AGENT_REREGISTERED: Agent reregistered"]
        );
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- reregistered as m-S0"]);
        assert_eq!(to_allocator(&effects), ["add agent m-S0 with cpus:4"]);
        assert!(stage.state.framework(&framework).unwrap().unreachable_tasks.is_empty());
    }

    #[test]
    fn a_task_that_does_not_come_back_is_asked_about() {
        let (mut stage, agent, _) = unreachable();
        stage.forget(1);
        stage.reregister(1, &agent);
        let effects = stage.record();
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- reregistered as m-S0, asked about t"]);
    }

    #[test]
    fn a_framework_that_ended_meanwhile_is_ended_there() {
        let (mut stage, agent, framework) = unreachable();
        stage.call(Call::Teardown(Teardown { framework_id: framework }));
        stage.reregister(1, &agent);
        let effects = stage.record();
        assert_eq!(to_agents(&effects)[1], "slave(1)@127.0.0.1:6001 <- shut down framework m-0000");
    }
}

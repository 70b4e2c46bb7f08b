//! The link to an agent is gone.

use libprocess::Upid;
use model::{AgentId, ExecutorId, FrameworkId, StatusReason, TaskId, TaskState, Time};

use super::disown;
use crate::alarms::Alarm;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::{Disowned, Link, State};
use crate::tasks;

/// Puts the agent aside: its offers are rescinded, and it has its time to come back.
///
/// What frameworks without checkpoints ran there ends with the agent process, so it is lost at once.
/// Source: scheduler semantics §9, "Socket break".
pub(crate) fn exited(state: &mut State, upid: &Upid, now: Time) -> Effects {
    let Some(agent) = state.agent_at(upid).filter(|agent| agent.connected()) else { return Effects::none() };
    let (id, incarnation) = (agent.id.clone(), agent.incarnation);
    tracing::info!(agent = %id, "agent disconnected");

    let mut effects = Effects::from(Effect::Allocator(allocator::Input::DeactivateAgent(id.clone())));
    effects.extend(offers::rescind_agent(state, &id));
    for framework in transient(state, &id) {
        effects.extend(lose(state, &id, &framework, now));
    }
    let after = state.settings.agent_reregister_timeout;
    let deadline = now + after;
    state.agent_mut(&id).expect("it was there above").link = Link::Disconnected { deadline };
    effects.push(Effect::Alarm { after, alarm: Alarm::AgentReturn { agent: id, incarnation, deadline } });
    effects
}

/// The agent's time to come back is over, unless it came.
pub(crate) fn return_missed(
    state: &mut State,
    id: &AgentId,
    incarnation: u64,
    deadline: Time,
    now: Time,
) -> Effects {
    let away = state.agent(id).is_some_and(|agent| {
        agent.incarnation == incarnation && agent.link == Link::Disconnected { deadline }
    });
    match away {
        true => disown::begin(state, id, Disowned::Unreachable, now),
        false => Effects::none(),
    }
}

/// Frameworks on the agent whose executors do not outlive it.
fn transient(state: &State, id: &AgentId) -> Vec<FrameworkId> {
    let Some(agent) = state.agent(id) else { return Vec::new() };
    let transient = |framework: &&FrameworkId| state.framework(framework).is_some_and(|f| !f.info.checkpoint);
    agent.used.keys().filter(transient).cloned().collect()
}

/// Ends all of a framework's tasks and executors on the agent.
fn lose(state: &mut State, id: &AgentId, framework: &FrameworkId, now: Time) -> Effects {
    let mut effects = Effects::none();
    let Some(used) = state.agent(id).and_then(|agent| agent.used.get(framework)) else { return effects };
    let tasks: Vec<TaskId> = used.tasks.iter().cloned().collect();
    let executors: Vec<ExecutorId> = used.executors.keys().cloned().collect();
    for task in tasks {
        let (into, reason) = (TaskState::Lost, StatusReason::AgentDisconnected);
        let message = "Agent disconnected";
        effects.extend(tasks::ended_by_master(state, framework, &task, into, reason, message, now));
        tasks::complete(state, framework, &task);
    }
    for executor in executors {
        if let Some(info) = state.remove_executor(framework, id, &executor) {
            effects.push(Effect::recover(framework, id, info.resources.clone(), None));
        }
    }
    effects
}

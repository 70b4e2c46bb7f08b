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

#[cfg(test)]
mod tests {
    use model::FrameworkInfo;

    use crate::messages::Input;
    use crate::testing::{Stage, events, to_allocator, upid};

    #[test]
    fn offers_of_a_lost_agent_are_rescinded_and_tasks_with_checkpoints_wait() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        let task = stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:2");

        let effects = stage.tell(Input::AgentExited { upid: upid(1) });

        assert_eq!(events(&effects), ["s1 <- RESCIND m-O1"]);
        assert_eq!(
            to_allocator(&effects),
            ["deactivate agent m-S0", "recover cpus(allocated: web):2 on m-S0 from m-0000"]
        );
        assert!(stage.state.framework(&framework).unwrap().tasks.contains_key(&task));
    }

    #[test]
    fn tasks_without_checkpoints_are_lost_with_their_agent() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4");
        let framework = stage.framework_as(FrameworkInfo::new("transient", "nobody"));
        stage.running(&framework, &agent, "t");

        let effects = stage.tell(Input::AgentExited { upid: upid(1) });

        let told = "s1 <- UPDATE t TASK_LOST REASON_AGENT_DISCONNECTED: Agent disconnected";
        assert_eq!(events(&effects), [told]);
    }
}

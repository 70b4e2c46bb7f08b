//! A framework wants a task ended.

use model::call::{Kill, ReconcileTask};
use model::{FrameworkId, TaskId, Time};

use super::reconcile;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::state::State;
use crate::tasks;

/// Passes the wish on to the task's agent; to one that is away, when it returns.
///
/// A task that is not known is answered like a question about it, so that the framework learns what became of it.
/// A wrong agent means another task of the same name was meant: nothing happens.
/// Source: scheduler semantics §5, `KILL`.
pub(crate) fn kill(state: &mut State, call: Kill, now: Time) -> Effects {
    state.world.tally.messages_kill_task += 1;
    let Some(from) = state.framework(&call.framework_id) else { return Effects::none() };
    let Some(known) = from.tasks.get(&call.task_id) else {
        let asked = ReconcileTask { task_id: call.task_id, agent_id: call.agent_id };
        return reconcile::explicit(state, &call.framework_id, &[asked], now);
    };
    let on = known.agent_id.clone();
    match call.agent_id.is_some_and(|agent| agent != on) {
        true => Effects::none(),
        false => tasks::kill(state, &call.framework_id, &call.task_id, call.kill_policy),
    }
}

/// The same, asked for by an operator, who is told if there is no such task.
pub(crate) fn operator_kill(
    state: &mut State,
    framework_id: FrameworkId,
    task_id: TaskId,
    asker: Asker,
    now: Time,
) -> Effects {
    let rejected = match state.framework(&framework_id) {
        None => Some(Rejected::NoSuchFramework),
        Some(framework) if !framework.tasks.contains_key(&task_id) => {
            Some(Rejected::NoSuchTask(task_id.clone()))
        }
        Some(_) => None,
    };
    if let Some(rejected) = rejected {
        return Effect::Answer { asker, answer: Err(rejected) }.into();
    }
    let mut effects = kill(state, Kill { framework_id, task_id, agent_id: None, kill_policy: None }, now);
    effects.push(Effect::Answer { asker, answer: Ok(()) });
    effects
}

#[cfg(test)]
mod tests {
    use model::call::{Call, Kill};

    use crate::messages::Input;
    use crate::testing::{Stage, events, to_agents, upid};

    fn kill(framework: &model::FrameworkId, task: &str) -> Call {
        let (framework_id, task_id) = (framework.clone(), task.into());
        Call::Kill(Kill { framework_id, task_id, agent_id: None, kill_policy: None })
    }

    #[test]
    fn a_kill_goes_to_the_agent_of_the_task() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        let effects = stage.call(kill(&framework, "t"));
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- kill task t"]);
    }

    #[test]
    fn a_kill_waits_for_an_agent_that_is_away() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.tell(Input::AgentExited { upid: upid(1) });
        assert!(to_agents(&stage.call(kill(&framework, "t"))).is_empty());

        let effects = stage.reregister(1, &agent);

        assert_eq!(to_agents(&effects).last().unwrap(), "slave(1)@127.0.0.1:6001 <- kill task t");
    }

    #[test]
    fn a_kill_of_an_unknown_task_is_answered_like_a_question() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let effects = stage.call(kill(&framework, "ghost"));
        let told = "s1 <- UPDATE ghost TASK_UNKNOWN REASON_RECONCILIATION: Reconciliation: Task is unknown";
        assert_eq!(events(&effects), [told]);
    }
}

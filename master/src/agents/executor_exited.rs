//! An executor has ended.

use libprocess::Upid;
use model::event::Event;
use model::messages::ExecutorExited;

use crate::effects::{Effect, Effects};
use crate::state::State;

/// Frees what the executor itself held, and tells its framework. Its tasks are told of by the agent, one by one.
///
/// Source: scheduler semantics §9, "FAILURE events".
pub(crate) fn executor_exited(state: &mut State, from: &Upid, message: ExecutorExited) -> Effects {
    state.world.tally.messages_exited_executor += 1;
    let ExecutorExited { framework_id, agent_id, executor_id, status } = message;
    if state.agent_at(from).is_none_or(|agent| agent.id != agent_id) {
        return Effects::none();
    }
    let mut effects = Effects::none();
    if let Some(info) = state.remove_executor(&framework_id, &agent_id, &executor_id) {
        effects.push(Effect::recover(&framework_id, &agent_id, info.resources.clone(), None));
    }
    if let Some(framework) = state.framework(&framework_id) {
        let (agent_id, executor_id) = (Some(agent_id), Some(executor_id));
        effects.tell(framework, Event::Failure { agent_id, executor_id, status: Some(status) });
    }
    effects
}

#[cfg(test)]
mod tests {
    use model::messages::ExecutorExited;
    use model::{CommandInfo, ExecutorInfo};

    use crate::messages::Input;
    use crate::testing::{Stage, bag, events, task, to_agents, to_allocator, upid};

    #[test]
    fn what_an_executor_held_is_free_when_it_ends_and_the_next_one_is_new() {
        let mut stage = Stage::new();
        let (agent_id, framework_id) = (stage.agent(1, "cpus:4;mem:256"), stage.framework());
        let with_executor = |name: &str| {
            let mut executor = ExecutorInfo::new("e");
            executor.command = Some(CommandInfo::shell("./e"));
            executor.resources = bag("cpus:1;mem:64");
            let mut task = task(name, &agent_id, "cpus:1");
            (task.command, task.executor) = (None, Some(executor));
            task
        };
        let offer = stage.offer(&framework_id, &agent_id, "cpus:4;mem:256");
        let effects = stage.launch(&framework_id, &offer, vec![with_executor("a"), with_executor("b")]);
        let to = "slave(1)@127.0.0.1:6001";
        assert_eq!(
            to_agents(&effects),
            [format!("{to} <- run task a in a new executor"), format!("{to} <- run task b")]
        );

        let executor_id = "e".into();
        let (framework, agent) = (framework_id.clone(), agent_id.clone());
        let body = ExecutorExited { framework_id: framework, agent_id: agent, executor_id, status: 9 };
        let effects = stage.tell(Input::ExecutorExited { from: upid(1), body });

        assert_eq!(events(&effects), ["s1 <- FAILURE of e on m-S0, status 9"]);
        let freed = "recover cpus(allocated: web):1; mem(allocated: web):64 on m-S0 from m-0000";
        assert_eq!(to_allocator(&effects), [freed]);
        let offer = stage.offer(&framework_id, &agent_id, "cpus:2;mem:64");
        let effects = stage.launch(&framework_id, &offer, vec![with_executor("c")]);
        assert_eq!(to_agents(&effects), [format!("{to} <- run task c in a new executor")]);
    }
}

//! A framework has heard an update.

use model::call::Acknowledge;
use model::messages::AcknowledgeStatus;

use crate::effects::Effects;
use crate::state::State;
use crate::tasks;

/// Passes the acknowledgement on, and forgets the task if its end was acknowledged.
///
/// Dropped when the agent is away (it will send the update again) or when nothing was forwarded for the task.
/// Source: scheduler semantics §5, `ACKNOWLEDGE`.
pub(crate) fn acknowledge(state: &mut State, call: Acknowledge) -> Effects {
    let Acknowledge { framework_id: framework, agent_id: agent, task_id: task, uuid } = &call;
    let uuid = *uuid;
    state.world.tally.messages_status_update_acknowledgement += 1;
    let mut effects = Effects::none();
    let Some(on) = state.agent(agent).filter(|agent| agent.connected()) else {
        state.world.tally.invalid_status_update_acknowledgements += 1;
        return effects;
    };
    let known = state.framework(framework).and_then(|framework| framework.tasks.get(task));
    let known = known.filter(|task| task.agent_id == *agent);
    if known.is_some_and(|task| task.status_update_uuid.is_none()) {
        state.world.tally.invalid_status_update_acknowledgements += 1;
        return effects;
    }
    effects.send(
        on,
        AcknowledgeStatus {
            epoch: state.epoch(),
            framework_id: framework.clone(),
            task_id: task.clone(),
            uuid,
        },
    );
    let over = known.is_some_and(|task| {
        task.status_update_uuid == Some(uuid)
            && task.status_update_state.is_some_and(|state| state.is_terminal())
    });
    if over {
        tasks::complete(state, framework, task);
    }
    state.world.tally.valid_status_update_acknowledgements += 1;
    effects
}

#[cfg(test)]
mod tests {
    use model::call::{Acknowledge, Call};
    use model::{TaskState, UpdateId};

    use crate::testing::{Stage, to_agents};

    #[test]
    fn an_acknowledged_end_completes_the_task() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        let task = stage.running(&framework, &agent, "t");
        stage.update(&framework, &agent, "t", TaskState::Finished);
        let mut call = Acknowledge {
            framework_id: framework.clone(),
            agent_id: agent,
            task_id: task.clone(),
            uuid: UpdateId::from_bytes([9; 16]),
        };

        assert_eq!(
            to_agents(&stage.call(Call::Acknowledge(call.clone()))).len(),
            1,
            "an older update is passed on"
        );
        assert!(
            stage.state.framework(&framework).unwrap().tasks.contains_key(&task),
            "and completes nothing"
        );
        call.uuid = stage.last_update();
        stage.call(Call::Acknowledge(call));

        let framework = stage.state.framework(&framework).unwrap();
        assert!(framework.tasks.is_empty());
        assert_eq!(framework.completed_tasks[0].state, TaskState::Finished);
    }

    #[test]
    fn nothing_is_acknowledged_that_was_not_told() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:1");
        stage.launch(&framework, &offer, vec![crate::testing::task("t", &agent, "cpus:1")]);
        let uuid = UpdateId::from_bytes([9; 16]);
        let call = Acknowledge { framework_id: framework, agent_id: agent, task_id: "t".into(), uuid };
        assert!(to_agents(&stage.call(Call::Acknowledge(call))).is_empty());
    }
}

//! An agent reports on a task.

use std::sync::Arc;

use libprocess::Upid;
use model::TaskState;
use model::event::Event;
use model::messages::UpdateStatus;

use super::end::change;
use crate::effects::Effects;
use crate::state::State;

/// Believes the agent's report and passes it on. What an ended task held is free at once, however long its
/// framework takes to acknowledge.
///
/// That a task is out of reach, or unknown, is not for its agent to say.
/// A framework that is away hears of it when the agent sends it again. An update of a task nobody knows is passed on too:
/// it answers a reconciliation.
/// Source: scheduler semantics §5 and §7.
pub(crate) fn update(state: &mut State, from: &Upid, message: UpdateStatus) -> Effects {
    state.world.tally.messages_status_update += 1;
    let UpdateStatus { framework_id, agent_id, mut status, latest_state } = message;
    let sayable = |state| !matches!(state, TaskState::Unreachable | TaskState::Unknown);
    let known = sayable(status.state)
        && sayable(latest_state)
        && state.agent_at(from).is_some_and(|agent| agent.id == agent_id);
    let Some(framework) = state.framework(&framework_id).filter(|_| known) else {
        state.world.tally.invalid_status_updates += 1;
        return Effects::none();
    };
    let aware = framework.partition_aware();
    status.state = status.state.for_framework(aware);
    let latest = latest_state.for_framework(aware);

    let mut effects = Effects::none();
    effects.tell(framework, Event::Update(Arc::new(status.clone())));
    let here = framework.tasks.get(&status.task_id).is_some_and(|task| task.agent_id == agent_id);
    state.world.tally.valid_status_updates += 1;
    if here {
        effects.extend(change(state, &framework_id, &status, latest));
    }
    effects
}

#[cfg(test)]
mod tests {
    use model::{FrameworkInfo, TaskState};

    use crate::messages::Input;
    use crate::testing::{Stage, events, to_allocator};

    #[test]
    fn what_an_ended_task_held_is_free_before_anybody_acknowledges() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        let task = stage.running(&framework, &agent, "t");

        let effects = stage.update(&framework, &agent, "t", TaskState::Finished);

        assert_eq!(to_allocator(&effects), ["recover cpus(allocated: web):1 on m-S0 from m-0000"]);
        assert_eq!(events(&effects), ["s1 <- UPDATE t TASK_FINISHED"]);
        assert!(stage.state.framework(&framework).unwrap().tasks.contains_key(&task));
        let again = stage.update(&framework, &agent, "t", TaskState::Running);
        assert!(to_allocator(&again).is_empty());
        let task = &stage.state.framework(&framework).unwrap().tasks[&task];
        assert_eq!(task.state, TaskState::Finished, "an ended task's state is sticky");
    }

    #[test]
    fn a_framework_that_is_away_is_not_told() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.tell(Input::StreamClosed { stream: stage.stream() });
        assert!(events(&stage.update(&framework, &agent, "t", TaskState::Finished)).is_empty());
    }

    #[test]
    fn who_does_not_know_of_partitions_hears_lost() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4");
        let mut info = FrameworkInfo::new("old", "nobody");
        info.capabilities = [model::FrameworkCapability::MultiRole].into_iter().collect();
        let framework = stage.framework_as(info);
        stage.running(&framework, &agent, "t");
        let effects = stage.update(&framework, &agent, "t", TaskState::Gone);
        assert_eq!(events(&effects), ["s1 <- UPDATE t TASK_LOST"]);
    }
}

//! A framework is ended by itself, or by an operator.

use model::{FrameworkId, Time};

use crate::effects::{Effect, Effects};
use crate::frameworks;
use crate::http::Rejected;
use crate::messages::Asker;
use crate::state::State;

/// Ends the framework and everything it runs.
///
/// Source: scheduler HTTP API, `TEARDOWN`.
pub(crate) fn teardown(state: &mut State, framework: &FrameworkId, now: Time) -> Effects {
    state.world.tally.messages_unregister_framework += 1;
    frameworks::remove(state, framework, now)
}

/// The same, asked for by an operator, who need not read its stream.
pub(crate) fn operator_teardown(
    state: &mut State,
    framework: &FrameworkId,
    asker: Asker,
    now: Time,
) -> Effects {
    if state.framework(framework).is_none() {
        return Effect::Answer { asker, answer: Err(Rejected::NoSuchFramework) }.into();
    }
    let mut effects = frameworks::remove(state, framework, now);
    effects.push(Effect::Answer { asker, answer: Ok(()) });
    effects
}

#[cfg(test)]
mod tests {
    use model::call::{Call, Teardown};
    use model::{FrameworkInfo, TaskState};

    use crate::testing::{Stage, events, to_agents, to_allocator};

    #[test]
    fn a_torn_down_framework_ends_everywhere_and_never_comes_back() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:2");
        let info = FrameworkInfo::clone(&stage.state.framework(&framework).unwrap().info);

        let effects = stage.call(Call::Teardown(Teardown { framework_id: framework }));

        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- shut down framework m-0000"]);
        assert_eq!(to_allocator(&effects), ["remove framework m-0000"]);
        assert!(events(&effects).is_empty(), "whoever tears down knows");
        let completed = &stage.state.world.completed_frameworks[0];
        assert_eq!(completed.completed_tasks[0].state, TaskState::Killed);
        assert_eq!(events(&stage.subscribe(info)), ["s2 <- ERROR: Framework has been removed"]);
    }

    #[test]
    fn a_task_that_has_ended_is_remembered_as_it_ended() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.update(&framework, &agent, "t", TaskState::Finished);

        stage.call(Call::Teardown(Teardown { framework_id: framework }));

        let task = &stage.state.world.completed_frameworks[0].completed_tasks[0];
        let states: Vec<TaskState> = task.statuses.iter().map(|status| status.state).collect();
        assert_eq!(task.state, TaskState::Finished);
        assert_eq!(states.last(), Some(&TaskState::Finished));
        assert_eq!(stage.state.world.tally.tasks_killed, 0);
    }
}

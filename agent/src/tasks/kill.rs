//! A task is to be killed.

use model::executor_event::ExecutorEvent;
use model::messages::KillTask;
use model::{StatusReason, TaskState, Time};

use super::{Report, Whose, report};
use crate::effects::{Effect, Effects};
use crate::executors;
use crate::state::State;

/// Passes the kill on to the executor. A task still waiting for its executor never reaches it, nor does the rest of
/// its group; one nobody has is reported as dropped.
///
/// Source: Mesos agent, launching tasks.
pub(crate) fn kill(state: &mut State, kill: KillTask, now: Time) -> Effects {
    let KillTask { framework_id, task_id, kill_policy, .. } = kill;
    let Some(key) = state.holder(&framework_id, &task_id) else {
        if state.streams.awaits(&framework_id, &task_id) {
            // Its end is known already, and on its way.
            return Effects::new();
        }
        let checkpoint = state.frameworks.get(&framework_id).is_none_or(|known| known.info.checkpoint);
        let whose = Whose::Nobody { framework: framework_id, checkpoint };
        let unknown =
            Report::new(TaskState::Dropped, StatusReason::ExecutorTerminated, "Cannot find executor");
        return report(state, &whose, &[task_id], &unknown, now);
    };
    let executor = state.executor_mut(&key).expect("it has the task");
    if let Some(queued) = executor.queued.iter().find(|queued| queued.holds(&task_id)) {
        let tasks: Vec<_> = queued.tasks.iter().map(|info| info.id.clone()).collect();
        let message = match queued.group {
            true => "A task within the task group was killed before delivery to the executor",
            false => "Task killed before delivery to the executor",
        };
        let killed = Report::new(TaskState::Killed, StatusReason::TaskKilledDuringLaunch, message);
        let mut effects = report(state, &Whose::Executor(key.clone()), &tasks, &killed, now);
        effects.extend(executors::end_if_useless(state, &key));
        return effects;
    }
    match executor.listens() {
        Some(stream) => vec![Effect::ToExecutor(stream, ExecutorEvent::Kill { task_id, kill_policy })],
        None => {
            if executor.tasks.contains_key(&task_id) {
                executor.kills.insert(task_id, kill_policy);
            }
            Effects::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use model::KillPolicy;

    use super::*;
    use crate::messages::FromMaster;
    use crate::testing::{EPOCH, World, command_task, custom_task};

    fn killed(world: &mut World, task: &str) -> Vec<String> {
        let kill_policy = Some(KillPolicy::default());
        let kill = KillTask { epoch: EPOCH, framework_id: "f".into(), task_id: task.into(), kill_policy };
        world.master(FromMaster::Kill(kill))
    }

    #[test]
    fn a_kill_is_passed_on_to_the_executor() {
        let mut world = World::with_custom_task();
        assert_eq!(killed(&mut world, "t"), ["to stream 1: KILL t"]);
    }

    #[test]
    fn a_task_killed_before_delivery_never_reaches_its_executor() {
        let mut world = World::registered();
        world.run(command_task("t"), true);
        let told = killed(&mut world, "t").join("\n");
        assert!(told.contains("update t TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH"), "{told}");
        assert!(told.contains(&format!("destroy {}", world.container("t"))), "{told}");
    }

    #[test]
    fn a_group_is_killed_as_a_whole_before_delivery() {
        let mut world = World::registered();
        world.run_group(vec![custom_task("t1"), custom_task("t2")]);
        let told = killed(&mut world, "t2").join("\n");
        for task in ["t1", "t2"] {
            assert!(
                told.contains(&format!("update {task} TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH")),
                "{told}"
            );
        }
    }

    #[test]
    fn a_container_whose_task_was_killed_while_the_intent_was_written_is_never_launched() {
        let mut world = World::registered();
        world.hold_disk();
        world.run(custom_task("t"), true);
        killed(&mut world, "t");
        let told = world.sync().join("\n");
        assert!(!told.contains("launch "), "{told}");
        assert!(told.contains("executor e exited -1"), "{told}");
    }

    #[test]
    fn a_kill_of_a_task_nobody_has_is_answered() {
        let mut world = World::registered();
        let told = killed(&mut world, "t").join("\n");
        assert!(told.contains("update t TASK_DROPPED REASON_EXECUTOR_TERMINATED"), "{told}");
    }

    #[test]
    fn an_executor_that_is_away_hears_of_the_kill_when_it_is_back() {
        let mut world = World::with_custom_task();
        world.hear(crate::messages::Input::StreamEnded {
            executor: crate::testing::key("e"),
            stream: crate::http::StreamNo(1),
        });
        assert!(killed(&mut world, "t").is_empty());
        let told = world.resubscribe("e", 2, vec![custom_task("t")], Vec::new());
        assert!(told.contains(&"to stream 2: KILL t".to_owned()), "{told:?}");
    }
}

//! Volumes are in a sandbox before whatever uses them begins; where they cannot be, it does not begin.

use model::{
    ContainerId, ExecutorInfo, ExecutorKind, Resources, StatusReason, TaskId, TaskInfo, TaskState, Time,
};

use super::launch::{ready, user};
use super::{deliver, end_if_useless};
use crate::effects::{Effect, Effects};
use crate::operations::volumes;
use crate::state::{Ending, Executor, Key, Phase, Queued, State};
use crate::tasks::{Report, Whose, report};

/// Who waits for volumes to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Viewer {
    pub container: ContainerId,
    /// Those whose volumes they are, by the first of what is delivered together; a container inside has its own alone.
    pub tasks: Vec<TaskId>,
    /// Whether its program waits at the gate, or only the tasks for their delivery.
    pub held: bool,
}

/// Whether the volumes of these tasks can be shown, if need be beside those their executor has.
///
/// Errors: one of them cannot; for the user.
pub(crate) fn judge<'a>(
    state: &State,
    info: &ExecutorInfo,
    known: Option<&Executor>,
    tasks: impl IntoIterator<Item = &'a TaskInfo>,
) -> Result<(), String> {
    let check = |resources: &Resources| volumes::check(&volumes::links(&state.settings.layout, resources));
    let mut tasks = tasks.into_iter().map(|task| &task.resources);
    if nests(info) {
        check(&info.resources)?;
        return tasks.try_for_each(check);
    }
    let held = known.map_or_else(|| info.resources.clone(), Executor::resources);
    check(&(tasks.sum::<Resources>() + held))
}

/// Whether each of its tasks is in a container, and thereby a sandbox, of its own; the agent shows them theirs in there.
fn nests(info: &ExecutorInfo) -> bool {
    info.kind == Some(ExecutorKind::Default)
}

/// What has its volumes in an executor's own sandbox.
pub(crate) fn in_sandbox(executor: &Executor) -> Resources {
    match nests(&executor.info) {
        true => executor.info.resources.clone(),
        false => executor.resources(),
    }
}

/// Shows a new executor's own volumes, and those of all that wait for it. `None` if there are none.
pub(super) fn first(state: &State, key: &Key) -> Option<Effect> {
    let executor = state.executor(key)?;
    let tasks = executor.queued.iter().filter_map(Queued::first).cloned().collect();
    let viewer = Viewer { container: executor.container.clone(), tasks, held: true };
    show(state, executor, viewer, &in_sandbox(executor))
}

/// Shows the volumes of what is delivered next, unless they are. `None` if there is nothing to be shown.
pub(super) fn next(state: &State, executor: &Executor, next: &Queued) -> Option<Effect> {
    let tasks = next.first().filter(|_| !next.shown && !nests(&executor.info)).cloned()?;
    let viewer = Viewer { container: executor.container.clone(), tasks: vec![tasks], held: false };
    show(state, executor, viewer, &next.tasks.iter().map(|task| &task.resources).sum::<Resources>())
}

fn show(state: &State, executor: &Executor, viewer: Viewer, resources: &Resources) -> Option<Effect> {
    let links = volumes::links(&state.settings.layout, resources);
    let (sandbox, user) = (executor.directory.to_path_buf(), user(state, executor));
    (!links.is_empty()).then_some(Effect::Show { viewer, sandbox, links, user })
}

/// Volumes are shown, or not: what waited for them goes on, or fails.
///
/// Source: Mesos agent, persistent volumes, without which a launch fails.
pub(crate) fn shown(state: &mut State, viewer: Viewer, shown: Result<(), String>, now: Time) -> Effects {
    let Viewer { container, tasks, held } = viewer;
    let Some(key) = state.executor_in(&container) else { return Effects::new() };
    let Some(executor) = state.executor_mut(&key).filter(|executor| !executor.is_ended()) else {
        return Effects::new();
    };
    let waits = |queued: &Queued| queued.first().is_some_and(|first| tasks.contains(first));
    let Err(why) = shown else {
        executor.queued.iter_mut().filter(|queued| waits(queued)).for_each(|queued| queued.shown = true);
        return if held { ready(state, &key) } else { deliver(state, &key) };
    };
    let message = format!("Failed to launch container: {why}");
    if held {
        executor.phase = Phase::Terminating;
        executor.ending.get_or_insert(Ending {
            state: TaskState::Failed,
            reason: StatusReason::ContainerLaunchFailed,
            message,
            limitation: None,
        });
        return vec![Effect::Destroy(container)];
    }
    let failed: Vec<_> =
        executor.queued.iter().filter(|queued| waits(queued)).flat_map(|queued| &queued.tasks).collect();
    let failed: Vec<_> = failed.into_iter().map(|task| task.id.clone()).collect();
    let why = Report::new(TaskState::Failed, StatusReason::ContainerLaunchFailed, message);
    let mut effects = report(state, &Whose::Executor(key.clone()), &failed, &why, now);
    // What was queued behind them may go on.
    effects.extend(deliver(state, &key));
    effects.extend(end_if_useless(state, &key));
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containerizer::{Cause, ContainerEvent};
    use crate::messages::Input;
    use crate::testing::{World, command_task, custom_task, ended, volumes_at};

    const WHY: &str = "Volume 'v' cannot be shown at 'data': no";

    fn with(mut task: TaskInfo, volumes: &[(&str, &str)]) -> TaskInfo {
        task.resources += volumes_at(volumes).allocate(&"web".into());
        task
    }

    /// An agent that has volumes `v` and `w`.
    fn world() -> World {
        let mut world = World::registered();
        for (id, path) in [("v", "data"), ("w", "data"), ("x", "data/x"), ("y", "y")] {
            world.give_volume(&volumes_at(&[(id, path)]));
        }
        world
    }

    #[test]
    fn a_program_does_not_start_before_its_volumes_are_shown() {
        let mut world = world();
        world.run(with(command_task("t"), &[("v", "data")]), true);
        world.hold_files();
        let told = world.launched("t").join("\n");
        assert!(told.starts_with("link 1 volumes into /w/slaves/S0/"), "{told}");
        assert!(!told.contains("go "), "{told}");
        let told = world.shown(Ok(())).join("\n");
        assert!(told.contains(&format!("go {}", world.container("t"))), "{told}");
    }

    #[test]
    fn a_task_whose_volume_cannot_be_shown_fails_and_its_program_never_starts() {
        let mut world = world();
        world.run(with(command_task("t"), &[("v", "data")]), true);
        world.hold_files();
        world.launched("t");
        let id = world.container("t");
        assert_eq!(world.shown(Err(WHY.into())), [format!("destroy {id}")]);
        let termination = ended(Some(9), Cause::Destroyed);
        let told = world.hear(Input::Container(ContainerEvent::Terminated { id, termination })).join("\n");
        let line = format!(
            "update t TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED \"Failed to launch container: {WHY}\""
        );
        assert!(told.contains(&line), "{told}");
    }

    #[test]
    fn a_running_executor_is_not_given_a_task_without_its_volume() {
        let mut world = world();
        world.run(custom_task("t"), true);
        world.launched("e");
        world.subscribe("e", 1);
        world.hold_files();
        world.run(with(custom_task("t2"), &[("v", "data")]), false);
        world.run(custom_task("t3"), false);
        let told = world.shown(Err(WHY.into())).join("\n");
        let line = format!(
            "update t2 TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED \"Failed to launch container: {WHY}\""
        );
        assert!(told.contains(&line), "{told}");
        assert!(told.contains("to stream 1: LAUNCH t3"), "{told}");
        assert!(!told.contains("LAUNCH t2") && !told.contains("destroy"), "{told}");
    }

    #[test]
    fn volumes_that_are_in_each_other_s_way_are_refused_before_anything_is_launched() {
        for volumes in [[("v", "data"), ("w", "data")], [("x", "data/x"), ("v", "data")]] {
            let mut world = world();
            let told = world.run(with(command_task("t"), &volumes), true);
            assert!(!told.iter().any(|line| line.starts_with("launch ")), "{told:?}");
            let told = told.join("\n");
            assert!(told.contains("update t TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED"), "{told}");
            assert!(told.contains("cannot be shown at 'data"), "{told}");
        }
    }

    #[test]
    fn tasks_of_a_group_have_their_volumes_in_sandboxes_of_their_own() {
        let mut world = world();
        let one = with(custom_task("t1"), &[("v", "data")]);
        world.run_group(vec![one, with(custom_task("t2"), &[("w", "data")])]);
        let told = world.launched("e").join("\n");
        assert!(!told.contains("link"), "{told}");
        let told = world.subscribe("e", 1).join("\n");
        assert!(told.contains("LAUNCH_GROUP t1 t2"), "{told}");
        assert!(!told.contains("link"), "{told}");
    }

    #[test]
    fn in_one_sandbox_tasks_of_a_group_do_not_take_each_other_s_places() {
        let mut world = world();
        let tasks = [("t1", [("v", "data"), ("w", "data")]), ("t2", [("x", "data/x"), ("y", "y")])];
        let told = world.run_group(tasks.map(|(id, at)| with(custom_task(id), &at)).to_vec()).join("\n");
        assert!(!told.lines().any(|line| line.starts_with("launch ")), "{told}");
        for task in ["t1", "t2"] {
            let line = format!("update {task} TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED");
            assert!(told.contains(&line), "{told}");
        }
        assert!(told.contains("executor e exited -1"), "{told}");
    }

    #[test]
    fn a_task_does_not_take_the_place_of_another_s_volume() {
        let mut world = world();
        world.run(with(custom_task("t"), &[("v", "data")]), true);
        world.launched("e");
        world.subscribe("e", 1);
        let told = world.run(with(custom_task("t2"), &[("w", "data")]), false).join("\n");
        assert!(told.contains("update t2 TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED"), "{told}");
        let told = world.run(with(custom_task("t3"), &[("y", "y")]), false).join("\n");
        assert!(told.contains("to stream 1: LAUNCH t3"), "{told}");
    }
}

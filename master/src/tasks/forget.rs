//! Tasks that are over move to where they are only remembered, and drop out when too many are.

use std::sync::Arc;

use model::{FrameworkId, Task, TaskId, TaskStatus};

use crate::state::{Framework, State};

/// Moves a task to the completed ones of its framework.
pub(crate) fn complete(state: &mut State, framework: &FrameworkId, task: &TaskId) {
    let Some(task) = state.remove_task(framework, task) else { return };
    remember(state, framework, task);
}

/// Moves an unreachable task to the completed ones of its framework.
pub(crate) fn complete_unreachable(state: &mut State, framework: &FrameworkId, task: &TaskId) {
    let Some(on) = state.framework_mut(framework) else { return };
    let Some(task) = on.find_again(task) else { return };
    remember(state, framework, task);
}

/// Moves an unreachable task to the completed ones, as gone.
pub(crate) fn complete_gone(state: &mut State, framework: &FrameworkId, task: &TaskId, status: &TaskStatus) {
    let Some(on) = state.framework_mut(framework) else { return };
    let Some(mut task) = on.find_again(task) else { return };
    let record = Arc::make_mut(&mut task);
    record.push_status(status);
    record.state = status.state;
    remember(state, framework, task);
}

fn remember(state: &mut State, framework: &FrameworkId, task: Arc<Task>) {
    let max = state.settings.max_completed_tasks_per_framework;
    let Some(framework) = state.framework_mut(framework) else { return };
    framework.completed_tasks.push_back(task);
    bound(framework, max);
}

fn bound(framework: &mut Framework, max: usize) {
    while framework.completed_tasks.len() > max {
        framework.completed_tasks.pop_front();
    }
}

/// Moves a task to the unreachable ones of its framework. When too many are there, one drops out.
pub(crate) fn leave_behind(state: &mut State, framework: &FrameworkId, task: &TaskId) {
    let Some(task) = state.remove_task(framework, task) else { return };
    let max = state.settings.max_unreachable_tasks_per_framework;
    let key = (framework.clone(), task.id.clone());
    state.left_behind.entry(task.agent_id.clone()).or_default().insert(key);
    let Some(framework) = state.framework_mut(framework) else { return };
    framework.leave(task, max);
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;
    use crate::testing::Stage;

    #[test]
    fn of_too_many_unreachable_tasks_the_oldest_drops_out_whatever_its_name() {
        let settings = Settings { max_unreachable_tasks_per_framework: 2, ..Settings::default() };
        let mut stage = Stage::with(settings);
        let framework = stage.framework();
        for (number, task) in [(1, "z"), (2, "a"), (3, "m")] {
            let agent = stage.agent(number, "cpus:4");
            stage.running(&framework, &agent, task);
            stage.lose(&agent);
        }
        let left = &stage.state.framework(&framework).unwrap().unreachable_tasks;
        let left: Vec<&str> = left.keys().map(|task| task.as_str()).collect();
        assert_eq!(left, ["a", "m"]);
    }
}

//! LAUNCH_GROUP: tasks that start together in one executor, or not at all.

use std::sync::Arc;

use model::messages::RunTaskGroup;
use model::{AgentId, InvalidGroup, OperationId, StatusReason, Task, TaskGroup, TaskId};

use super::accept::Accepting;
use super::validate;

/// Launches the group if every task in it may run; otherwise every one of them is in error, for the same reason.
///
/// Source: scheduler semantics §4.2.
pub(super) fn launch_group(
    accepting: &mut Accepting<'_>,
    id: Option<&OperationId>,
    group: Result<TaskGroup, InvalidGroup>,
) {
    let judged = group.and_then(|group| {
        let group = accepting.complete_group(group);
        let refused = |message| {
            let tasks = group.tasks.iter().map(|task| (task.id.clone(), task.agent_id.clone())).collect();
            InvalidGroup { tasks, message }
        };
        if id.is_some() {
            return Err(refused("'id' must not be set on a LAUNCH_GROUP operation".to_owned()));
        }
        match validate::group(&accepting.view(), &group) {
            Ok(()) => Ok(group),
            Err(message) => Err(refused(message)),
        }
    });
    match judged {
        Ok(group) => accepting.run_group(group),
        Err(InvalidGroup { tasks, message }) => {
            let refused: Vec<(TaskId, AgentId)> = tasks;
            for (task, agent) in refused {
                accepting.refuse_task(&task, &agent, StatusReason::TaskGroupInvalid, &message);
            }
        }
    }
}

impl Accepting<'_> {
    /// Fills in what a framework may leave out; a task without an executor means the group's.
    fn complete_group(&self, group: TaskGroup) -> TaskGroup {
        let mut executor = group.executor;
        executor.resources = executor.resources.allocate_missing(&self.role);
        executor.framework_id.get_or_insert_with(|| self.framework.clone());
        let complete = |mut task: model::TaskInfo| {
            task.executor.get_or_insert_with(|| executor.clone());
            self.complete(task)
        };
        let tasks = group.tasks.into_iter().map(complete).collect();
        TaskGroup { executor, tasks }
    }

    /// Puts a valid group on the books and on its way.
    fn run_group(&mut self, group: TaskGroup) {
        let TaskGroup { executor, tasks } = group;
        let launch_executor = !self.view().runs(&executor.id);
        if launch_executor {
            self.left -= &executor.resources;
            self.state.add_executor(&self.framework, &self.agent, Arc::new(executor.clone()));
        }
        for task in &tasks {
            self.left -= &task.resources;
            self.state.add_task(Task::staging(task, self.framework.clone()));
        }
        let framework = self.view().framework.info.as_ref().clone();
        let message = RunTaskGroup { epoch: self.state.epoch(), framework, executor, tasks, launch_executor };
        let agent = self.state.agent(&self.agent).expect("its offers were taken from it");
        self.effects.send(agent, message);
    }
}

//! LAUNCH: tasks, each for itself.

use std::sync::Arc;

use model::messages::RunTask;
use model::{InvalidTask, OperationId, StatusReason, Task, TaskInfo};

use super::accept::Accepting;
use super::validate;

/// Launches each task that may run; the others are in error, and those after them go on.
///
/// Source: scheduler semantics §4, `LAUNCH`.
pub(super) fn launch(
    accepting: &mut Accepting<'_>,
    id: Option<&OperationId>,
    tasks: Vec<Result<TaskInfo, InvalidTask>>,
) {
    for task in tasks {
        let judged = task.and_then(|task| {
            let task = accepting.complete(task);
            let refused =
                |message| InvalidTask { task_id: task.id.clone(), agent_id: task.agent_id.clone(), message };
            if id.is_some() {
                return Err(refused("'id' must not be set on a LAUNCH operation".to_owned()));
            }
            match validate::task(&accepting.view(), &task) {
                Ok(()) => Ok(task),
                Err(message) => Err(refused(message)),
            }
        });
        match judged {
            Ok(task) => accepting.run(task),
            Err(refused) => {
                let InvalidTask { task_id, agent_id, message } = refused;
                accepting.refuse_task(&task_id, &agent_id, StatusReason::TaskInvalid, &message);
            }
        }
    }
}

impl Accepting<'_> {
    /// Fills in what a framework may leave out: the role of resources, and whose the executor is.
    pub(super) fn complete(&self, mut task: TaskInfo) -> TaskInfo {
        task.resources = task.resources.allocate_missing(&self.role);
        if let Some(executor) = &mut task.executor {
            executor.resources = executor.resources.allocate_missing(&self.role);
            executor.framework_id.get_or_insert_with(|| self.framework.clone());
        }
        task
    }

    /// What validation looks at.
    pub(super) fn view(&self) -> validate::View<'_> {
        validate::View {
            framework: self.state.framework(&self.framework).expect("its call was admitted"),
            agent: self.state.agent(&self.agent).expect("its offers were taken from it"),
            left: &self.left,
        }
    }

    /// Puts a valid task on the books and on its way.
    fn run(&mut self, task: TaskInfo) {
        let mut launch_executor = true;
        if let Some(executor) = &task.executor {
            launch_executor = !self.view().runs(&executor.id);
            if launch_executor {
                self.left -= &executor.resources;
                self.state.add_executor(&self.framework, &self.agent, Arc::new(executor.clone()));
            }
        }
        self.left -= &task.resources;
        self.state.add_task(Task::staging(&task, self.framework.clone()));

        let view = self.view();
        let framework = view.framework.info.as_ref().clone();
        let message = RunTask { epoch: self.state.epoch(), framework, task, launch_executor };
        let agent = self.state.agent(&self.agent).expect("its offers were taken from it");
        self.effects.send(agent, message);
    }
}

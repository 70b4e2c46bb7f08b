//! LAUNCH_GROUP: tasks that start together in one executor, or not at all.

use std::sync::Arc;

use model::messages::RunTaskGroup;
use model::{AgentId, InvalidGroup, OperationId, StatusReason, Task, TaskGroup, TaskId};

use super::operations::Accepting;
use super::validate;
use crate::authorization;

/// Launches the group if every task in it may run; otherwise every one of them is in error, for the same reason.
///
/// Source: scheduler semantics §4.2.
pub(super) fn launch_group(
    accepting: &mut Accepting<'_>,
    id: Option<&OperationId>,
    group: Result<TaskGroup, InvalidGroup>,
) {
    const INVALID: StatusReason = StatusReason::TaskGroupInvalid;
    let judged = group.map_err(|refused| (INVALID, refused)).and_then(|group| {
        let group = accepting.complete_group(group);
        let refused = |reason, message| {
            let tasks = group.tasks.iter().map(|task| (task.id.clone(), task.agent_id.clone())).collect();
            (reason, InvalidGroup { tasks, message })
        };
        if id.is_some() {
            return Err(refused(INVALID, "'id' must not be set on a LAUNCH_GROUP operation".to_owned()));
        }
        let view = accepting.view();
        let may = |task| authorization::launch(&accepting.rights, &view.framework.info, task);
        if let Err(message) = group.tasks.iter().try_for_each(may) {
            return Err(refused(StatusReason::TaskGroupUnauthorized, message));
        }
        validate::group(&view, &group).map_err(|message| refused(INVALID, message))?;
        Ok(group)
    });
    match judged {
        Ok(group) => accepting.run_group(group),
        Err((reason, InvalidGroup { tasks, message })) => {
            let refused: Vec<(TaskId, AgentId)> = tasks;
            for (task, agent) in refused {
                accepting.refuse_task(&task, &agent, reason, &message);
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
            self.use_up(&executor.resources);
            self.state.add_executor(&self.framework, &self.agent, Arc::new(executor.clone()));
        }
        for task in &tasks {
            self.use_up(&task.resources);
            self.state.add_task(Task::staging(task, self.framework.clone()));
            self.state.preemptions.forget(&self.framework);
        }
        let framework = self.view().framework.info.as_ref().clone();
        let message = RunTaskGroup { epoch: self.state.epoch(), framework, executor, tasks, launch_executor };
        let agent = self.state.agent(&self.agent).expect("its offers were taken from it");
        self.effects.send(agent, message);
    }
}

#[cfg(test)]
mod tests {
    use model::{AgentId, ExecutorInfo, ExecutorKind, OfferOperation, OperationKind, TaskGroup, TaskInfo};

    use crate::messages::Input;
    use crate::testing::{Stage, bag, events, task, to_agents, to_allocator, upid};

    fn group(agent: &AgentId, tasks: &[(&str, &str)]) -> Vec<OfferOperation> {
        let mut executor = ExecutorInfo::new("e");
        executor.kind = Some(ExecutorKind::Default);
        executor.resources = bag("cpus:0.5;mem:32;disk:10");
        let tasks: Vec<TaskInfo> = tasks.iter().map(|(id, resources)| task(id, agent, resources)).collect();
        let kind = OperationKind::LaunchGroup(Ok(TaskGroup { executor, tasks }));
        vec![OfferOperation { id: None, kind }]
    }

    #[test]
    fn a_group_starts_together_and_its_executor_is_counted_once() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;mem:1024;disk:100"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:4;mem:1024;disk:100");

        let effects = stage.accept(&framework, &offer, group(&agent, &[("a", "cpus:1"), ("b", "cpus:1")]));

        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- run tasks a, b in executor e"]);
        let rest = "recover cpus(allocated: web):1.5; mem(allocated: web):992; disk(allocated: web):90 on m-S0 from \
                    m-0000, refused 5s";
        assert_eq!(to_allocator(&effects), [rest]);

        let executor_id = "e".into();
        let body = model::messages::ExecutorExited {
            framework_id: framework,
            agent_id: agent,
            executor_id,
            status: 256,
        };
        let effects = stage.tell(Input::ExecutorExited { from: upid(1), body });
        assert_eq!(events(&effects), ["s1 <- FAILURE of e on m-S0, status 256"]);
        assert_eq!(to_allocator(&effects).len(), 1, "what the executor held is free");
    }

    #[test]
    fn one_task_that_cannot_run_keeps_all_from_running() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;mem:1024;disk:100"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:4;mem:1024;disk:100");

        let effects = stage.accept(&framework, &offer, group(&agent, &[("a", "cpus:1"), ("b/c", "cpus:1")]));

        let fault =
            "TASK_ERROR REASON_TASK_GROUP_INVALID: Task 'b/c' is invalid: 'b/c' contains invalid characters";
        assert_eq!(
            events(&effects),
            [format!("s1 <- UPDATE a {fault}"), format!("s1 <- UPDATE b/c {fault}")]
        );
        assert!(to_agents(&effects).is_empty());
    }
}

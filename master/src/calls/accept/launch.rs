//! LAUNCH: tasks, each for itself.

use std::sync::Arc;

use model::messages::RunTask;
use model::{InvalidTask, OperationId, StatusReason, Task, TaskInfo};

use super::operations::Accepting;
use super::validate;
use crate::authorization;

/// Launches each task that may run; the others are in error, and those after them go on.
///
/// Source: scheduler semantics §4, `LAUNCH`.
pub(super) fn launch(
    accepting: &mut Accepting<'_>,
    id: Option<&OperationId>,
    tasks: Vec<Result<TaskInfo, InvalidTask>>,
) {
    for task in tasks {
        let judged = task.map_err(|refused| (StatusReason::TaskInvalid, refused)).and_then(|task| {
            let task = accepting.complete(task);
            let refused = |reason, message| {
                let (task_id, agent_id) = (task.id.clone(), task.agent_id.clone());
                (reason, InvalidTask { task_id, agent_id, message })
            };
            if id.is_some() {
                let message = "'id' must not be set on a LAUNCH operation".to_owned();
                return Err(refused(StatusReason::TaskInvalid, message));
            }
            let view = accepting.view();
            authorization::launch(&accepting.rights, &view.framework.info, &task)
                .map_err(|message| refused(StatusReason::TaskUnauthorized, message))?;
            validate::task(&view, &task).map_err(|message| refused(StatusReason::TaskInvalid, message))?;
            Ok(task)
        });
        match judged {
            Ok(task) => accepting.run(task),
            Err((reason, InvalidTask { task_id, agent_id, message })) => {
                accepting.refuse_task(&task_id, &agent_id, reason, &message);
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
                self.use_up(&executor.resources);
                self.state.add_executor(&self.framework, &self.agent, Arc::new(executor.clone()));
            }
        }
        self.use_up(&task.resources);
        self.state.add_task(Task::staging(&task, self.framework.clone()));
        self.state.preemptions.forget(&self.framework);

        let view = self.view();
        let framework = view.framework.info.as_ref().clone();
        let message = RunTask { epoch: self.state.epoch(), framework, task, launch_executor };
        let agent = self.state.agent(&self.agent).expect("its offers were taken from it");
        self.effects.send(agent, message);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::TaskState;
    use security::{Acls, Local, Policy};

    use crate::config::Settings;
    use crate::testing::{Stage, bag, events, task, to_agents, to_allocator};

    #[test]
    fn a_launched_task_uses_its_part_of_the_offer_and_the_rest_is_declined() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;mem:1024"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:4;mem:1024");

        let effects = stage.launch(&framework, &offer, vec![task("t", &agent, "cpus:1;mem:24")]);

        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- run task t in a new executor"]);
        let rest = "recover cpus(allocated: web):3; mem(allocated: web):1000 on m-S0 from m-0000, refused 5s";
        assert_eq!(to_allocator(&effects), [rest]);
        let agent = stage.state.agent(&agent).unwrap();
        assert_eq!(agent.free, bag("cpus:3;mem:1000"));
        let framework = stage.state.framework(&framework).unwrap();
        assert_eq!(framework.tasks.values().next().unwrap().state, TaskState::Staging);
    }

    #[test]
    fn a_task_that_wants_too_much_is_in_error_and_the_next_one_runs() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:2;mem:64"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:2;mem:64");

        let tasks = vec![task("big", &agent, "cpus:1000;mem:32"), task("small", &agent, "cpus:2;mem:64")];
        let effects = stage.launch(&framework, &offer, tasks);

        assert_eq!(
            events(&effects),
            ["s1 <- UPDATE big TASK_ERROR REASON_TASK_INVALID: Total resources cpus(allocated: web):1000; \
              mem(allocated: web):32 required by task and its executor is more than available cpus(allocated: web):2; \
              mem(allocated: web):64"]
        );
        assert_eq!(to_agents(&effects).len(), 1);
        assert!(to_allocator(&effects).is_empty(), "nothing is left");
    }

    #[test]
    fn a_task_runs_as_a_user_its_framework_may_run_tasks_as() {
        let rules = r#"{"run_tasks": [{"principals": {"type": "NONE"}, "users": {"values": ["root"]}}]}"#;
        let local = Local::new(Acls::parse(rules).unwrap().acls);
        let mut stage = Stage::with(Settings { policy: Policy::of(Arc::new(local)), ..Settings::default() });
        let (agent, framework) = (stage.agent(1, "cpus:2"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:2");
        let mut root = task("r", &agent, "cpus:1");
        root.command.as_mut().unwrap().user = Some("root".to_owned());

        let effects = stage.launch(&framework, &offer, vec![root, task("t", &agent, "cpus:1")]);

        assert_eq!(
            events(&effects),
            [
                "s1 <- UPDATE r TASK_ERROR REASON_TASK_UNAUTHORIZED: Task 'r' is not authorized to launch as user 'root'"
            ]
        );
        assert_eq!(to_agents(&effects).len(), 1, "the other one runs");
    }

    #[test]
    fn an_offer_is_used_once() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:2"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:2");
        stage.launch(&framework, &offer, vec![task("a", &agent, "cpus:1")]);

        let effects = stage.launch(&framework, &offer, vec![task("b", &agent, "cpus:1")]);

        let dropped = "s1 <- UPDATE b TASK_DROPPED REASON_INVALID_OFFERS: Task launched with invalid offers: \
                       Offer m-O0 is no longer valid";
        assert_eq!(events(&effects), [dropped]);
    }
}

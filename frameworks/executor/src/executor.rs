//! What an executor is: a handful of answers to what its agent tells it.

use model::{
    AgentInfo, ContainerId, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus,
};

use crate::driver::Driver;

/// Runs tasks. Connection, subscription, and what must survive a lost agent are done for it.
///
/// Handlers never wait: what takes time is given to [`Driver::task`] or [`Driver::blocking`] and
/// comes back as an `Input`.
pub trait Executor: Sized + Unpin + 'static {
    /// What it is told besides events: its own timers and finished work.
    type Input: Send + 'static;

    /// The agent knows it now; again each time the agent has been away.
    fn subscribed(&mut self, _driver: &mut Driver<'_, Self>, _subscribed: Subscribed) {}

    /// It is to run this task, and say so with updates.
    fn launch(&mut self, driver: &mut Driver<'_, Self>, task: TaskInfo);

    /// It is to run all these tasks, or none.
    fn launch_group(&mut self, driver: &mut Driver<'_, Self>, tasks: Vec<TaskInfo>) {
        for task in tasks {
            let mut status = TaskStatus::new(task.id, TaskState::Failed);
            status.message = Some("this executor runs no task groups".to_owned());
            driver.update(status);
        }
    }

    /// It is to end this task, and say so with an update.
    fn kill(&mut self, driver: &mut Driver<'_, Self>, task: TaskId, policy: Option<KillPolicy>);

    /// The agent keeps this update from now on.
    fn acknowledged(&mut self, _driver: &mut Driver<'_, Self>, _update: TaskStatus) {}

    /// Its scheduler says something.
    fn message(&mut self, _driver: &mut Driver<'_, Self>, _data: Vec<u8>) {}

    /// The agent is away; it may come back.
    fn disconnected(&mut self, _driver: &mut Driver<'_, Self>) {}

    /// It is to end its tasks and itself, within the grace period it was told at birth.
    fn shutdown(&mut self, driver: &mut Driver<'_, Self>) {
        driver.stop();
    }

    /// One of its own inputs has come.
    fn input(&mut self, _driver: &mut Driver<'_, Self>, _input: Self::Input) {}
}

/// What the agent says when it takes an executor in.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribed {
    pub executor: Box<ExecutorInfo>,
    pub framework: Box<FrameworkInfo>,
    pub agent: Box<AgentInfo>,
    pub container_id: Option<ContainerId>,
}

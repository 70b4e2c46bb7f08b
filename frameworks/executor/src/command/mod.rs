//! The command executor: runs one task's command in its own sandbox, and ends with it.
//!
//! Source: Mesos' command executor (`mesos-executor`).

use std::process::ExitCode;
use std::time::Duration;

use model::{FrameworkCapability, KillPolicy, TaskId, TaskInfo, TaskStatus};

use crate::driver::Driver;
use crate::executor::{Executor, Subscribed};
use crate::host::{self, Host, Input, LINGER, Over};
use crate::start::{exit_code, run};

/// Runs as this OS process; the hidden subcommand of the binary calls it.
pub fn main() -> ExitCode {
    exit_code(run(CommandExecutor::new))
}

/// An executor of one command.
pub struct CommandExecutor {
    host: Host,
    task: Option<TaskId>,
}

/// What the agent takes to notice the end of an executor; a shutdown leaves it that much.
const REAP_INTERVAL: Duration = Duration::from_secs(1);
const SPARE: Duration = Duration::from_secs(1);

impl CommandExecutor {
    pub fn new() -> CommandExecutor {
        CommandExecutor { host: Host::new(), task: None }
    }

    /// The end is reported; who keeps the report says so, or has had time enough.
    fn after(&mut self, driver: &mut Driver<'_, Self>, over: Vec<Over>) {
        if !over.is_empty() {
            driver.after(if driver.is_alone() { Duration::ZERO } else { LINGER }, Input::leave());
        }
    }
}

impl Default for CommandExecutor {
    fn default() -> CommandExecutor {
        CommandExecutor::new()
    }
}

impl Executor for CommandExecutor {
    type Input = Input;

    fn subscribed(&mut self, driver: &mut Driver<'_, Self>, subscribed: Subscribed) {
        self.host.tells_killing =
            subscribed.framework.capabilities.has(FrameworkCapability::TaskKillingState);
        self.host.nest_in(subscribed.container_id);
        self.host.resume(driver);
    }

    fn disconnected(&mut self, driver: &mut Driver<'_, Self>) {
        self.host.pause(driver);
    }

    fn launch(&mut self, driver: &mut Driver<'_, Self>, task: TaskInfo) {
        if self.task.is_some() {
            let why = "Attempted to run multiple tasks using a \"command\" executor";
            driver.update(host::failed(task.id, why));
            return;
        }
        self.task = Some(task.id.clone());
        // A process of this machine's cannot be in an image: the agent makes a container for that, with our sandbox.
        let image = task.container.as_ref().is_some_and(|container| container.image().is_some());
        let container = self.host.container(&uuid::Uuid::new_v4().to_string()).filter(|_| image);
        if image && container.is_none() {
            let why = "The agent makes no containers in that of a \"command\" executor, which the task's image needs";
            driver.update(host::failed(task.id, why));
            return;
        }
        let over = self.host.launch(driver, task, None, container);
        self.after(driver, over);
    }

    fn launch_group(&mut self, driver: &mut Driver<'_, Self>, tasks: Vec<TaskInfo>) {
        for task in tasks {
            driver.update(host::failed(task.id, "Task groups are not supported by the \"command\" executor"));
        }
    }

    fn kill(&mut self, driver: &mut Driver<'_, Self>, task: TaskId, policy: Option<KillPolicy>) {
        let over = self.host.kill(driver, &task, host::grace(policy));
        self.after(driver, over);
    }

    fn acknowledged(&mut self, driver: &mut Driver<'_, Self>, update: TaskStatus) {
        if update.state.is_terminal() && self.task.as_ref() == Some(&update.task_id) {
            driver.stop();
        }
    }

    fn shutdown(&mut self, driver: &mut Driver<'_, Self>) {
        match &self.task {
            Some(task) if !self.host.is_idle() => {
                let grace = driver.environment().shutdown_grace.saturating_sub(REAP_INTERVAL + SPARE);
                let task = task.clone();
                let over = self.host.kill(driver, &task, Some(grace));
                self.after(driver, over);
            }
            // Its last update is kept by a living agent; a lost one keeps nothing.
            _ => driver.stop(),
        }
    }

    fn input(&mut self, driver: &mut Driver<'_, Self>, input: Input) {
        let over = self.host.handle(driver, input);
        self.after(driver, over);
    }
}

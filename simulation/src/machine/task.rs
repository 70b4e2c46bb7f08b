//! The executor of a pretended machine: its tasks last, fail, hang and crash as their commands say.

use std::time::Duration;

use executor::{Driver, Executor, Subscribed};
use libprocess::Timer;
use model::{FrameworkCapability, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};

use super::behaviour::{Behaviour, Ending};

/// How long a process takes to be forked and executed.
const STARTS_AFTER: Duration = Duration::from_millis(2);
/// Between asking and forcing, where nobody says otherwise.
///
/// Source: Mesos' command executor.
const GRACE: Duration = Duration::from_secs(3);
/// How long the agent may take to acknowledge the last update before the executor leaves anyhow.
const LINGER: Duration = Duration::from_secs(60);

/// All tasks of one executor.
#[derive(Default)]
pub(crate) struct Tasks {
    /// Mostly one.
    tasks: Vec<(TaskId, Task)>,
    tells_killing: bool,
}

struct Task {
    behaviour: Behaviour,
    policy: Option<KillPolicy>,
    state: TaskState,
    /// When something is done with it next.
    timer: Option<Timer>,
}

/// What comes due.
pub(crate) enum Due {
    Started(TaskId),
    Ended(TaskId),
    /// It has complied, or was forced.
    Gone(TaskId),
    /// Whoever was to acknowledge has had time enough.
    Leave,
}

impl Tasks {
    fn get(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|(known, _)| known == id).map(|(_, task)| task)
    }

    fn get_mut(&mut self, id: &TaskId) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|(known, _)| known == id).map(|(_, task)| task)
    }

    fn report(
        &mut self,
        driver: &mut Driver<'_, Self>,
        id: &TaskId,
        state: TaskState,
        message: Option<String>,
    ) {
        let Some(task) = self.get_mut(id) else { return };
        task.state = state;
        driver.update(TaskStatus { message, ..TaskStatus::new(id.clone(), state) });
        if state.is_terminal() {
            if let Some(timer) = task.timer.take() {
                driver.cancel(timer);
            }
            driver.after(if driver.is_alone() { Duration::ZERO } else { LINGER }, Due::Leave);
        }
    }

    /// Something is done with a task after a while, instead of what was to be done.
    fn schedule(&mut self, driver: &mut Driver<'_, Self>, id: &TaskId, after: Duration, due: Due) {
        let Some(task) = self.get_mut(id) else { return };
        if let Some(timer) = task.timer.replace(driver.after(after, due)) {
            driver.cancel(timer);
        }
    }

    fn end(&mut self, driver: &mut Driver<'_, Self>, id: TaskId, grace: Duration) {
        let Some(task) = self.get(&id).filter(|task| !task.state.is_terminal()) else { return };
        if task.state == TaskState::Killing {
            return;
        }
        let after = task.behaviour.complies.map_or(grace, |complies| complies.min(grace));
        if self.tells_killing {
            self.report(driver, &id, TaskState::Killing, None);
        } else if let Some(task) = self.get_mut(&id) {
            task.state = TaskState::Killing;
        }
        self.schedule(driver, &id.clone(), after, Due::Gone(id));
    }

    fn is_idle(&self) -> bool {
        self.tasks.iter().all(|(_, task)| task.state.is_terminal())
    }
}

impl Executor for Tasks {
    type Input = Due;

    fn subscribed(&mut self, _: &mut Driver<'_, Self>, subscribed: Subscribed) {
        self.tells_killing = subscribed.framework.capabilities.has(FrameworkCapability::TaskKillingState);
    }

    fn launch(&mut self, driver: &mut Driver<'_, Self>, info: TaskInfo) {
        let task = Task {
            behaviour: Behaviour::of(&info),
            policy: info.kill_policy,
            state: TaskState::Starting,
            timer: None,
        };
        let id = info.id;
        self.tasks.retain(|(known, _)| *known != id);
        self.tasks.push((id.clone(), task));
        self.report(driver, &id, TaskState::Starting, None);
        self.schedule(driver, &id.clone(), STARTS_AFTER, Due::Started(id));
    }

    fn launch_group(&mut self, driver: &mut Driver<'_, Self>, tasks: Vec<TaskInfo>) {
        tasks.into_iter().for_each(|task| self.launch(driver, task));
    }

    fn kill(&mut self, driver: &mut Driver<'_, Self>, id: TaskId, policy: Option<KillPolicy>) {
        let policy = policy.or_else(|| self.get(&id)?.policy);
        self.end(driver, id, policy.and_then(|policy| policy.grace_period).unwrap_or(GRACE));
    }

    fn acknowledged(&mut self, driver: &mut Driver<'_, Self>, update: TaskStatus) {
        if update.state.is_terminal() {
            self.tasks.retain(|(known, _)| *known != update.task_id);
            if self.tasks.is_empty() {
                driver.stop();
            }
        }
    }

    fn shutdown(&mut self, driver: &mut Driver<'_, Self>) {
        if self.is_idle() {
            return driver.stop();
        }
        let tasks: Vec<TaskId> = self.tasks.iter().map(|(id, _)| id.clone()).collect();
        tasks.into_iter().for_each(|id| self.end(driver, id, GRACE));
    }

    fn input(&mut self, driver: &mut Driver<'_, Self>, due: Due) {
        match due {
            Due::Started(id) => {
                self.report(driver, &id, TaskState::Running, None);
                let lasts = self.get(&id).and_then(|task| task.behaviour.lasts);
                if let Some(lasts) = lasts {
                    self.schedule(driver, &id.clone(), lasts, Due::Ended(id));
                }
            }
            Due::Ended(id) => match self.get(&id).map(|task| task.behaviour.ends) {
                None => {}
                Some(Ending::Crash) => driver.stop(),
                Some(Ending::Exit(code)) => {
                    let state = if code == 0 { TaskState::Finished } else { TaskState::Failed };
                    let message = format!("Command exited with status {code}");
                    self.report(driver, &id, state, Some(message));
                }
            },
            Due::Gone(id) => {
                let message = "Command terminated with signal Terminated".to_owned();
                self.report(driver, &id, TaskState::Killed, Some(message));
            }
            Due::Leave => {
                if self.is_idle() {
                    driver.stop();
                }
            }
        }
    }
}

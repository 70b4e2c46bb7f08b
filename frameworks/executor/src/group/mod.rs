//! The default executor: runs groups of tasks, each in a container of its own within the executor's.
//!
//! Where an agent does not tell which container that is, they are plain processes.
//!
//! ```text
//!  <sandbox>/containers/<uuid>/     stdout, stderr, and where the task runs
//!           /tasks/<task id>    ->  ../containers/<uuid>
//! ```
//!
//! One of a group that fails or is killed takes the rest of its group with it; one that finishes
//! does not. Other groups are left alone. Source: Mesos' default executor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use model::{FrameworkCapability, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};

use crate::driver::Driver;
use crate::executor::{Executor, Subscribed};
use crate::host::{self, Host, Input, LINGER, Over};
use crate::start::{exit_code, run};

/// Runs as this OS process; the hidden subcommand of the binary calls it.
pub fn main() -> ExitCode {
    exit_code(run(GroupExecutor::new))
}

/// An executor of task groups.
pub struct GroupExecutor {
    host: Host,
    /// Shape: task → number of its group.
    groups: BTreeMap<TaskId, u64>,
    last_group: u64,
    /// Tasks that have ended and whose end is not acknowledged.
    unheard: BTreeSet<TaskId>,
}

impl GroupExecutor {
    pub fn new() -> GroupExecutor {
        GroupExecutor { host: Host::new(), groups: BTreeMap::new(), last_group: 0, unheard: BTreeSet::new() }
    }

    /// Ends the groups of what failed; leaves when nothing is left to run or to be heard of.
    fn after(&mut self, driver: &mut Driver<'_, Self>, over: Vec<Over>) {
        let mut over = over;
        while let Some(Over { task, state }) = over.pop() {
            self.unheard.insert(task.clone());
            if state == TaskState::Finished {
                continue;
            }
            let Some(group) = self.groups.get(&task).copied() else { continue };
            for (other, of) in self.groups.clone() {
                if of == group && other != task {
                    over.extend(self.host.kill(driver, &other, None));
                }
            }
        }
        if self.host.is_idle() && !self.groups.is_empty() {
            driver.after(if driver.is_alone() { Duration::ZERO } else { LINGER }, Input::leave());
        }
    }

    /// A group whose directories cannot be made does not start at all.
    ///
    /// In a container of its own, a task is shown its volumes by the agent.
    fn prepare(sandbox: &Path, tasks: &[TaskInfo], nested: bool) -> Result<Vec<PathBuf>, String> {
        tasks
            .iter()
            .map(|task| {
                let directory = sandbox_of(sandbox, &task.id)?;
                if !nested {
                    volumes_of(sandbox, &directory, task)?;
                }
                Ok(directory)
            })
            .collect::<io::Result<_>>()
            .map_err(|error| format!("Failed to create sandbox: {error}"))
    }
}

impl Default for GroupExecutor {
    fn default() -> GroupExecutor {
        GroupExecutor::new()
    }
}

/// Makes a task's directory, and the link by which its files are found.
fn sandbox_of(sandbox: &Path, task: &TaskId) -> io::Result<PathBuf> {
    // An id that is no name of a file was refused by the master; it must not lead anywhere else.
    if task.check().is_err() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("task id {task} is no file name")));
    }
    let name = uuid::Uuid::new_v4().to_string();
    let directory = sandbox.join("containers").join(&name);
    fs::create_dir_all(&directory)?;
    let links = sandbox.join("tasks");
    fs::create_dir_all(&links)?;
    let link = links.join(task.as_str());
    let _ = fs::remove_file(&link); // of an earlier task with this id
    symlink(Path::new("../containers").join(&name), link)?;
    Ok(directory)
}

/// Shows a task its persistent volumes, which the agent has put into the executor's sandbox.
fn volumes_of(sandbox: &Path, directory: &Path, task: &TaskInfo) -> io::Result<()> {
    let places = task.resources.iter().filter_map(|resource| {
        let disk = resource.disk.as_deref()?;
        disk.persistence.as_ref()?;
        Some(Path::new(&disk.volume.as_ref()?.container_path))
    });
    for place in places {
        let link = directory.join(place);
        if let Some(above) = link.parent() {
            fs::create_dir_all(above)?;
        }
        symlink(sandbox.join(place), link)?;
    }
    Ok(())
}

impl Executor for GroupExecutor {
    type Input = Input;

    fn subscribed(&mut self, driver: &mut Driver<'_, Self>, subscribed: Subscribed) {
        self.host.tells_killing =
            subscribed.framework.capabilities.has(FrameworkCapability::TaskKillingState);
        // An agent that does not say in which container we are makes none in it.
        self.host.nest_in(subscribed.container_id);
        self.host.resume(driver);
    }

    fn disconnected(&mut self, driver: &mut Driver<'_, Self>) {
        self.host.pause(driver);
    }

    fn launch(&mut self, driver: &mut Driver<'_, Self>, task: TaskInfo) {
        driver.update(host::failed(task.id, "LAUNCH event is not supported by the \"default\" executor"));
    }

    fn launch_group(&mut self, driver: &mut Driver<'_, Self>, tasks: Vec<TaskInfo>) {
        let sandbox = PathBuf::from(&driver.environment().sandbox);
        let directories = match GroupExecutor::prepare(&sandbox, &tasks, self.host.nests()) {
            Ok(directories) => directories,
            Err(why) => {
                tasks.into_iter().for_each(|task| {
                    driver.update(host::failed(task.id, &why));
                });
                return;
            }
        };
        self.last_group += 1;
        self.groups.extend(tasks.iter().map(|task| (task.id.clone(), self.last_group)));
        let mut over = Vec::new();
        for (task, directory) in tasks.into_iter().zip(directories) {
            let name = directory.file_name().and_then(|name| name.to_str());
            let container = name.and_then(|name| self.host.container(name));
            over.extend(self.host.launch(driver, task, Some(directory), container));
        }
        self.after(driver, over);
    }

    fn kill(&mut self, driver: &mut Driver<'_, Self>, task: TaskId, policy: Option<KillPolicy>) {
        let over = self.host.kill(driver, &task, host::grace(policy));
        self.after(driver, over);
    }

    fn acknowledged(&mut self, driver: &mut Driver<'_, Self>, update: TaskStatus) {
        if update.state.is_terminal() {
            self.unheard.remove(&update.task_id);
        }
        if self.host.is_idle() && self.unheard.is_empty() && !self.groups.is_empty() {
            driver.stop();
        }
    }

    fn shutdown(&mut self, driver: &mut Driver<'_, Self>) {
        if self.host.is_idle() {
            return driver.stop();
        }
        for task in self.host.tasks() {
            let over = self.host.kill(driver, &task, None);
            self.after(driver, over);
        }
    }

    fn input(&mut self, driver: &mut Driver<'_, Self>, input: Input) {
        // A group launched meanwhile is no reason to leave.
        if input.is_leave() && !self.host.is_idle() {
            return;
        }
        let over = self.host.handle(driver, input);
        self.after(driver, over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_s_files_are_found_under_its_id() {
        let sandbox = std::env::temp_dir().join(format!("group-{}", uuid::Uuid::new_v4()));
        let directory = sandbox_of(&sandbox, &TaskId::from("t 1")).unwrap();
        fs::write(directory.join("stdout"), "hello").unwrap();
        assert_eq!(fs::read_to_string(sandbox.join("tasks/t 1/stdout")).unwrap(), "hello");
        assert!(sandbox_of(&sandbox, &TaskId::from("../x")).is_err());
        fs::remove_dir_all(sandbox).unwrap();
    }
}

//! A task that is run here: as a process, or in a container the agent makes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::checks::Checker;
use crate::child::{Child, Command};
use crate::environment::TOKEN;
use crate::run::Run;

/// One of them, with what is asked of it.
pub(crate) struct Hosted {
    pub(crate) run: Run,
    pub(crate) child: Option<Child>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) checkers: Vec<Checker>,
    /// Commands that checks have started.
    pub(crate) asking: Vec<Asking>,
    /// Other questions; dropping one withdraws it.
    pub(crate) withdrawing: BTreeMap<usize, oneshot::Sender<()>>,
}

/// A question that is a process.
pub(crate) struct Asking {
    pub(crate) child: Child,
    pub(crate) checker: usize,
    pub(crate) attempt: u64,
}

impl Hosted {
    /// The task's own command, or one of its checks in the same surroundings.
    pub(crate) fn command(&self, check: Option<&model::CommandInfo>) -> Command {
        let task = &self.run.task;
        let own = task.command.clone().unwrap_or_else(|| model::CommandInfo::shell(""));
        let role = task.resources.iter().find_map(|resource| resource.allocation.as_ref());
        // An image has variables of its own, which those of this machine must not hide.
        let image = task.container.as_ref().is_some_and(|container| container.image().is_some());
        let inherited = |name: &str| {
            !name.starts_with("LIBPROCESS_") && name != TOKEN && (!image || name.starts_with("MESOS_"))
        };
        let mut command = Command::new(check.unwrap_or(&own))
            .inherit(std::env::vars().filter(|(name, _)| inherited(name)))
            .set("MESOS_TASK_ID", task.id.as_str());
        if let Some(role) = role {
            command = command.set("MESOS_ALLOCATION_ROLE", role.to_string());
        }
        if let Some(directory) = &self.directory {
            command = command.set("MESOS_SANDBOX", directory.to_string_lossy());
            if let Ok(ip) = std::env::var("LIBPROCESS_IP") {
                command = command.set("MESOS_CONTAINER_IP", ip);
            }
        }
        command = command.with(&own.environment);
        if let Some(check) = check {
            command = command.with(&check.environment);
        }
        command.directory = self.directory.clone();
        command.foreground = check.is_none() && self.directory.is_none();
        command
    }
}

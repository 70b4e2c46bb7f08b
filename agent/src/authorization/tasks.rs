//! Tasks: whom they run as.

use model::{FrameworkInfo, TaskInfo};
use security::{Action, Object, Rights};

/// Whether a framework may run a task here as the user it would run as.
///
/// Errors: it may not, in words for it.
pub(crate) fn run(rights: &Rights, framework: &FrameworkInfo, task: &TaskInfo) -> Result<(), String> {
    let executor = task.executor.as_ref().and_then(|executor| executor.command.as_ref());
    let named = task.command.as_ref().or(executor).and_then(|command| command.user.as_deref());
    let user = named.unwrap_or(&framework.user);
    match rights.may(Action::RunTask, Object::of(user)) {
        true => Ok(()),
        false => Err(format!("Task '{}' is not authorized to launch as user '{user}'", task.id)),
    }
}

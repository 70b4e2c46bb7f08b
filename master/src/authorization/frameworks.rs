//! What frameworks need: for the roles they want, and for the users they run tasks as.

use model::{FrameworkInfo, TaskInfo};
use security::{Action, Object, Rights};

use super::refusal;

/// Whether a framework may have its roles.
///
/// Errors: it may not have one of them, in words for it.
pub(crate) fn register(rights: &Rights, info: &FrameworkInfo) -> Result<(), String> {
    if rights.are_unlimited() {
        return Ok(());
    }
    let roles = info.subscribed_roles();
    let denied = |role: &&model::Role| !rights.may(Action::RegisterFramework, Object::of(role.as_str()));
    match roles.iter().find(denied) {
        Some(role) => Err(refusal(rights, Action::RegisterFramework, Object::of(role.as_str()))),
        None => Ok(()),
    }
}

/// Whether a framework may run a task as the user it would run as.
///
/// Errors: it may not, in words for it.
pub(crate) fn launch(rights: &Rights, framework: &FrameworkInfo, task: &TaskInfo) -> Result<(), String> {
    let user = user(framework, task);
    match rights.may(Action::RunTask, Object::of(user)) {
        true => Ok(()),
        false => Err(format!("Task '{}' is not authorized to launch as user '{user}'", task.id)),
    }
}

/// Whom a task runs as: the user its command names, or its executor's, or else its framework's.
fn user<'a>(framework: &'a FrameworkInfo, task: &'a TaskInfo) -> &'a str {
    let executor = task.executor.as_ref().and_then(|executor| executor.command.as_ref());
    let named = task.command.as_ref().or(executor).and_then(|command| command.user.as_deref());
    named.unwrap_or(&framework.user)
}

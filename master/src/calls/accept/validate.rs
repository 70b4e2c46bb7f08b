//! Which tasks may run. Every text here is public: it travels in the task's TASK_ERROR.
//!
//! Source: scheduler semantics §4.1 and §4.2; the first fault is the one reported.

use std::collections::BTreeSet;

use model::{ExecutorId, ExecutorInfo, ExecutorKind, Resources, Scalar, TaskGroup, TaskInfo};

use super::values;
use crate::state::{Agent, Framework};

/// What validation looks at.
pub(super) struct View<'a> {
    pub(super) framework: &'a Framework,
    pub(super) agent: &'a Agent,
    /// What the tasks before have left.
    pub(super) left: &'a Resources,
}

impl View<'_> {
    /// The executor of this name that the framework has on the agent.
    fn executor(&self, id: &ExecutorId) -> Option<&ExecutorInfo> {
        let used = self.agent.used.get(&self.framework.id)?;
        used.executors.get(id).map(|executor| executor.as_ref())
    }

    /// Whether the framework has this executor on the agent.
    pub(super) fn runs(&self, id: &ExecutorId) -> bool {
        self.executor(id).is_some()
    }
}

/// Whether a task of a LAUNCH may run.
///
/// Errors: the fault, in words for the framework.
pub(super) fn task(view: &View<'_>, task: &TaskInfo) -> Result<(), String> {
    shape(view, task)?;
    let mut total = task.resources.clone();
    match (&task.command, &task.executor) {
        (Some(_), None) => {}
        (None, Some(executor)) => {
            custom_executor(view, executor)?;
            if !view.runs(&executor.id) {
                apart(&total, &executor.resources)?;
                total += &executor.resources;
            }
        }
        _ => {
            let fault = "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";
            return Err(fault.to_owned());
        }
    }
    values::resources(&total)?;
    if shares_cgroups(task) == Some(false) {
        return Err("'share_cgroups' may be false only for tasks of a task group".to_owned());
    }
    if !view.left.contains(&total) {
        return Err(format!(
            "Total resources {total} required by task and its executor is more than available {}",
            view.left
        ));
    }
    Ok(())
}

/// Whether a group may run, as a whole.
///
/// Errors: the fault, in words for the framework; it is every task's.
pub(super) fn group(view: &View<'_>, group: &TaskGroup) -> Result<(), String> {
    if group.tasks.is_empty() {
        return Err("Task group cannot be empty".to_owned());
    }
    group_executor(view, &group.executor)?;
    let mut seen = BTreeSet::new();
    let mut total = Resources::default();
    for task in &group.tasks {
        if !seen.insert(&task.id) {
            return Err(format!("Task group has duplicate task ID: {}", task.id));
        }
        group_task(view, task, group).map_err(|fault| format!("Task '{}' is invalid: {fault}", task.id))?;
        apart(&total, &task.resources)?;
        total += &task.resources;
    }
    let shares: BTreeSet<Option<bool>> = group.tasks.iter().map(shares_cgroups).collect();
    if shares.contains(&Some(false)) && shares.len() > 1 {
        return Err("Tasks of a task group must have the same 'share_cgroups'".to_owned());
    }
    if !view.runs(&group.executor.id) {
        apart(&total, &group.executor.resources)?;
        total += &group.executor.resources;
    }
    values::resources(&total)?;
    if !view.left.contains(&total) {
        return Err(format!(
            "Total resources {total} required by task group and its executor are more than available {}",
            view.left
        ));
    }
    Ok(())
}

/// Whether no number or name is claimed in both; a bag would hold it once, and the books would not balance.
///
/// Source: §4.1, item 13.
fn apart(total: &Resources, more: &Resources) -> Result<(), String> {
    match total.overlap(more) {
        Some(name) => Err(format!("Task and its executor use overlapping resources of '{name}'")),
        None => Ok(()),
    }
}

/// What a task must be like, whoever runs it. Source: §4.1, items 1 to 11.
fn shape(view: &View<'_>, task: &TaskInfo) -> Result<(), String> {
    task.id.check().map_err(|fault| fault.to_string())?;
    let framework = view.framework;
    if framework.tasks.contains_key(&task.id) || framework.unreachable_tasks.contains_key(&task.id) {
        return Err(format!("Task has duplicate ID: {}", task.id));
    }
    if task.agent_id != view.agent.id {
        return Err(format!(
            "Task uses invalid agent {} while agent {} is expected",
            task.agent_id, view.agent.id
        ));
    }
    if let Some(check) = &task.check {
        values::check(check).map_err(|fault| format!("Task uses invalid check: {fault}"))?;
    }
    if let Some(check) = &task.health_check {
        values::health_check(check).map_err(|fault| format!("Task uses invalid health check: {fault}"))?;
    }
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    values::resources(&task.resources)?;
    if let Some(command) = &task.command {
        values::command(command).map_err(|fault| format!("Task's `CommandInfo` is invalid: {fault}"))?;
    }
    if let Some(container) = &task.container {
        values::container(container)
            .map_err(|fault| format!("Task's `ContainerInfo` is invalid: {fault}"))?;
    }
    values::limits(task, &view.agent.capabilities)
}

/// A task of a group. Source: §4.2.
fn group_task(view: &View<'_>, task: &TaskInfo, group: &TaskGroup) -> Result<(), String> {
    shape(view, task)?;
    if task.executor.as_ref() != Some(&group.executor) {
        return Err("The `ExecutorInfo` of task does not match the one of the task group".to_owned());
    }
    if let Some(container) = &task.container {
        if container.kind == model::ContainerKind::Docker {
            return Err("Docker ContainerInfo is not supported on the task".to_owned());
        }
        let asks_network = task.health_check.as_ref().is_some_and(values::uses_network);
        if !container.networks.is_empty() && asks_network {
            return Err(
                "HTTP and TCP health checks are not supported for a nested container that joins its own \
                        network"
                    .to_owned(),
            );
        }
    }
    if !task.limits.is_empty() && shares_cgroups(task) != Some(false) {
        return Err("Resource limits need 'share_cgroups' to be false".to_owned());
    }
    Ok(())
}

/// The executor of a single task. Source: §4.1, item 12.
fn custom_executor(view: &View<'_>, executor: &ExecutorInfo) -> Result<(), String> {
    executor_shape(view, executor)?;
    if executor.kind == Some(ExecutorKind::Default) {
        return Err("'ExecutorInfo.type' must be 'CUSTOM'".to_owned());
    }
    if executor.command.is_none() {
        return Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned());
    }
    Ok(())
}

/// The executor of a group. Source: §4.2; what only warns elsewhere is an error here.
fn group_executor(view: &View<'_>, executor: &ExecutorInfo) -> Result<(), String> {
    executor_shape(view, executor)?;
    match executor.kind {
        None => return Err("'ExecutorInfo.type' must be set".to_owned()),
        Some(ExecutorKind::Default) if executor.command.is_some() => {
            return Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".to_owned());
        }
        Some(ExecutorKind::Custom) if executor.command.is_none() => {
            return Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned());
        }
        Some(_) => {}
    }
    if let Some(container) = &executor.container {
        if container.kind != model::ContainerKind::Mesos {
            return Err("Docker ContainerInfo is not supported on the executor".to_owned());
        }
        let has_image = container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some());
        if executor.kind == Some(ExecutorKind::Default) && has_image {
            return Err(
                "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor".to_owned()
            );
        }
    }
    if view.runs(&executor.id) {
        return Ok(());
    }
    if executor.resources.cpus() < CPUS_MIN {
        return Err(format!(
            "Executor '{}' uses less CPUs than the minimum required ({CPUS_MIN})",
            executor.id
        ));
    }
    if executor.resources.mem() < MEM_MIN {
        return Err(format!(
            "Executor '{}' uses less memory than the minimum required ({MEM_MIN} MB)",
            executor.id
        ));
    }
    if executor.resources.disk().is_zero() {
        return Err(format!("Executor '{}' does not use disk", executor.id));
    }
    Ok(())
}

/// What an executor must be like, whatever it runs.
fn executor_shape(view: &View<'_>, executor: &ExecutorInfo) -> Result<(), String> {
    executor.id.check().map_err(|fault| fault.to_string())?;
    if executor.framework_id.as_ref() != Some(&view.framework.id) {
        let given = executor.framework_id.as_ref().map(|id| id.as_str()).unwrap_or_default();
        return Err(format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {given} vs Expected: {})",
            view.framework.id
        ));
    }
    if let Some(known) = view.executor(&executor.id)
        && known != executor
    {
        return Err(format!(
            "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID '{}'",
            executor.id
        ));
    }
    values::resources(&executor.resources)?;
    if executor.resources.iter().any(|resource| resource.shared) {
        return Err(format!(
            "Executor resources {} must not contain any shared resources",
            executor.resources
        ));
    }
    if let Some(container) = &executor.container {
        values::container(container)
            .map_err(|fault| format!("Executor's `ContainerInfo` is invalid: {fault}"))?;
        if container.linux.as_ref().and_then(|linux| linux.share_cgroups) == Some(true) {
            return Err("'share_cgroups' must not be true for an executor's container".to_owned());
        }
    }
    Ok(())
}

/// Whether the task's container lives in its executor's cgroups; `None` if it does not say.
fn shares_cgroups(task: &TaskInfo) -> Option<bool> {
    task.container.as_ref()?.linux.as_ref()?.share_cgroups
}

/// Unit: cores.
const CPUS_MIN: Scalar = Scalar::from_thousandths(10);
/// Unit: mebibytes.
const MEM_MIN: Scalar = Scalar::from_thousandths(32_000);

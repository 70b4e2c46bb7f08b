//! Tasks, inwards as what is asked for, outwards also as records.

use std::{collections::BTreeMap, sync::Arc};

use model::{InvalidGroup, InvalidTask, Limit, Scalar, Task, TaskGroup, TaskInfo, brief};

use super::executor::executor;
use super::resources::{self, Spelling};
use super::simple::{duration, duration_info, labels, labels_out, scalar_out, update_id};
use super::status::{state_out, status};
use super::{ConvertError, bytes, each, maybe, optional, owned, required};
use crate::v1;

owned!(TaskInfo => v1::TaskInfo, Task => v1::Task);

impl TryFrom<v1::TaskInfo> for TaskInfo {
    type Error = ConvertError;

    /// Reads a task; fields are judged in the order in which Mesos does, so that of several mistakes the same is named.
    fn try_from(task: v1::TaskInfo) -> Result<Self, ConvertError> {
        let prefixed = |prefix: &str, error: ConvertError| ConvertError::new(format!("{prefix}: {error}"));
        let kill_policy = maybe(task.kill_policy, "kill_policy")
            .map_err(|_| ConvertError::new("Task's 'kill_policy.grace_period' must be non-negative"))?;
        let max_completion_time = task
            .max_completion_time
            .map(duration)
            .transpose()
            .map_err(|_| ConvertError::new("Task's 'max_completion_time' must be non-negative"))?;
        let check = task
            .check
            .map(TryInto::try_into)
            .transpose()
            .map_err(|error| prefixed("Task uses invalid check", error))?;
        let health_check = task
            .health_check
            .map(TryInto::try_into)
            .transpose()
            .map_err(|error| prefixed("Task uses invalid health check", error))?;
        let resources = resources::read(task.resources)?;
        let command = task
            .command
            .map(TryInto::try_into)
            .transpose()
            .map_err(|error| prefixed("Task's `CommandInfo` is invalid", error))?;
        let container = task
            .container
            .map(TryInto::try_into)
            .transpose()
            .map_err(|error| prefixed("Task's `ContainerInfo` is invalid", error))?;
        let limits = limits(task.limits)?;
        let executor = task.executor.map(TryInto::try_into).transpose()?;
        Ok(TaskInfo {
            name: task.name,
            id: task.task_id.into(),
            agent_id: task.agent_id.into(),
            resources,
            executor,
            command,
            container,
            health_check,
            check,
            kill_policy,
            data: task.data.unwrap_or_default(),
            labels: labels(task.labels),
            discovery: maybe(task.discovery, "discovery")?,
            max_completion_time,
            limits,
        })
    }
}

/// How far a container may exceed what it was given, by resource name.
pub fn limits(
    limits: BTreeMap<String, v1::value::Scalar>,
) -> Result<BTreeMap<Arc<str>, Limit>, ConvertError> {
    limits
        .into_iter()
        .map(|(name, amount)| {
            let limit = if amount.value == f64::INFINITY {
                Limit::Infinite
            } else {
                let amount = Scalar::from_f64(amount.value).map_err(|error| {
                    ConvertError::new(format!("Task's limit of '{}' is invalid: {error}", brief(&name)))
                })?;
                Limit::Finite(amount)
            };
            Ok((name.into(), limit))
        })
        .collect()
}

/// The same, spelled.
pub fn limits_out(limits: &BTreeMap<Arc<str>, Limit>) -> BTreeMap<String, v1::value::Scalar> {
    limits
        .iter()
        .map(|(name, limit)| {
            let value = match limit {
                Limit::Finite(amount) => scalar_out(*amount),
                Limit::Infinite => v1::value::Scalar { value: f64::INFINITY },
            };
            (name.to_string(), value)
        })
        .collect()
}

/// Reads a task to launch. What cannot be one keeps its ids, so that it can be answered with TASK_ERROR.
pub(super) fn launched(task: v1::TaskInfo) -> Result<TaskInfo, InvalidTask> {
    let task_id = model::TaskId::from(task.task_id.value.as_str());
    let agent_id = model::AgentId::from(task.agent_id.value.as_str());
    TaskInfo::try_from(task).map_err(|error| {
        // The id is judged before all else.
        let message = task_id.check().map_or_else(|error| error.to_string(), |()| error.to_string());
        InvalidTask { task_id, agent_id, message }
    })
}

/// Reads a group to launch. What cannot be one names all its members, so that each can be answered.
pub(super) fn launched_group(group: v1::offer::operation::LaunchGroup) -> Result<TaskGroup, InvalidGroup> {
    let members: Vec<_> = group
        .task_group
        .tasks
        .iter()
        .map(|task| (task.task_id.value.as_str().into(), task.agent_id.value.as_str().into()))
        .collect();
    let read = || {
        let executor = group.executor.try_into().map_err(|error: ConvertError| error.to_string())?;
        let tasks = group
            .task_group
            .tasks
            .into_iter()
            .map(|task| {
                launched(task)
                    .map_err(|error| format!("Task '{}' is invalid: {}", error.task_id, error.message))
            })
            .collect::<Result<Vec<_>, String>>()?;
        Ok(TaskGroup { executor, tasks })
    };
    read().map_err(|message| InvalidGroup { tasks: members, message })
}

/// Spells a task for somebody.
pub(super) fn task(task: &TaskInfo, spelling: Spelling) -> v1::TaskInfo {
    v1::TaskInfo {
        name: task.name.clone(),
        task_id: (&task.id).into(),
        agent_id: (&task.agent_id).into(),
        resources: resources::write(&task.resources, spelling),
        executor: task.executor.as_ref().map(|info| executor(info, spelling)),
        command: task.command.as_ref().map(v1::CommandInfo::from),
        container: task.container.as_ref().map(v1::ContainerInfo::from),
        health_check: task.health_check.as_ref().map(v1::HealthCheck::from),
        check: task.check.as_ref().map(v1::CheckInfo::from),
        kill_policy: task.kill_policy.as_ref().map(v1::KillPolicy::from),
        data: bytes(&task.data),
        labels: labels_out(&task.labels),
        discovery: task.discovery.as_ref().map(v1::DiscoveryInfo::from),
        max_completion_time: task.max_completion_time.map(duration_info),
        limits: limits_out(&task.limits),
    }
}

impl From<&TaskInfo> for v1::TaskInfo {
    fn from(meant: &TaskInfo) -> Self {
        task(meant, Spelling::FULL)
    }
}

impl TryFrom<v1::Task> for Task {
    type Error = ConvertError;

    fn try_from(task: v1::Task) -> Result<Self, ConvertError> {
        Ok(Task {
            name: task.name,
            id: task.task_id.into(),
            framework_id: task.framework_id.into(),
            executor_id: task.executor_id.filter(|id| !id.value.is_empty()).map(Into::into),
            agent_id: task.agent_id.into(),
            state: required::<v1::TaskState, _>(task.state).map_err(|error| error.at("state"))?,
            resources: resources::read(task.resources)?,
            statuses: each(task.statuses, "statuses")?,
            status_update_state: optional::<v1::TaskState, _>(task.status_update_state)?,
            status_update_uuid: task.status_update_uuid.map(|uuid| update_id(&uuid)).transpose()?,
            labels: labels(task.labels),
            discovery: maybe(task.discovery, "discovery")?.map(Box::new),
            container: maybe(task.container, "container")?.map(Box::new),
            health_check: maybe(task.health_check, "health_check")?.map(Box::new),
            kill_policy: maybe(task.kill_policy, "kill_policy")?,
            user: task.user,
            limits: limits(task.limits)?,
        })
    }
}

impl From<&Task> for v1::Task {
    fn from(task: &Task) -> Self {
        v1::Task {
            name: task.name.clone(),
            task_id: (&task.id).into(),
            framework_id: (&task.framework_id).into(),
            executor_id: task.executor_id.as_ref().map(Into::into),
            agent_id: (&task.agent_id).into(),
            state: state_out(task.state),
            resources: resources::write(&task.resources, Spelling::FULL),
            statuses: task.statuses.iter().map(|one| status(one, Spelling::FULL)).collect(),
            status_update_state: task.status_update_state.map(state_out),
            status_update_uuid: task.status_update_uuid.map(|uuid| uuid.as_bytes().to_vec()),
            labels: labels_out(&task.labels),
            discovery: task.discovery.as_deref().map(v1::DiscoveryInfo::from),
            container: task.container.as_deref().map(v1::ContainerInfo::from),
            health_check: task.health_check.as_deref().map(v1::HealthCheck::from),
            kill_policy: task.kill_policy.as_ref().map(v1::KillPolicy::from),
            user: task.user.clone(),
            limits: limits_out(&task.limits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(id: &str) -> v1::TaskInfo {
        v1::TaskInfo { task_id: v1::TaskId { value: id.into() }, ..Default::default() }
    }

    #[test]
    fn what_is_no_task_is_named_as_the_reference_names_it() {
        let mut negative = spelled("t");
        negative.kill_policy =
            Some(v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds: -5 }) });
        assert_eq!(
            launched(negative.clone()).unwrap_err().message,
            "Task's 'kill_policy.grace_period' must be non-negative"
        );
        negative.task_id.value = "bad/id".into();
        assert_eq!(launched(negative).unwrap_err().message, "'bad/id' contains invalid characters");

        let mut unhealthy = spelled("t");
        unhealthy.health_check =
            Some(v1::HealthCheck { r#type: Some(v1::health_check::Type::Http as i32), ..Default::default() });
        assert_eq!(
            launched(unhealthy).unwrap_err().message,
            "Task uses invalid health check: Expecting 'http' to be set for HTTP health check"
        );
    }

    #[test]
    fn one_bad_member_spoils_the_group_and_all_are_named() {
        let mut bad = spelled("b");
        bad.max_completion_time = Some(v1::DurationInfo { nanoseconds: -1 });
        let group = v1::offer::operation::LaunchGroup {
            executor: v1::ExecutorInfo::default(),
            task_group: v1::TaskGroupInfo { tasks: vec![spelled("a"), bad] },
        };
        let error = launched_group(group).unwrap_err();
        assert_eq!(error.message, "Task 'b' is invalid: Task's 'max_completion_time' must be non-negative");
        assert_eq!(error.tasks.len(), 2);
    }
}

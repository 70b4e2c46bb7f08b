//! Task statuses.

use model::{StatusReason, StatusSource, TaskState, TaskStatus, Time};

use super::resources::{self, Spelling};
use super::simple::{labels, labels_out, update_id};
use super::{ConvertError, bytes, maybe, optional, owned, required, same_enum};
use crate::v1;

same_enum!(
    v1::TaskState,
    TaskState {
        TaskStaging = Staging,
        TaskStarting = Starting,
        TaskRunning = Running,
        TaskKilling = Killing,
        TaskFinished = Finished,
        TaskFailed = Failed,
        TaskKilled = Killed,
        TaskError = Error,
        TaskLost = Lost,
        TaskDropped = Dropped,
        TaskUnreachable = Unreachable,
        TaskGone = Gone,
        TaskGoneByOperator = GoneByOperator,
        TaskUnknown = Unknown,
    }
);
same_enum!(v1::task_status::Source, StatusSource { Master = Master, Agent = Agent, Executor = Executor });
owned!(TaskStatus => v1::TaskStatus);

pub(super) fn state_out(state: TaskState) -> i32 {
    v1::TaskState::from(state) as i32
}

impl TryFrom<v1::TaskStatus> for TaskStatus {
    type Error = ConvertError;

    fn try_from(status: v1::TaskStatus) -> Result<Self, ConvertError> {
        Ok(TaskStatus {
            task_id: status.task_id.into(),
            state: required::<v1::TaskState, _>(status.state).map_err(|error| error.at("state"))?,
            message: status.message,
            source: optional::<v1::task_status::Source, _>(status.source)?,
            reason: status.reason.and_then(StatusReason::from_number),
            data: status.data.unwrap_or_default(),
            agent_id: status.agent_id.map(Into::into),
            executor_id: status.executor_id.map(Into::into),
            timestamp: status
                .timestamp
                .map(Time::from_secs_f64)
                .transpose()
                .map_err(|error| ConvertError::new(error.to_string()).at("timestamp"))?,
            uuid: status.uuid.map(|uuid| update_id(&uuid)).transpose()?,
            healthy: status.healthy,
            check_status: maybe(status.check_status, "check_status")?,
            labels: labels(status.labels),
            container_status: maybe(status.container_status, "container_status")?,
            unreachable_time: status.unreachable_time.map(Into::into),
            limitation: status
                .limitation
                .map(|limitation| resources::read(limitation.resources))
                .transpose()
                .map_err(|error| error.at("limitation"))?,
        })
    }
}

/// Spells a status for somebody.
pub(super) fn status(status: &TaskStatus, spelling: Spelling) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: (&status.task_id).into(),
        state: state_out(status.state),
        message: status.message.clone(),
        source: status.source.map(|source| v1::task_status::Source::from(source) as i32),
        reason: status.reason.map(StatusReason::number),
        data: bytes(&status.data),
        agent_id: status.agent_id.as_ref().map(Into::into),
        executor_id: status.executor_id.as_ref().map(Into::into),
        timestamp: status.timestamp.map(Time::as_secs_f64),
        uuid: status.uuid.map(|uuid| uuid.as_bytes().to_vec()),
        healthy: status.healthy,
        check_status: status.check_status.as_ref().map(v1::CheckStatusInfo::from),
        labels: labels_out(&status.labels),
        container_status: status.container_status.as_ref().map(v1::ContainerStatus::from),
        unreachable_time: status.unreachable_time.map(Into::into),
        limitation: status.limitation.as_ref().map(|limitation| v1::TaskResourceLimitation {
            resources: resources::write(limitation, spelling),
        }),
    }
}

impl From<&TaskStatus> for v1::TaskStatus {
    fn from(meant: &TaskStatus) -> Self {
        status(meant, Spelling::FULL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_the_number_and_name_of_the_api() {
        for reason in StatusReason::ALL {
            let spelled = v1::task_status::Reason::try_from(reason.number()).unwrap();
            assert_eq!(spelled.as_str_name(), reason.name());
        }
        for state in TaskState::ALL {
            assert_eq!(v1::TaskState::from(state).as_str_name(), state.name());
        }
    }

    #[test]
    fn an_update_id_has_sixteen_bytes() {
        let spelled = v1::TaskStatus { uuid: Some(vec![0; 3]), ..Default::default() };
        assert_eq!(TaskStatus::try_from(spelled).unwrap_err().to_string(), "Not a valid UUID");
    }
}

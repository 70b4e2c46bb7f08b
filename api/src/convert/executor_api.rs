//! The executor API in both directions: calls for the agent, events for the executor, and each read back by the other.

use model::executor_call::{ExecutorCall, ExecutorCallKind};
use model::executor_event::ExecutorEvent;
use model::{AgentInfo, ExecutorInfo, FrameworkInfo, StatusSource, TaskInfo, TaskState, TaskStatus};

use super::executor::executor;
use super::resources::Spelling;
use super::simple::update_id;
use super::task::task;
use super::{CallError, ConvertError, all, each, maybe};
use crate::v1;
use crate::v1::executor::{Call, Event, call, event};

const CALL: &str = "Executor::Call";

fn refuse(reason: impl Into<String>) -> CallError {
    CallError { call: CALL, reason: reason.into() }
}

fn present<T>(field: Option<T>, name: &str) -> Result<T, CallError> {
    field.ok_or_else(|| refuse(format!("Expecting '{name}' to be present")))
}

impl TryFrom<Call> for ExecutorCall {
    type Error = CallError;

    fn try_from(spelled: Call) -> Result<Self, CallError> {
        use call::Type;
        let ty = spelled.r#type.and_then(|ty| Type::try_from(ty).ok()).filter(|ty| *ty != Type::Unknown);
        let executor_id = spelled.executor_id.into();
        let kind = match present(ty, "type")? {
            Type::Subscribe => {
                let subscribe = present(spelled.subscribe, "subscribe")?;
                ExecutorCallKind::Subscribe {
                    unacknowledged_tasks: each(
                        subscribe.unacknowledged_tasks,
                        "subscribe.unacknowledged_tasks",
                    )
                    .map_err(|error| refuse(error.to_string()))?,
                    unacknowledged_updates: subscribe
                        .unacknowledged_updates
                        .into_iter()
                        .map(|update| self::update(update, &executor_id))
                        .collect::<Result<_, _>>()?,
                }
            }
            Type::Update => {
                ExecutorCallKind::Update(update(present(spelled.update, "update")?, &executor_id)?)
            }
            Type::Message => ExecutorCallKind::Message { data: present(spelled.message, "message")?.data },
            Type::Heartbeat | Type::Unknown => ExecutorCallKind::Heartbeat,
        };
        Ok(ExecutorCall { framework_id: spelled.framework_id.into(), executor_id, kind })
    }
}

/// A status as an executor may send it.
///
/// Source: Mesos executor HTTP API.
fn update(update: call::Update, caller: &model::ExecutorId) -> Result<TaskStatus, CallError> {
    let spelled = update.status;
    update_id(present(spelled.uuid.as_deref(), "uuid")?).map_err(|error| refuse(error.to_string()))?;
    if spelled.executor_id.as_ref().is_some_and(|id| id.value != caller.as_str()) {
        return Err(refuse(format!(
            "ExecutorID in Call: {caller} does not match ExecutorID in TaskStatus: {}",
            spelled.executor_id.map(|id| id.value).unwrap_or_default()
        )));
    }
    let status =
        TaskStatus::try_from(spelled).map_err(|error| refuse(error.at("update.status").to_string()))?;
    match status.source {
        Some(StatusSource::Executor) => {}
        source => {
            let source =
                source.map_or("SOURCE_MASTER", |source| v1::task_status::Source::from(source).as_str_name());
            return Err(refuse(format!(
                "Received Call from executor {caller} with invalid source, expecting 'SOURCE_EXECUTOR' but got '{source}'"
            )));
        }
    }
    if status.state == TaskState::Staging {
        return Err(refuse(format!("Received TASK_STAGING from executor {caller} which is not allowed")));
    }
    Ok(status)
}

impl From<&ExecutorCall> for Call {
    /// Spells a call as an executor sends it.
    fn from(meant: &ExecutorCall) -> Self {
        use call::Type;
        let mut spelled = Call {
            executor_id: (&meant.executor_id).into(),
            framework_id: (&meant.framework_id).into(),
            ..Default::default()
        };
        let ty = match &meant.kind {
            ExecutorCallKind::Subscribe { unacknowledged_tasks, unacknowledged_updates } => {
                spelled.subscribe = Some(call::Subscribe {
                    unacknowledged_tasks: all(unacknowledged_tasks),
                    unacknowledged_updates: unacknowledged_updates
                        .iter()
                        .map(|status| call::Update { status: status.into() })
                        .collect(),
                });
                Type::Subscribe
            }
            ExecutorCallKind::Update(status) => {
                spelled.update = Some(call::Update { status: status.into() });
                Type::Update
            }
            ExecutorCallKind::Message { data } => {
                spelled.message = Some(call::Message { data: data.clone() });
                Type::Message
            }
            ExecutorCallKind::Heartbeat => Type::Heartbeat,
        };
        spelled.r#type = Some(ty as i32);
        spelled
    }
}

/// Spells an event for an executor.
pub fn write_event(meant: &ExecutorEvent, spelling: Spelling) -> Event {
    use event::Type;
    let mut spelled = Event::default();
    let ty = match meant {
        ExecutorEvent::Subscribed { executor: info, framework, agent, container_id } => {
            spelled.subscribed = Some(event::Subscribed {
                executor_info: executor(info, spelling),
                framework_info: (&**framework).into(),
                agent_info: (&**agent).into(),
                container_id: container_id.as_ref().map(Into::into),
            });
            Type::Subscribed
        }
        ExecutorEvent::Launch(info) => {
            spelled.launch = Some(event::Launch { task: task(info, spelling) });
            Type::Launch
        }
        ExecutorEvent::LaunchGroup(tasks) => {
            spelled.launch_group = Some(event::LaunchGroup {
                task_group: v1::TaskGroupInfo {
                    tasks: tasks.iter().map(|info| task(info, spelling)).collect(),
                },
            });
            Type::LaunchGroup
        }
        ExecutorEvent::Kill { task_id, kill_policy } => {
            spelled.kill = Some(event::Kill {
                task_id: task_id.into(),
                kill_policy: kill_policy.as_ref().map(v1::KillPolicy::from),
            });
            Type::Kill
        }
        ExecutorEvent::Acknowledged { task_id, uuid } => {
            spelled.acknowledged =
                Some(event::Acknowledged { task_id: task_id.into(), uuid: uuid.as_bytes().to_vec() });
            Type::Acknowledged
        }
        ExecutorEvent::Message { data } => {
            spelled.message = Some(event::Message { data: data.clone() });
            Type::Message
        }
        ExecutorEvent::Error { message } => {
            spelled.error = Some(event::Error { message: message.clone() });
            Type::Error
        }
        ExecutorEvent::Shutdown => Type::Shutdown,
        ExecutorEvent::Heartbeat => Type::Heartbeat,
    };
    spelled.r#type = Some(ty as i32);
    spelled
}

impl From<&ExecutorEvent> for Event {
    fn from(meant: &ExecutorEvent) -> Self {
        write_event(meant, Spelling::FULL)
    }
}

impl TryFrom<Event> for ExecutorEvent {
    type Error = ConvertError;

    fn try_from(spelled: Event) -> Result<Self, ConvertError> {
        use event::Type;
        let lacks = |what: &str| ConvertError::new(format!("Expecting '{what}' to be present"));
        let ty = spelled.r#type.and_then(|ty| Type::try_from(ty).ok()).unwrap_or(Type::Unknown);
        Ok(match ty {
            Type::Unknown => return Err(lacks("type")),
            Type::Subscribed => {
                let subscribed = spelled.subscribed.ok_or_else(|| lacks("subscribed"))?;
                ExecutorEvent::Subscribed {
                    executor: Box::new(
                        ExecutorInfo::try_from(subscribed.executor_info)
                            .map_err(|e| e.at("executor_info"))?,
                    ),
                    framework: Box::new(
                        FrameworkInfo::try_from(subscribed.framework_info)
                            .map_err(|e| e.at("framework_info"))?,
                    ),
                    agent: Box::new(
                        AgentInfo::try_from(subscribed.agent_info).map_err(|e| e.at("agent_info"))?,
                    ),
                    container_id: subscribed.container_id.map(Into::into),
                }
            }
            Type::Launch => {
                let launch = spelled.launch.ok_or_else(|| lacks("launch"))?;
                let task = TaskInfo::try_from(launch.task).map_err(|error| error.at("launch.task"))?;
                ExecutorEvent::Launch(Box::new(task))
            }
            Type::LaunchGroup => {
                let launch = spelled.launch_group.ok_or_else(|| lacks("launch_group"))?;
                ExecutorEvent::LaunchGroup(each(launch.task_group.tasks, "launch_group.task_group.tasks")?)
            }
            Type::Kill => {
                let kill = spelled.kill.ok_or_else(|| lacks("kill"))?;
                ExecutorEvent::Kill {
                    task_id: kill.task_id.into(),
                    kill_policy: maybe(kill.kill_policy, "kill.kill_policy")?,
                }
            }
            Type::Acknowledged => {
                let acknowledged = spelled.acknowledged.ok_or_else(|| lacks("acknowledged"))?;
                ExecutorEvent::Acknowledged {
                    task_id: acknowledged.task_id.into(),
                    uuid: update_id(&acknowledged.uuid).map_err(|error| error.at("acknowledged.uuid"))?,
                }
            }
            Type::Message => {
                ExecutorEvent::Message { data: spelled.message.ok_or_else(|| lacks("message"))?.data }
            }
            Type::Error => {
                ExecutorEvent::Error { message: spelled.error.ok_or_else(|| lacks("error"))?.message }
            }
            Type::Shutdown => ExecutorEvent::Shutdown,
            Type::Heartbeat => ExecutorEvent::Heartbeat,
        })
    }
}

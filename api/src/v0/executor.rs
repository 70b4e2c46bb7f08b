//! Between an executor's driver and its agent: what the one says, what the other tells.
//!
//! | a driver says | which is the call |
//! |---|---|
//! | `RegisterExecutor`, `ReregisterExecutor` | SUBSCRIBE |
//! | `StatusUpdate` | UPDATE |
//! | `ExecutorToFramework` | MESSAGE |
//!
//! | the event | is the message |
//! |---|---|
//! | SUBSCRIBED | `ExecutorRegistered`, or `ExecutorReregistered` |
//! | LAUNCH, KILL | `RunTask`, `KillTask` |
//! | ACKNOWLEDGED | `StatusUpdateAcknowledgement` |
//! | MESSAGE | `FrameworkToExecutor` |
//! | SHUTDOWN | `ShutdownExecutor` |
//! | LAUNCH_GROUP, ERROR, HEARTBEAT | nothing: drivers have no word for it |
//!
//! Source: Mesos' executor driver, and the messages between it and an agent.

use model::AgentId;
use model::executor_call::ExecutorCall;
use model::executor_event::ExecutorEvent;

use super::scheduler::Greeting;
use super::{
    ExecutorRegisteredMessage, ExecutorReregisteredMessage, ExecutorToFrameworkMessage,
    FrameworkToExecutorMessage, KillTaskMessage, ReadError, ReconnectExecutorMessage,
    RegisterExecutorMessage, ReregisterExecutorMessage, RunTaskMessage, ShutdownExecutorMessage,
    StatusUpdate, StatusUpdateAcknowledgementMessage, StatusUpdateMessage, Told, decode,
};
use crate::convert::CallError;
use crate::v1;
use crate::v1::executor::call::{self, Type};

/// What drivers of executors may say.
pub const NAMES: [&str; 4] = [
    "mesos.internal.RegisterExecutorMessage",
    "mesos.internal.ReregisterExecutorMessage",
    "mesos.internal.StatusUpdateMessage",
    "mesos.internal.ExecutorToFrameworkMessage",
];

/// What a driver asks, and how it is made welcome if it subscribes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub call: ExecutorCall,
    pub greeting: Greeting,
}

/// Reads what a driver asks.
///
/// Errors: when it is none of [`NAMES`], or says nothing that can be done.
pub fn read(name: &str, body: &[u8]) -> Result<Asked, ReadError> {
    let mut greeting = Greeting::Registered;
    let spelled = match name.strip_prefix("mesos.internal.") {
        Some("RegisterExecutorMessage") => {
            let RegisterExecutorMessage { framework_id, executor_id } = decode(body)?;
            let subscribe = Some(call::Subscribe::default());
            v1::executor::Call { subscribe, ..of(framework_id, executor_id, Type::Subscribe) }
        }
        Some("ReregisterExecutorMessage") => {
            let ReregisterExecutorMessage { executor_id, framework_id, tasks, updates } = decode(body)?;
            greeting = Greeting::Reregistered;
            let updates = updates.into_iter().map(|update| call::Update { status: status(update) });
            let subscribe = Some(call::Subscribe {
                unacknowledged_tasks: tasks,
                unacknowledged_updates: updates.collect(),
            });
            v1::executor::Call { subscribe, ..of(framework_id, executor_id, Type::Subscribe) }
        }
        Some("StatusUpdateMessage") => {
            let StatusUpdateMessage { update, .. } = decode(body)?;
            let Some(executor_id) = update.executor_id.clone() else {
                let reason = "Expecting 'update.executor_id' to be present".to_owned();
                return Err(CallError { call: "Executor::Call", reason }.into());
            };
            let framework_id = update.framework_id.clone();
            let update = Some(call::Update { status: status(update) });
            v1::executor::Call { update, ..of(framework_id, executor_id, Type::Update) }
        }
        Some("ExecutorToFrameworkMessage") => {
            let ExecutorToFrameworkMessage { framework_id, executor_id, data, .. } = decode(body)?;
            let message = Some(call::Message { data });
            v1::executor::Call { message, ..of(framework_id, executor_id, Type::Message) }
        }
        _ => return Err(ReadError::Name),
    };
    Ok(Asked { call: ExecutorCall::try_from(spelled)?, greeting })
}

fn of(framework: v1::FrameworkId, executor: v1::ExecutorId, ty: Type) -> v1::executor::Call {
    v1::executor::Call {
        executor_id: executor,
        framework_id: framework,
        r#type: Some(ty as i32),
        ..v1::executor::Call::default()
    }
}

/// A status as executors spell it since then: what stood beside it stands in it.
fn status(update: StatusUpdate) -> v1::TaskStatus {
    let StatusUpdate { executor_id, agent_id, status, timestamp, uuid, .. } = update;
    v1::TaskStatus {
        executor_id,
        agent_id: agent_id.or(status.agent_id),
        timestamp: Some(timestamp),
        uuid: uuid.filter(|uuid| !uuid.is_empty()).or(status.uuid),
        source: Some(v1::task_status::Source::Executor as i32),
        ..status
    }
}

/// Spells events for one driver.
#[derive(Clone, Debug)]
pub struct Writer {
    greeting: Greeting,
    /// Known from the first event.
    subscribed: Option<v1::executor::event::Subscribed>,
}

impl Writer {
    /// For a driver that is made welcome like this.
    pub fn new(greeting: Greeting) -> Writer {
        Writer { greeting, subscribed: None }
    }

    /// Spells an event, if drivers have a word for it.
    pub fn write(&mut self, event: &ExecutorEvent) -> Option<Told> {
        let spelled = v1::executor::Event::from(event);
        if let Some(subscribed) = spelled.subscribed {
            let told = self.welcome(&subscribed);
            self.subscribed = Some(subscribed);
            return Some(told);
        }
        if matches!(event, ExecutorEvent::Shutdown) {
            return Some(shutdown(
                self.subscribed.as_ref().map(|known| known.executor_info.executor_id.clone()),
            ));
        }
        let known = self.subscribed.as_ref()?;
        let framework_id = known.framework_info.id.clone().unwrap_or_default();
        let agent_id = known.agent_info.id.clone().unwrap_or_default();
        Some(match event {
            ExecutorEvent::Launch(_) => {
                let message = RunTaskMessage {
                    framework_id: Some(framework_id),
                    framework: known.framework_info.clone(),
                    task: spelled.launch?.task,
                    resource_version_uuids: Vec::new(),
                    // Older drivers cannot do without the field.
                    pid: Some(String::new()),
                    launch_executor: None,
                };
                Told::new("mesos.internal.RunTaskMessage", &message)
            }
            ExecutorEvent::Kill { .. } => {
                let v1::executor::event::Kill { task_id, kill_policy } = spelled.kill?;
                Told::new(
                    "mesos.internal.KillTaskMessage",
                    &KillTaskMessage { framework_id, task_id, kill_policy },
                )
            }
            ExecutorEvent::Acknowledged { .. } => {
                let v1::executor::event::Acknowledged { task_id, uuid } = spelled.acknowledged?;
                Told::new(
                    "mesos.internal.StatusUpdateAcknowledgementMessage",
                    &StatusUpdateAcknowledgementMessage { agent_id, framework_id, task_id, uuid },
                )
            }
            ExecutorEvent::Message { data } => {
                let (executor_id, data) = (known.executor_info.executor_id.clone(), data.clone());
                Told::new(
                    "mesos.internal.FrameworkToExecutorMessage",
                    &FrameworkToExecutorMessage { agent_id, framework_id, executor_id, data },
                )
            }
            ExecutorEvent::Subscribed { .. }
            | ExecutorEvent::Shutdown
            | ExecutorEvent::LaunchGroup(_)
            | ExecutorEvent::Error { .. }
            | ExecutorEvent::Heartbeat => return None,
        })
    }

    fn welcome(&self, subscribed: &v1::executor::event::Subscribed) -> Told {
        let v1::executor::event::Subscribed { executor_info, framework_info, agent_info, .. } =
            subscribed.clone();
        let agent_id = agent_info.id.clone().unwrap_or_default();
        match self.greeting {
            Greeting::Registered => {
                let message = ExecutorRegisteredMessage {
                    executor_info,
                    framework_id: framework_info.id.clone().unwrap_or_default(),
                    framework_info,
                    agent_id,
                    agent_info,
                };
                Told::new("mesos.internal.ExecutorRegisteredMessage", &message)
            }
            Greeting::Reregistered => {
                let message = ExecutorReregisteredMessage { agent_id, agent_info };
                Told::new("mesos.internal.ExecutorReregisteredMessage", &message)
            }
        }
    }
}

/// Tells a driver to end all it runs, and itself.
pub fn shutdown(executor_id: Option<v1::ExecutorId>) -> Told {
    let message = ShutdownExecutorMessage { executor_id, framework_id: None };
    Told::new("mesos.internal.ShutdownExecutorMessage", &message)
}

/// Asks a driver whether it is there, after this agent has started again.
pub fn reconnect(agent: &AgentId) -> Told {
    let message = ReconnectExecutorMessage { agent_id: agent.into() };
    Told::new("mesos.internal.ReconnectExecutorMessage", &message)
}

#[cfg(test)]
mod tests {
    use model::executor_call::ExecutorCallKind;
    use model::{StatusSource, TaskInfo, TaskState, UpdateId};
    use prost::Message;

    use super::*;

    fn framework() -> v1::FrameworkId {
        v1::FrameworkId { value: "f".to_owned() }
    }

    fn executor() -> v1::ExecutorId {
        v1::ExecutorId { value: "e".to_owned() }
    }

    fn named(name: &str, message: &impl Message) -> Result<Asked, ReadError> {
        read(&format!("mesos.internal.{name}"), &message.encode_to_vec())
    }

    /// An update as drivers send it: what the status lacks stands beside it.
    fn update() -> StatusUpdate {
        StatusUpdate {
            framework_id: framework(),
            executor_id: Some(executor()),
            agent_id: None,
            status: v1::TaskStatus {
                task_id: v1::TaskId { value: "t".to_owned() },
                state: v1::TaskState::TaskRunning as i32,
                ..v1::TaskStatus::default()
            },
            timestamp: 5.0,
            uuid: Some(vec![7; 16]),
            latest_state: None,
        }
    }

    #[test]
    fn whoever_registers_subscribes_and_so_does_who_comes_back_with_what_it_has() {
        let asked = named(
            "RegisterExecutorMessage",
            &RegisterExecutorMessage { framework_id: framework(), executor_id: executor() },
        )
        .unwrap();
        assert_eq!((asked.call.framework_id.as_str(), asked.call.executor_id.as_str()), ("f", "e"));
        assert_eq!((asked.call.kind.name(), asked.greeting), ("SUBSCRIBE", Greeting::Registered));

        let message = ReregisterExecutorMessage {
            executor_id: executor(),
            framework_id: framework(),
            tasks: Vec::new(),
            updates: vec![update()],
        };
        let asked = named("ReregisterExecutorMessage", &message).unwrap();
        assert_eq!(asked.greeting, Greeting::Reregistered);
        match asked.call.kind {
            ExecutorCallKind::Subscribe { unacknowledged_updates, .. } => {
                assert_eq!(unacknowledged_updates[0].uuid, Some(UpdateId::from_bytes([7; 16])));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_update_is_the_executors_and_bears_the_uuid_that_stood_beside_it() {
        let message =
            StatusUpdateMessage { update: update(), pid: Some("executor(1)@127.0.0.1:1".to_owned()) };
        match named("StatusUpdateMessage", &message).unwrap().call.kind {
            ExecutorCallKind::Update(status) => {
                assert_eq!(status.uuid, Some(UpdateId::from_bytes([7; 16])));
                assert_eq!((status.state, status.source), (TaskState::Running, Some(StatusSource::Executor)));
            }
            other => panic!("{other:?}"),
        }
        let nobodys =
            StatusUpdateMessage { update: StatusUpdate { executor_id: None, ..update() }, pid: None };
        assert!(matches!(named("StatusUpdateMessage", &nobodys), Err(ReadError::Call(_))));
        let unmarked = StatusUpdateMessage { update: StatusUpdate { uuid: None, ..update() }, pid: None };
        assert!(matches!(named("StatusUpdateMessage", &unmarked), Err(ReadError::Call(_))));
    }

    #[test]
    fn what_lacks_a_field_is_refused() {
        for name in NAMES {
            assert!(matches!(read(name, b""), Err(ReadError::Decode(_))), "{name}");
        }
        assert_eq!(read("mesos.internal.RunTaskMessage", b""), Err(ReadError::Name));
    }

    fn subscribed() -> ExecutorEvent {
        let mut framework = model::FrameworkInfo::new("name", "nobody");
        framework.id = Some("f".into());
        let agent = v1::AgentInfo {
            id: Some(v1::AgentId { value: "a".to_owned() }),
            hostname: "h".to_owned(),
            ..v1::AgentInfo::default()
        };
        let agent = model::AgentInfo::try_from(agent).unwrap();
        ExecutorEvent::Subscribed {
            executor: Box::new(model::ExecutorInfo::new("e")),
            framework: Box::new(framework),
            agent: Box::new(agent),
            container_id: None,
        }
    }

    fn told<M: Message + Default>(event: &ExecutorEvent, name: &str) -> M {
        let mut writer = Writer::new(Greeting::Registered);
        writer.write(&subscribed()).unwrap();
        let told = writer.write(event).unwrap();
        assert_eq!(told.name, format!("mesos.internal.{name}"));
        M::decode(&told.body[..]).unwrap()
    }

    #[test]
    fn who_is_welcome_is_told_who_it_is() {
        let told = Writer::new(Greeting::Registered).write(&subscribed()).unwrap();
        assert_eq!(told.name, "mesos.internal.ExecutorRegisteredMessage");
        let message = ExecutorRegisteredMessage::decode(&told.body[..]).unwrap();
        assert_eq!((message.agent_id.value.as_str(), message.framework_id.value.as_str()), ("a", "f"));
        let told = Writer::new(Greeting::Reregistered).write(&subscribed()).unwrap();
        assert_eq!(told.name, "mesos.internal.ExecutorReregisteredMessage");
    }

    #[test]
    fn a_task_comes_with_its_framework() {
        let task = TaskInfo::new("t", "a".into(), model::Resources::default());
        let run: RunTaskMessage = told(&ExecutorEvent::Launch(Box::new(task)), "RunTaskMessage");
        assert_eq!((run.task.task_id.value.as_str(), run.framework.name.as_str()), ("t", "name"));
        assert_eq!(run.framework_id, Some(framework()));
    }

    #[test]
    fn kills_acknowledgements_messages_and_the_end_are_told() {
        let kill: KillTaskMessage =
            told(&ExecutorEvent::Kill { task_id: "t".into(), kill_policy: None }, "KillTaskMessage");
        assert_eq!(kill.task_id.value, "t");
        let uuid = UpdateId::from_bytes([7; 16]);
        let acknowledged = ExecutorEvent::Acknowledged { task_id: "t".into(), uuid };
        let acknowledged: StatusUpdateAcknowledgementMessage =
            told(&acknowledged, "StatusUpdateAcknowledgementMessage");
        assert_eq!((acknowledged.uuid, acknowledged.agent_id.value.as_str()), (vec![7; 16], "a"));
        let message: FrameworkToExecutorMessage =
            told(&ExecutorEvent::Message { data: vec![1] }, "FrameworkToExecutorMessage");
        assert_eq!((message.executor_id, message.data), (executor(), vec![1]));
        let end: ShutdownExecutorMessage = told(&ExecutorEvent::Shutdown, "ShutdownExecutorMessage");
        assert_eq!(end.executor_id, Some(executor()));
    }
}

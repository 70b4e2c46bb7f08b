//! What a scheduler's driver asks of its master.
//!
//! | a driver says | which is the call |
//! |---|---|
//! | `RegisterFramework`, `ReregisterFramework` | SUBSCRIBE |
//! | `UnregisterFramework` | TEARDOWN |
//! | `DeactivateFramework` | SUPPRESS of all roles: it was aborted, and leaves soon |
//! | `ResourceRequest` | REQUEST |
//! | `LaunchTasks` | ACCEPT with one LAUNCH; DECLINE without tasks |
//! | `ReviveOffers`, `KillTask`, `ReconcileTasks` | REVIVE, KILL, RECONCILE |
//! | `StatusUpdateAcknowledgement` | ACKNOWLEDGE |
//! | `FrameworkToExecutor` | MESSAGE |
//! | `mesos.scheduler.Call` | what it says itself |
//!
//! Source: Mesos' scheduler driver, and the messages between it and a master.

use model::call::Call;

use crate::convert::CallError;
use crate::v0::{
    DeactivateFrameworkMessage, FrameworkToExecutorMessage, KillTaskMessage, LaunchTasksMessage, ReadError,
    ReconcileTasksMessage, RegisterFrameworkMessage, ReregisterFrameworkMessage, ResourceRequestMessage,
    ReviveOffersMessage, StatusUpdateAcknowledgementMessage, UnregisterFrameworkMessage, decode,
};
use crate::v1;
use crate::v1::scheduler::call::{self, Type};

/// What drivers of schedulers may say.
pub const NAMES: [&str; 12] = [
    "mesos.internal.RegisterFrameworkMessage",
    "mesos.internal.ReregisterFrameworkMessage",
    "mesos.internal.UnregisterFrameworkMessage",
    "mesos.internal.DeactivateFrameworkMessage",
    "mesos.internal.ResourceRequestMessage",
    "mesos.internal.LaunchTasksMessage",
    "mesos.internal.ReviveOffersMessage",
    "mesos.internal.KillTaskMessage",
    "mesos.internal.ReconcileTasksMessage",
    "mesos.internal.StatusUpdateAcknowledgementMessage",
    "mesos.internal.FrameworkToExecutorMessage",
    "mesos.scheduler.Call",
];

/// What a driver asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub call: Call,
    /// Of SUBSCRIBE: whether it takes the framework over from whoever speaks for it.
    pub force: bool,
}

/// Reads what a driver asks.
///
/// Errors: when it is none of [`NAMES`], or says nothing that can be done.
pub fn read(name: &str, body: &[u8]) -> Result<Asked, ReadError> {
    let (spelled, force) = spelled(name, body)?;
    Ok(Asked { call: Call::try_from(spelled)?, force })
}

fn spelled(name: &str, body: &[u8]) -> Result<(v1::scheduler::Call, bool), ReadError> {
    let message = name.strip_prefix("mesos.internal.").unwrap_or(name);
    Ok((
        match message {
            "mesos.scheduler.Call" => return Ok(newer(decode(body)?)),
            "RegisterFrameworkMessage" => {
                let RegisterFrameworkMessage { mut framework } = decode(body)?;
                framework.id = None;
                subscribe(framework)
            }
            "ReregisterFrameworkMessage" => {
                let ReregisterFrameworkMessage { framework, failover } = decode(body)?;
                if framework.id.as_ref().is_none_or(|id| id.value.is_empty()) {
                    let reason = "Expecting 'framework.id' to be present".to_owned();
                    return Err(CallError { call: "scheduler::Call", reason }.into());
                }
                return Ok((subscribe(framework), failover));
            }
            "UnregisterFrameworkMessage" => {
                let UnregisterFrameworkMessage { framework_id } = decode(body)?;
                of(framework_id, Type::Teardown)
            }
            "DeactivateFrameworkMessage" => {
                let DeactivateFrameworkMessage { framework_id } = decode(body)?;
                let suppress = Some(call::Suppress::default());
                v1::scheduler::Call { suppress, ..of(framework_id, Type::Suppress) }
            }
            "ResourceRequestMessage" => {
                let ResourceRequestMessage { framework_id, requests } = decode(body)?;
                let request = Some(call::Request { requests });
                v1::scheduler::Call { request, ..of(framework_id, Type::Request) }
            }
            "LaunchTasksMessage" => launch(decode(body)?),
            "ReviveOffersMessage" => {
                let ReviveOffersMessage { framework_id, roles } = decode(body)?;
                let revive = Some(call::Revive { roles });
                v1::scheduler::Call { revive, ..of(framework_id, Type::Revive) }
            }
            "KillTaskMessage" => {
                let KillTaskMessage { framework_id, task_id, kill_policy } = decode(body)?;
                let kill = Some(call::Kill { task_id, agent_id: None, kill_policy });
                v1::scheduler::Call { kill, ..of(framework_id, Type::Kill) }
            }
            "ReconcileTasksMessage" => {
                let ReconcileTasksMessage { framework_id, statuses, .. } = decode(body)?;
                let named = |status: v1::TaskStatus| call::reconcile::Task {
                    task_id: status.task_id,
                    agent_id: status.agent_id,
                };
                let reconcile = Some(call::Reconcile { tasks: statuses.into_iter().map(named).collect() });
                v1::scheduler::Call { reconcile, ..of(framework_id, Type::Reconcile) }
            }
            "StatusUpdateAcknowledgementMessage" => {
                let StatusUpdateAcknowledgementMessage { agent_id, framework_id, task_id, uuid } =
                    decode(body)?;
                let acknowledge = Some(call::Acknowledge { agent_id, task_id, uuid });
                v1::scheduler::Call { acknowledge, ..of(framework_id, Type::Acknowledge) }
            }
            "FrameworkToExecutorMessage" => {
                let FrameworkToExecutorMessage { agent_id, framework_id, executor_id, data } = decode(body)?;
                let message = Some(call::Message { agent_id, executor_id, data });
                v1::scheduler::Call { message, ..of(framework_id, Type::Message) }
            }
            _ => return Err(ReadError::Name),
        },
        false,
    ))
}

fn of(framework: v1::FrameworkId, ty: Type) -> v1::scheduler::Call {
    v1::scheduler::Call {
        framework_id: Some(framework),
        r#type: Some(ty as i32),
        ..v1::scheduler::Call::default()
    }
}

/// A driver that does not know its id yet may say so by an empty one.
fn subscribe(mut framework_info: v1::FrameworkInfo) -> v1::scheduler::Call {
    framework_info.id = framework_info.id.filter(|id| !id.value.is_empty());
    v1::scheduler::Call {
        framework_id: framework_info.id.clone(),
        r#type: Some(Type::Subscribe as i32),
        subscribe: Some(call::Subscribe { framework_info, ..call::Subscribe::default() }),
        ..v1::scheduler::Call::default()
    }
}

fn launch(message: LaunchTasksMessage) -> v1::scheduler::Call {
    let LaunchTasksMessage { framework_id, tasks: task_infos, filters, offer_ids } = message;
    if task_infos.is_empty() {
        let decline = Some(call::Decline { offer_ids, filters: Some(filters) });
        return v1::scheduler::Call { decline, ..of(framework_id, Type::Decline) };
    }
    let operation = v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch as i32),
        launch: Some(v1::offer::operation::Launch { task_infos }),
        ..v1::offer::Operation::default()
    };
    let accept = Some(call::Accept { offer_ids, operations: vec![operation], filters: Some(filters) });
    v1::scheduler::Call { accept, ..of(framework_id, Type::Accept) }
}

/// The call of a newer driver, and whether it takes over.
fn newer(spelled: crate::v0::Call) -> (v1::scheduler::Call, bool) {
    let force = spelled.subscribe.as_ref().is_some_and(|subscribe| subscribe.force());
    let subscribed = spelled.subscribe.map(|said| {
        let call = subscribe(said.framework_info);
        let said = (said.suppressed_roles, said.offer_constraints);
        let wanted = call.subscribe.map(|wanted| call::Subscribe {
            suppressed_roles: said.0,
            offer_constraints: said.1,
            ..wanted
        });
        (call.framework_id, wanted)
    });
    let (framework_id, subscribe) = match subscribed {
        Some((id, subscribe)) => (id, subscribe),
        None => (spelled.framework_id, None),
    };
    let call = v1::scheduler::Call {
        framework_id,
        r#type: spelled.r#type,
        subscribe,
        accept: spelled.accept,
        decline: spelled.decline,
        accept_inverse_offers: spelled.accept_inverse_offers,
        decline_inverse_offers: spelled.decline_inverse_offers,
        revive: spelled.revive,
        kill: spelled.kill,
        shutdown: spelled.shutdown,
        acknowledge: spelled.acknowledge,
        acknowledge_operation_status: spelled.acknowledge_operation_status,
        reconcile: spelled.reconcile,
        reconcile_operations: spelled.reconcile_operations,
        message: spelled.message,
        request: spelled.request,
        suppress: spelled.suppress,
        update_framework: spelled.update_framework,
    };
    (call, force)
}

#[cfg(test)]
mod tests {
    use model::call::Accept;
    use model::{FrameworkId, OfferId};
    use prost::Message;

    use super::*;
    use crate::v0;

    const INTERNAL: &str = "mesos.internal.";

    fn named(name: &str, message: &impl Message) -> Result<Asked, ReadError> {
        read(&format!("{INTERNAL}{name}"), &message.encode_to_vec())
    }

    fn framework(id: Option<&str>) -> v1::FrameworkInfo {
        v1::FrameworkInfo {
            user: "nobody".to_owned(),
            name: "f".to_owned(),
            id: id.map(|id| v1::FrameworkId { value: id.to_owned() }),
            ..v1::FrameworkInfo::default()
        }
    }

    fn id() -> v1::FrameworkId {
        v1::FrameworkId { value: "f-1".to_owned() }
    }

    fn wanted(asked: Asked) -> (Option<FrameworkId>, bool) {
        match asked.call {
            Call::Subscribe(subscribe) => (subscribe.framework_id, asked.force),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whoever_registers_subscribes_without_an_id() {
        for said in [None, Some("")] {
            let message = RegisterFrameworkMessage { framework: framework(said) };
            assert_eq!(wanted(named("RegisterFrameworkMessage", &message).unwrap()), (None, false));
        }
    }

    #[test]
    fn whoever_reregisters_has_an_id_and_says_whether_it_takes_over() {
        let message = |id, failover| ReregisterFrameworkMessage { framework: framework(id), failover };
        for failover in [false, true] {
            let asked = named("ReregisterFrameworkMessage", &message(Some("f-1"), failover)).unwrap();
            assert_eq!(wanted(asked), (Some("f-1".into()), failover));
        }
        assert!(matches!(
            named("ReregisterFrameworkMessage", &message(None, true)),
            Err(ReadError::Call(CallError { .. }))
        ));
    }

    #[test]
    fn the_subscribe_of_a_newer_driver_has_numbers_of_its_own() {
        let message = v0::Call {
            framework_id: Some(id()),
            r#type: Some(Type::Subscribe as i32),
            subscribe: Some(v0::call::Subscribe {
                framework_info: framework(Some("f-1")),
                force: Some(true),
                suppressed_roles: vec!["web".to_owned()],
                offer_constraints: None,
            }),
            ..v0::Call::default()
        };
        let asked = read("mesos.scheduler.Call", &message.encode_to_vec()).unwrap();
        match &asked.call {
            Call::Subscribe(subscribe) => assert_eq!(subscribe.suppressed_roles, ["web".into()]),
            other => panic!("{other:?}"),
        }
        assert_eq!(wanted(asked), (Some("f-1".into()), true));
    }

    #[test]
    fn any_other_call_of_a_newer_driver_is_the_same_call() {
        let kill = call::Kill { task_id: v1::TaskId { value: "t".to_owned() }, ..call::Kill::default() };
        let message = v1::scheduler::Call { kill: Some(kill), ..of(id(), Type::Kill) };
        let asked = read("mesos.scheduler.Call", &message.encode_to_vec()).unwrap();
        assert_eq!(asked, Asked { call: Call::try_from(message).unwrap(), force: false });
    }

    #[test]
    fn tasks_are_launched_by_one_accept_and_none_by_a_decline() {
        let message = |tasks| LaunchTasksMessage {
            framework_id: id(),
            tasks,
            filters: v1::Filters { refuse_seconds: Some(3.0) },
            offer_ids: vec![v1::OfferId { value: "o".to_owned() }],
        };
        let task = v1::TaskInfo {
            name: "t".to_owned(),
            task_id: v1::TaskId { value: "t".to_owned() },
            agent_id: v1::AgentId { value: "a".to_owned() },
            ..v1::TaskInfo::default()
        };
        match named("LaunchTasksMessage", &message(vec![task])).unwrap().call {
            Call::Accept(Accept { offer_ids, operations, .. }) => {
                assert_eq!((offer_ids, operations.len()), (vec![OfferId::from("o")], 1));
            }
            other => panic!("{other:?}"),
        }
        let declined = named("LaunchTasksMessage", &message(vec![])).unwrap().call;
        assert!(matches!(declined, Call::Decline(_)), "{declined:?}");
    }

    #[test]
    fn every_other_message_is_the_call_the_table_names() {
        let (agent_id, task_id) =
            (v1::AgentId { value: "a".to_owned() }, v1::TaskId { value: "t".to_owned() });
        let executor_id = v1::ExecutorId { value: "e".to_owned() };
        let framework_id = id();
        let unregister = UnregisterFrameworkMessage { framework_id: id() };
        let deactivate = DeactivateFrameworkMessage { framework_id: id() };
        let request = ResourceRequestMessage { framework_id: id(), requests: vec![] };
        let revive = ReviveOffersMessage { framework_id: id(), roles: vec![] };
        let kill = KillTaskMessage { framework_id: id(), task_id: task_id.clone(), kill_policy: None };
        let reconcile = ReconcileTasksMessage { framework_id: id(), statuses: vec![], framework: None };
        let acknowledge = StatusUpdateAcknowledgementMessage {
            agent_id: agent_id.clone(),
            framework_id: id(),
            task_id,
            uuid: vec![7; 16],
        };
        let message = FrameworkToExecutorMessage { agent_id, framework_id, executor_id, data: vec![1] };
        let table: [(&str, Vec<u8>, &str); 8] = [
            ("UnregisterFrameworkMessage", unregister.encode_to_vec(), "TEARDOWN"),
            ("DeactivateFrameworkMessage", deactivate.encode_to_vec(), "SUPPRESS"),
            ("ResourceRequestMessage", request.encode_to_vec(), "REQUEST"),
            ("ReviveOffersMessage", revive.encode_to_vec(), "REVIVE"),
            ("KillTaskMessage", kill.encode_to_vec(), "KILL"),
            ("ReconcileTasksMessage", reconcile.encode_to_vec(), "RECONCILE"),
            ("StatusUpdateAcknowledgementMessage", acknowledge.encode_to_vec(), "ACKNOWLEDGE"),
            ("FrameworkToExecutorMessage", message.encode_to_vec(), "MESSAGE"),
        ];
        for (name, body, expected) in table {
            let asked =
                read(&format!("{INTERNAL}{name}"), &body).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(asked.call.name(), expected, "{name}");
            assert_eq!(asked.call.framework_id(), Some(&"f-1".into()), "{name}");
        }
    }

    #[test]
    fn what_lacks_a_field_or_is_garbage_is_refused() {
        for name in NAMES.iter().filter(|name| name.starts_with(INTERNAL)) {
            assert!(matches!(read(name, b""), Err(ReadError::Decode(_))), "{name}");
            assert!(matches!(read(name, b"garbage!!"), Err(ReadError::Decode(_))), "{name}");
        }
        assert!(matches!(read("mesos.scheduler.Call", b""), Err(ReadError::Call(_))));
        assert_eq!(read("mesos.internal.PingSlaveMessage", b""), Err(ReadError::Name));
    }
}

//! A scheduler's call as the master hears it.

use model::call::{
    Accept, Acknowledge, AcknowledgeOperationStatus, AnswerInverseOffers, Call, Decline, Kill, Message,
    Reconcile, ReconcileOperation, ReconcileOperations, ReconcileTask, Request, ResourceRequest, Revive,
    Shutdown, Subscribe, Suppress, Teardown, UpdateFramework,
};
use model::{FrameworkId, FrameworkInfo, InvalidFramework, OfferConstraints};

use super::super::framework::framework_id;
use super::super::offer::filters;
use super::super::simple::{roles, update_id};
use super::super::{CallError, ConvertError, maybe, resources};
use crate::v1;
use crate::v1::scheduler::{self, call};

const CALL: &str = "scheduler::Call";

fn refuse(reason: impl Into<String>) -> CallError {
    CallError { call: CALL, reason: reason.into() }
}

impl From<ConvertError> for CallError {
    fn from(error: ConvertError) -> Self {
        refuse(error.to_string())
    }
}

/// What must be there for the call's type.
fn present<T>(field: Option<T>, name: &str) -> Result<T, CallError> {
    field.ok_or_else(|| refuse(format!("Expecting '{name}' to be present")))
}

impl TryFrom<scheduler::Call> for Call {
    type Error = CallError;

    fn try_from(spelled: scheduler::Call) -> Result<Self, CallError> {
        use call::Type;
        let ty = spelled.r#type.and_then(|ty| Type::try_from(ty).ok()).filter(|ty| *ty != Type::Unknown);
        let ty = present(ty, "type")?;
        if ty == Type::Subscribe {
            return subscribe(spelled.framework_id, present(spelled.subscribe, "subscribe")?)
                .map(Call::Subscribe);
        }
        let framework_id = FrameworkId::from(present(spelled.framework_id, "framework_id")?);
        Ok(match ty {
            Type::Unknown | Type::Subscribe | Type::Teardown => Call::Teardown(Teardown { framework_id }),
            Type::Accept => {
                let accept = present(spelled.accept, "accept")?;
                Call::Accept(Accept {
                    framework_id,
                    offer_ids: accept.offer_ids.into_iter().map(Into::into).collect(),
                    operations: accept.operations.into_iter().map(Into::into).collect(),
                    filters: filters(accept.filters),
                })
            }
            Type::Decline => {
                let decline = present(spelled.decline, "decline")?;
                Call::Decline(Decline {
                    framework_id,
                    offer_ids: decline.offer_ids.into_iter().map(Into::into).collect(),
                    filters: filters(decline.filters),
                })
            }
            Type::AcceptInverseOffers => {
                let accept = present(spelled.accept_inverse_offers, "accept_inverse_offers")?;
                Call::AcceptInverseOffers(AnswerInverseOffers {
                    framework_id,
                    inverse_offer_ids: accept.inverse_offer_ids.into_iter().map(Into::into).collect(),
                    filters: filters(accept.filters),
                })
            }
            Type::DeclineInverseOffers => {
                let decline = present(spelled.decline_inverse_offers, "decline_inverse_offers")?;
                Call::DeclineInverseOffers(AnswerInverseOffers {
                    framework_id,
                    inverse_offer_ids: decline.inverse_offer_ids.into_iter().map(Into::into).collect(),
                    filters: filters(decline.filters),
                })
            }
            Type::Revive => {
                Call::Revive(Revive { framework_id, roles: roles(spelled.revive.unwrap_or_default().roles) })
            }
            Type::Suppress => Call::Suppress(Suppress {
                framework_id,
                roles: roles(spelled.suppress.unwrap_or_default().roles),
            }),
            Type::Kill => {
                let kill = present(spelled.kill, "kill")?;
                Call::Kill(Kill {
                    framework_id,
                    task_id: kill.task_id.into(),
                    agent_id: kill.agent_id.map(Into::into),
                    kill_policy: maybe(kill.kill_policy, "kill.kill_policy")?,
                })
            }
            Type::Shutdown => {
                let shutdown = present(spelled.shutdown, "shutdown")?;
                Call::Shutdown(Shutdown {
                    framework_id,
                    executor_id: shutdown.executor_id.into(),
                    agent_id: shutdown.agent_id.into(),
                })
            }
            Type::Acknowledge => {
                let acknowledge = present(spelled.acknowledge, "acknowledge")?;
                Call::Acknowledge(Acknowledge {
                    framework_id,
                    agent_id: acknowledge.agent_id.into(),
                    task_id: acknowledge.task_id.into(),
                    uuid: update_id(&acknowledge.uuid)?,
                })
            }
            Type::AcknowledgeOperationStatus => {
                let acknowledge =
                    present(spelled.acknowledge_operation_status, "acknowledge_operation_status")?;
                let uuid = update_id(&acknowledge.uuid)?;
                Call::AcknowledgeOperationStatus(AcknowledgeOperationStatus {
                    framework_id,
                    agent_id: Some(present(acknowledge.agent_id, "agent_id")?.into()),
                    resource_provider_id: acknowledge.resource_provider_id.map(Into::into),
                    uuid,
                    operation_id: acknowledge.operation_id.into(),
                })
            }
            Type::Reconcile => {
                let reconcile = present(spelled.reconcile, "reconcile")?;
                Call::Reconcile(Reconcile {
                    framework_id,
                    tasks: reconcile
                        .tasks
                        .into_iter()
                        .map(|task| ReconcileTask {
                            task_id: task.task_id.into(),
                            agent_id: task.agent_id.map(Into::into),
                        })
                        .collect(),
                })
            }
            Type::ReconcileOperations => {
                let reconcile = present(spelled.reconcile_operations, "reconcile_operations")?;
                Call::ReconcileOperations(ReconcileOperations {
                    framework_id,
                    operations: reconcile
                        .operations
                        .into_iter()
                        .map(|operation| ReconcileOperation {
                            operation_id: operation.operation_id.into(),
                            agent_id: operation.agent_id.map(Into::into),
                            resource_provider_id: operation.resource_provider_id.map(Into::into),
                        })
                        .collect(),
                })
            }
            Type::Message => {
                let message = present(spelled.message, "message")?;
                Call::Message(Message {
                    framework_id,
                    agent_id: message.agent_id.into(),
                    executor_id: message.executor_id.into(),
                    data: message.data,
                })
            }
            Type::Request => {
                let request = present(spelled.request, "request")?;
                Call::Request(Request {
                    framework_id,
                    // Nobody listens to wishes, so one that makes no sense is no reason to refuse.
                    requests: request
                        .requests
                        .into_iter()
                        .filter_map(|request| {
                            Some(ResourceRequest {
                                agent_id: request.agent_id.map(Into::into),
                                resources: resources::read(request.resources).ok()?,
                            })
                        })
                        .collect(),
                })
            }
            Type::UpdateFramework => {
                let update = present(spelled.update_framework, "update_framework")?;
                same_framework(
                    Some(&framework_id),
                    update.framework_info.id.as_ref(),
                    "update_framework.framework_info.id",
                )?;
                let (framework, constraints) = described(update.framework_info, update.offer_constraints);
                Call::UpdateFramework(UpdateFramework {
                    framework_id,
                    framework,
                    suppressed_roles: roles(update.suppressed_roles),
                    constraints,
                })
            }
        })
    }
}

fn subscribe(outer: Option<v1::FrameworkId>, subscribe: call::Subscribe) -> Result<Subscribe, CallError> {
    let framework_id = framework_id(outer);
    same_framework(
        framework_id.as_ref(),
        subscribe.framework_info.id.as_ref(),
        "subscribe.framework_info.id",
    )?;
    let (framework, constraints) = described(subscribe.framework_info, subscribe.offer_constraints);
    Ok(Subscribe {
        framework_id,
        framework,
        suppressed_roles: roles(subscribe.suppressed_roles),
        constraints,
    })
}

/// Who calls and who is described must be the same.
fn same_framework(
    caller: Option<&FrameworkId>,
    described: Option<&v1::FrameworkId>,
    field: &str,
) -> Result<(), CallError> {
    let caller = caller.map_or("", FrameworkId::as_str);
    if described.map_or("", |id| id.value.as_str()) == caller {
        Ok(())
    } else {
        Err(refuse(format!("'framework_id' differs from '{field}'")))
    }
}

/// A framework and its wishes; what cannot be held of either spoils the whole.
fn described(
    info: v1::FrameworkInfo,
    constraints: Option<scheduler::OfferConstraints>,
) -> (Result<FrameworkInfo, InvalidFramework>, OfferConstraints) {
    let invalid = |error: ConvertError| InvalidFramework { message: error.to_string() };
    let framework = FrameworkInfo::try_from(info).map_err(invalid);
    match maybe(constraints, "offer_constraints") {
        Ok(constraints) => (framework, constraints.unwrap_or_default()),
        Err(error) => (framework.and(Err(invalid(error))), OfferConstraints::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        let spelled: scheduler::Call = crate::json::from_slice(json.as_bytes()).unwrap();
        Call::try_from(spelled).unwrap_err().to_string()
    }

    #[test]
    fn a_call_that_lacks_what_its_type_needs_is_refused_with_the_public_text() {
        for (json, reason) in [
            ("{}", "Expecting 'type' to be present"),
            (r#"{"type":"NOPE"}"#, "Expecting 'type' to be present"),
            (r#"{"type":"REVIVE"}"#, "Expecting 'framework_id' to be present"),
            (r#"{"type":"SUBSCRIBE"}"#, "Expecting 'subscribe' to be present"),
            (r#"{"type":"ACCEPT","framework_id":{"value":"f"}}"#, "Expecting 'accept' to be present"),
            (r#"{"type":"KILL","framework_id":{"value":"f"}}"#, "Expecting 'kill' to be present"),
            (
                r#"{"type":"ACKNOWLEDGE","framework_id":{"value":"f"},"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAA"}}"#,
                "Not a valid UUID",
            ),
            (
                r#"{"type":"SUBSCRIBE","framework_id":{"value":"a"},"subscribe":{"framework_info":{"name":"x","user":"root","id":{"value":"b"}}}}"#,
                "'framework_id' differs from 'subscribe.framework_info.id'",
            ),
        ] {
            assert_eq!(refusal(json), format!("Failed to validate scheduler::Call: {reason}"), "{json}");
        }
    }
}

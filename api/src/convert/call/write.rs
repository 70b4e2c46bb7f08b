//! A scheduler's call as it is sent.

use model::call::Call;
use model::{FrameworkInfo, InvalidFramework, OfferConstraints};

use super::super::all;
use super::super::resources::{self, Spelling};
use super::super::simple::role_names;
use crate::v1;
use crate::v1::scheduler::{self, call};

impl From<&Call> for scheduler::Call {
    /// Spells a call as a scheduler sends it.
    fn from(meant: &Call) -> Self {
        use call::Type;
        let mut spelled =
            scheduler::Call { framework_id: meant.framework_id().map(Into::into), ..Default::default() };
        let constraints = |constraints: &OfferConstraints| {
            (!constraints.is_empty()).then(|| scheduler::OfferConstraints::from(constraints))
        };
        let info = |framework: &Result<FrameworkInfo, InvalidFramework>| {
            framework.as_ref().map(v1::FrameworkInfo::from).unwrap_or_default()
        };
        let ty = match meant {
            Call::Subscribe(subscribe) => {
                spelled.subscribe = Some(call::Subscribe {
                    framework_info: info(&subscribe.framework),
                    suppressed_roles: role_names(&subscribe.suppressed_roles),
                    offer_constraints: constraints(&subscribe.constraints),
                });
                Type::Subscribe
            }
            Call::Teardown(_) => Type::Teardown,
            Call::Accept(accept) => {
                spelled.accept = Some(call::Accept {
                    offer_ids: all(&accept.offer_ids),
                    operations: all(&accept.operations),
                    filters: Some(accept.filters.into()),
                });
                Type::Accept
            }
            Call::Decline(decline) => {
                spelled.decline = Some(call::Decline {
                    offer_ids: all(&decline.offer_ids),
                    filters: Some(decline.filters.into()),
                });
                Type::Decline
            }
            Call::AcceptInverseOffers(accept) => {
                spelled.accept_inverse_offers = Some(call::AcceptInverseOffers {
                    inverse_offer_ids: all(&accept.inverse_offer_ids),
                    filters: Some(accept.filters.into()),
                });
                Type::AcceptInverseOffers
            }
            Call::DeclineInverseOffers(decline) => {
                spelled.decline_inverse_offers = Some(call::DeclineInverseOffers {
                    inverse_offer_ids: all(&decline.inverse_offer_ids),
                    filters: Some(decline.filters.into()),
                });
                Type::DeclineInverseOffers
            }
            Call::Revive(revive) => {
                spelled.revive =
                    (!revive.roles.is_empty()).then(|| call::Revive { roles: role_names(&revive.roles) });
                Type::Revive
            }
            Call::Suppress(suppress) => {
                spelled.suppress = (!suppress.roles.is_empty())
                    .then(|| call::Suppress { roles: role_names(&suppress.roles) });
                Type::Suppress
            }
            Call::Kill(kill) => {
                spelled.kill = Some(call::Kill {
                    task_id: (&kill.task_id).into(),
                    agent_id: kill.agent_id.as_ref().map(Into::into),
                    kill_policy: kill.kill_policy.as_ref().map(v1::KillPolicy::from),
                });
                Type::Kill
            }
            Call::Shutdown(shutdown) => {
                spelled.shutdown = Some(call::Shutdown {
                    executor_id: (&shutdown.executor_id).into(),
                    agent_id: (&shutdown.agent_id).into(),
                });
                Type::Shutdown
            }
            Call::Acknowledge(acknowledge) => {
                spelled.acknowledge = Some(call::Acknowledge {
                    agent_id: (&acknowledge.agent_id).into(),
                    task_id: (&acknowledge.task_id).into(),
                    uuid: acknowledge.uuid.as_bytes().to_vec(),
                });
                Type::Acknowledge
            }
            Call::AcknowledgeOperationStatus(acknowledge) => {
                spelled.acknowledge_operation_status = Some(call::AcknowledgeOperationStatus {
                    agent_id: acknowledge.agent_id.as_ref().map(Into::into),
                    resource_provider_id: acknowledge.resource_provider_id.as_ref().map(Into::into),
                    uuid: acknowledge.uuid.as_bytes().to_vec(),
                    operation_id: (&acknowledge.operation_id).into(),
                });
                Type::AcknowledgeOperationStatus
            }
            Call::Reconcile(reconcile) => {
                spelled.reconcile = Some(call::Reconcile {
                    tasks: reconcile
                        .tasks
                        .iter()
                        .map(|task| call::reconcile::Task {
                            task_id: (&task.task_id).into(),
                            agent_id: task.agent_id.as_ref().map(Into::into),
                        })
                        .collect(),
                });
                Type::Reconcile
            }
            Call::ReconcileOperations(reconcile) => {
                spelled.reconcile_operations = Some(call::ReconcileOperations {
                    operations: reconcile
                        .operations
                        .iter()
                        .map(|operation| call::reconcile_operations::Operation {
                            operation_id: (&operation.operation_id).into(),
                            agent_id: operation.agent_id.as_ref().map(Into::into),
                            resource_provider_id: operation.resource_provider_id.as_ref().map(Into::into),
                        })
                        .collect(),
                });
                Type::ReconcileOperations
            }
            Call::Message(message) => {
                spelled.message = Some(call::Message {
                    agent_id: (&message.agent_id).into(),
                    executor_id: (&message.executor_id).into(),
                    data: message.data.clone(),
                });
                Type::Message
            }
            Call::Request(request) => {
                spelled.request = Some(call::Request {
                    requests: request
                        .requests
                        .iter()
                        .map(|request| v1::Request {
                            agent_id: request.agent_id.as_ref().map(Into::into),
                            resources: resources::write(&request.resources, Spelling::FULL),
                        })
                        .collect(),
                });
                Type::Request
            }
            Call::UpdateFramework(update) => {
                spelled.update_framework = Some(call::UpdateFramework {
                    framework_info: info(&update.framework),
                    suppressed_roles: role_names(&update.suppressed_roles),
                    offer_constraints: constraints(&update.constraints),
                });
                Type::UpdateFramework
            }
        };
        spelled.r#type = Some(ty as i32);
        spelled
    }
}

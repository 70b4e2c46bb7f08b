//! What a scheduler may ask of the master, already valid in shape.

use crate::{
    AgentId, ExecutorId, Filters, FrameworkId, FrameworkInfo, InvalidFramework, KillPolicy, OfferConstraints,
    OfferId, OfferOperation, OperationId, ResourceProviderId, Resources, Role, TaskId, UpdateId,
};

/// A scheduler's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Subscribe(Subscribe),
    Teardown(Teardown),
    Accept(Accept),
    Decline(Decline),
    AcceptInverseOffers(AnswerInverseOffers),
    DeclineInverseOffers(AnswerInverseOffers),
    Revive(Revive),
    Suppress(Suppress),
    Kill(Kill),
    Shutdown(Shutdown),
    Acknowledge(Acknowledge),
    AcknowledgeOperationStatus(AcknowledgeOperationStatus),
    Reconcile(Reconcile),
    ReconcileOperations(ReconcileOperations),
    Message(Message),
    Request(Request),
    UpdateFramework(UpdateFramework),
}

impl Call {
    /// Who calls; `None` for a framework that subscribes for the first time.
    pub fn framework_id(&self) -> Option<&FrameworkId> {
        match self {
            Call::Subscribe(call) => call.framework_id.as_ref(),
            Call::Teardown(call) => Some(&call.framework_id),
            Call::Accept(call) => Some(&call.framework_id),
            Call::Decline(call) => Some(&call.framework_id),
            Call::AcceptInverseOffers(call) | Call::DeclineInverseOffers(call) => Some(&call.framework_id),
            Call::Revive(call) => Some(&call.framework_id),
            Call::Suppress(call) => Some(&call.framework_id),
            Call::Kill(call) => Some(&call.framework_id),
            Call::Shutdown(call) => Some(&call.framework_id),
            Call::Acknowledge(call) => Some(&call.framework_id),
            Call::AcknowledgeOperationStatus(call) => Some(&call.framework_id),
            Call::Reconcile(call) => Some(&call.framework_id),
            Call::ReconcileOperations(call) => Some(&call.framework_id),
            Call::Message(call) => Some(&call.framework_id),
            Call::Request(call) => Some(&call.framework_id),
            Call::UpdateFramework(call) => Some(&call.framework_id),
        }
    }

    /// The public name.
    pub const fn name(&self) -> &'static str {
        match self {
            Call::Subscribe(_) => "SUBSCRIBE",
            Call::Teardown(_) => "TEARDOWN",
            Call::Accept(_) => "ACCEPT",
            Call::Decline(_) => "DECLINE",
            Call::AcceptInverseOffers(_) => "ACCEPT_INVERSE_OFFERS",
            Call::DeclineInverseOffers(_) => "DECLINE_INVERSE_OFFERS",
            Call::Revive(_) => "REVIVE",
            Call::Suppress(_) => "SUPPRESS",
            Call::Kill(_) => "KILL",
            Call::Shutdown(_) => "SHUTDOWN",
            Call::Acknowledge(_) => "ACKNOWLEDGE",
            Call::AcknowledgeOperationStatus(_) => "ACKNOWLEDGE_OPERATION_STATUS",
            Call::Reconcile(_) => "RECONCILE",
            Call::ReconcileOperations(_) => "RECONCILE_OPERATIONS",
            Call::Message(_) => "MESSAGE",
            Call::Request(_) => "REQUEST",
            Call::UpdateFramework(_) => "UPDATE_FRAMEWORK",
        }
    }
}

/// Opens the stream of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The same as in `framework`, which may be unreadable.
    pub framework_id: Option<FrameworkId>,
    /// What cannot be held is answered with an ERROR event on the stream.
    pub framework: Result<FrameworkInfo, InvalidFramework>,
    pub suppressed_roles: Vec<Role>,
    pub constraints: OfferConstraints,
}

/// Ends the framework and all it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teardown {
    pub framework_id: FrameworkId,
}

/// Uses offers; what the operations leave is declined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    pub framework_id: FrameworkId,
    pub offer_ids: Vec<OfferId>,
    pub operations: Vec<OfferOperation>,
    pub filters: Filters,
}

/// Gives offers back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    pub framework_id: FrameworkId,
    pub offer_ids: Vec<OfferId>,
    pub filters: Filters,
}

/// Says whether the framework will leave agents that want to be maintained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerInverseOffers {
    pub framework_id: FrameworkId,
    pub inverse_offer_ids: Vec<OfferId>,
    pub filters: Filters,
}

/// Forgets filters and wants offers again; for all roles if none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revive {
    pub framework_id: FrameworkId,
    pub roles: Vec<Role>,
}

/// Wants no offers; for all roles if none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppress {
    pub framework_id: FrameworkId,
    pub roles: Vec<Role>,
}

/// Ends a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    pub framework_id: FrameworkId,
    pub task_id: TaskId,
    pub agent_id: Option<AgentId>,
    /// Instead of the task's own.
    pub kill_policy: Option<KillPolicy>,
}

/// Ends an executor and all its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    pub framework_id: FrameworkId,
    pub executor_id: ExecutorId,
    pub agent_id: AgentId,
}

/// Says that an update was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    pub framework_id: FrameworkId,
    pub agent_id: AgentId,
    pub task_id: TaskId,
    pub uuid: UpdateId,
}

/// Says that an operation's update was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgeOperationStatus {
    pub framework_id: FrameworkId,
    pub agent_id: Option<AgentId>,
    pub resource_provider_id: Option<ResourceProviderId>,
    pub uuid: UpdateId,
    pub operation_id: OperationId,
}

/// Asks how tasks stand; all of them if none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    pub framework_id: FrameworkId,
    pub tasks: Vec<ReconcileTask>,
}

/// A task asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcileTask {
    pub task_id: TaskId,
    pub agent_id: Option<AgentId>,
}

/// Asks how operations stand; all of them if none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcileOperations {
    pub framework_id: FrameworkId,
    pub operations: Vec<ReconcileOperation>,
}

/// An operation asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcileOperation {
    pub operation_id: OperationId,
    pub agent_id: Option<AgentId>,
    pub resource_provider_id: Option<ResourceProviderId>,
}

/// Sends bytes to an executor, as well as can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub framework_id: FrameworkId,
    pub agent_id: AgentId,
    pub executor_id: ExecutorId,
    pub data: Vec<u8>,
}

/// Asks for resources; the built-in allocator does not listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub framework_id: FrameworkId,
    pub requests: Vec<ResourceRequest>,
}

/// Resources wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRequest {
    pub agent_id: Option<AgentId>,
    pub resources: Resources,
}

/// Replaces what a framework says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateFramework {
    pub framework_id: FrameworkId,
    /// What cannot be held is answered with 400.
    pub framework: Result<FrameworkInfo, InvalidFramework>,
    pub suppressed_roles: Vec<Role>,
    pub constraints: OfferConstraints,
}

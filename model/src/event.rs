//! What a scheduler is told.

use std::{sync::Arc, time::Duration};

use crate::{
    AgentId, ExecutorId, FrameworkId, InverseOffer, MasterInfo, Offer, OfferId, OperationStatus, TaskStatus,
};

/// An event on a scheduler's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first one: who the framework is, and how often it hears a heartbeat.
    Subscribed {
        framework_id: FrameworkId,
        heartbeat_interval: Duration,
        master: Option<MasterInfo>,
    },
    Offers(Vec<Arc<Offer>>),
    InverseOffers(Vec<Arc<InverseOffer>>),
    Rescind {
        offer_id: OfferId,
    },
    RescindInverseOffer {
        inverse_offer_id: OfferId,
    },
    Update(Arc<TaskStatus>),
    UpdateOperationStatus(Arc<OperationStatus>),
    Message {
        agent_id: AgentId,
        executor_id: ExecutorId,
        data: Vec<u8>,
    },
    /// An agent is lost, or an executor ended with this wait status.
    Failure {
        agent_id: Option<AgentId>,
        executor_id: Option<ExecutorId>,
        status: Option<i32>,
    },
    Error {
        message: String,
    },
    Heartbeat,
}

impl Event {
    /// The public name.
    pub const fn name(&self) -> &'static str {
        match self {
            Event::Subscribed { .. } => "SUBSCRIBED",
            Event::Offers(_) => "OFFERS",
            Event::InverseOffers(_) => "INVERSE_OFFERS",
            Event::Rescind { .. } => "RESCIND",
            Event::RescindInverseOffer { .. } => "RESCIND_INVERSE_OFFER",
            Event::Update(_) => "UPDATE",
            Event::UpdateOperationStatus(_) => "UPDATE_OPERATION_STATUS",
            Event::Message { .. } => "MESSAGE",
            Event::Failure { .. } => "FAILURE",
            Event::Error { .. } => "ERROR",
            Event::Heartbeat => "HEARTBEAT",
        }
    }
}

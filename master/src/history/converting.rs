//! Frameworks and operators convert resources, and agents say how it went.

use model::call::{Accept, AcknowledgeOperationStatus, Call};
use model::messages::{Instead, UpdateOperation};
use model::{
    Conversion, Filters, OfferOperation, OperationKind, OperationState, OperationStatus, Reservation,
    Resource, Resources, Role, Scalar, UpdateId,
};

use super::play::History;
use crate::messages::{Asker, Input};
use crate::operator::Ask;
use crate::state::Agent;
use crate::testing::{ROLE, volume};

impl History {
    pub(super) fn convert(&mut self, number: usize, kind: u8, size: u8, named: bool) {
        let framework_id = self.framework(number);
        let offer_ids = self.offers(&framework_id, 1);
        let steps = [kind, kind + 1].map(|kind| OfferOperation {
            id: named.then(|| format!("o{}", size % 3).as_str().into()),
            kind: OperationKind::Convert(conversion(kind % 6, size)),
        });
        let filters = Filters { refuse: std::time::Duration::ZERO };
        self.call(Call::Accept(Accept { framework_id, offer_ids, operations: steps.into(), filters }));
    }

    pub(super) fn operator(&mut self, number: u16, kind: u8, size: u8) {
        let Some(agent) = self.agent_id(number) else { return };
        let ask = Box::new(Ask::Convert { agent, conversion: conversion(kind, size), principal: None });
        self.tell(Input::Operator { ask, asker: Asker::default() });
    }

    pub(super) fn operated(&mut self, number: u16, pick: u8, done: bool) {
        let Some(agent_id) = self.agent_id(number) else { return };
        let known =
            self.stage.state.agent(&agent_id).map(|agent| agent.operations.clone()).unwrap_or_default();
        let picked = known.values().nth(usize::from(pick) % known.len().max(1));
        let operation = picked.map_or(UpdateId::from_bytes([pick; 16]), |operation| operation.uuid);
        let into = if done { OperationState::Finished } else { OperationState::Dropped };
        let mut status = OperationStatus::new(None, into);
        self.updates = self.updates.wrapping_add(1);
        status.uuid = (!pick.is_multiple_of(4)).then(|| UpdateId::from_bytes([self.updates; 16]));
        // That nothing has come of any operation, as it may be once they were all undone.
        let nothing = |agent: &Agent| Instead { total: agent.info.resources.clone(), operations: Vec::new() };
        let instead =
            self.stage.state.agent(&agent_id).filter(|_| !done && pick.is_multiple_of(2)).map(nothing);
        let body = Box::new(UpdateOperation { agent_id, operation, status, instead });
        self.tell(Input::UpdateOperation { from: self.from(number), body });
    }

    pub(super) fn acknowledge_operation(&mut self, number: usize, pick: u8) {
        let framework_id = self.framework(number);
        let known: Vec<_> = self.stage.state.operations_of(&framework_id).cloned().collect();
        let Some(operation) = known.get(usize::from(pick) % known.len().max(1)) else { return };
        let uuid = operation.latest_status.uuid.unwrap_or(UpdateId::from_bytes([0; 16]));
        self.call(Call::AcknowledgeOperationStatus(AcknowledgeOperationStatus {
            framework_id,
            agent_id: operation.agent_id.clone(),
            resource_provider_id: None,
            uuid,
            operation_id: operation.id.clone().unwrap_or_else(|| "o9".into()),
        }));
    }
}

/// One of few, so that they meet.
fn conversion(kind: u8, size: u8) -> Conversion {
    let size = i64::from(size);
    let one = |bag: Resources| bag.iter().next().cloned().expect("there is one");
    let mut disk = Resource::scalar("disk", Scalar::whole(size));
    disk.reservations = vec![Reservation::dynamic(ROLE, None)];
    disk.allocation = Some(Role::from(ROLE));
    let resources = Resources::from(disk.clone());
    let volumes = volume("v", size);
    match kind {
        0 => Conversion::Reserve { source: Resources::new(), resources },
        1 => Conversion::Create { volumes },
        2 => Conversion::Destroy { volumes },
        3 => Conversion::GrowVolume { volume: one(volumes), addition: disk },
        4 => Conversion::ShrinkVolume { volume: one(volumes), subtract: Scalar::whole(1) },
        _ => Conversion::Unreserve { resources },
    }
}

//! For whom resources are kept.

use std::sync::Arc;

use libprocess_wire as wire;

use crate::{Labels, Role};

/// One entry of a resource's stack of reservations; each refines the one below it.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    pub kind: ReservationKind,
    /// Never `*`.
    pub role: Role,
    /// Who reserved.
    pub principal: Option<Arc<str>>,
    pub labels: Labels,
}

/// Whether it can be undone.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// By the agent's flags; for its life.
    Static,
    /// By an operation.
    Dynamic,
}

impl Reservation {
    /// A reservation by the agent's flags.
    pub fn fixed(role: impl Into<Role>) -> Self {
        Self { kind: ReservationKind::Static, role: role.into(), principal: None, labels: Labels::default() }
    }

    /// A reservation by an operation.
    pub fn dynamic(role: impl Into<Role>, principal: Option<&str>) -> Self {
        Self {
            kind: ReservationKind::Dynamic,
            role: role.into(),
            principal: principal.map(Into::into),
            labels: Labels::default(),
        }
    }
}

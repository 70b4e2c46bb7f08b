//! What a role is promised, and how much it may have at most.

use libprocess_wire as wire;

use crate::{Quantities, Role};

/// The quota of one role; only top-level roles have one.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    pub role: Role,
    /// Promised; a name that is missing is promised nothing.
    pub guarantees: Quantities,
    /// At most; a name that is missing has no limit.
    pub limits: Quantities,
}

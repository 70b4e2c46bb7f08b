//! Who the replica in a data directory is.

use libprocess_wire as wire;

use crate::{ClusterId, NodeId};

/// Who the replica in a data directory is.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// None until it is known to belong to one: such a replica votes for nobody.
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) node: NodeId,
}

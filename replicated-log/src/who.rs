//! Who this replica is, for all its parts: the node that lives in its directory, and the cluster once it has one.

use std::sync::{Arc, OnceLock};

use crate::{ClusterId, NodeId};

#[derive(Clone, Debug)]
pub(crate) struct Who(Arc<Ids>);

#[derive(Debug)]
struct Ids {
    node: NodeId,
    cluster: OnceLock<ClusterId>,
}

impl Who {
    pub(crate) fn new(node: NodeId, cluster: Option<ClusterId>) -> Who {
        let ids = Ids { node, cluster: OnceLock::new() };
        if let Some(cluster) = cluster {
            let _ = ids.cluster.set(cluster);
        }
        Who(Arc::new(ids))
    }

    pub(crate) fn node(&self) -> NodeId {
        self.0.node
    }

    pub(crate) fn cluster(&self) -> Option<ClusterId> {
        self.0.cluster.get().copied()
    }

    /// It belongs to this cluster, from now on and for good; it is on disk already.
    pub(crate) fn joined(&self, cluster: ClusterId) {
        let _ = self.0.cluster.set(cluster);
    }
}

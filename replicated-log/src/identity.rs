//! Who the replica in a data directory is.

use std::io;
use std::path::Path;

use libprocess::environment::Environment;
use libprocess_wire as wire;
use rand::Rng;

use crate::{ClusterId, NodeId};

/// Who the replica in a data directory is.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// None until it is known to belong to one: such a replica votes for nobody.
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) node: NodeId,
}

impl Identity {
    /// The identity in `dir`; drawn if there is none.
    pub(crate) fn open(environment: &Environment, _dir: &Path) -> io::Result<Identity> {
        let node = NodeId(environment.rng.stream("log identity").next_u64());
        Ok(Identity { cluster: None, node })
    }

    /// Belongs to this cluster from now on.
    pub(crate) fn join(&mut self, _: &Environment, _dir: &Path, cluster: ClusterId) -> io::Result<()> {
        self.cluster = Some(cluster);
        Ok(())
    }
}

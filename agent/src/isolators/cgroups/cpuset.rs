//! `cgroups/cpuset`: a container's processors and memory nodes. It gets those of the agent's own group; a v1 group would
//! be born with none, which the making of the group takes care of.

use agent_cgroups::{Group, Setting};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;

/// Placement alone: Mesos has no resource that names processors.
#[derive(Debug)]
pub(super) struct Cpuset;

impl Subsystem for Cpuset {
    fn plan(&self, _: &ContainerId, _: &Share, _: &Group, _: bool) -> Result<Vec<Setting>, String> {
        Ok(Vec::new())
    }
}

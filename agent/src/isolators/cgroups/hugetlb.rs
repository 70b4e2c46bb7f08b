//! `cgroups/hugetlb`: placement; what of huge pages a container uses is counted by the kernel.

use agent_cgroups::{Group, Setting};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;

/// Placement alone: Mesos has no resource of huge pages.
#[derive(Debug)]
pub(super) struct Hugetlb;

impl Subsystem for Hugetlb {
    fn plan(&self, _: &ContainerId, _: &Share, _: &Group, _: bool) -> Result<Vec<Setting>, String> {
        Ok(Vec::new())
    }
}

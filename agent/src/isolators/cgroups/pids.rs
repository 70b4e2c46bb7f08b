//! `cgroups/pids`: how many processes and threads a container has.

use agent_cgroups::{Group, Setting};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;
use crate::containerizer::Usage;

/// Counts; Mesos has no resource that would limit them, so only what is above the container does.
#[derive(Debug)]
pub(super) struct Pids;

impl Subsystem for Pids {
    fn plan(&self, _: &ContainerId, _: &Share, _: &Group, _: bool) -> Result<Vec<Setting>, String> {
        Ok(Vec::new())
    }

    fn usage(&self, _: &ContainerId, group: &Group, _: &Share, usage: &mut Usage) {
        if let Some(figures) = group.pids() {
            usage.threads = figures.current;
        }
    }
}

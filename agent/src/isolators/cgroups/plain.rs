//! Controllers that a container is put into and that take nothing from us: `cgroups/net_prio`, `cgroups/perf_event`.

use agent_cgroups::{Group, Setting};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;

/// Placement alone.
#[derive(Debug)]
pub(super) struct Plain(#[expect(dead_code, reason = "shown when it is printed")] pub &'static str);

impl Subsystem for Plain {
    fn plan(&self, _: &ContainerId, _: &Share, _: &Group, _: bool) -> Result<Vec<Setting>, String> {
        Ok(Vec::new())
    }
}

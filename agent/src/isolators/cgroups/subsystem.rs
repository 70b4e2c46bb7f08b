//! What one controller does with a container.

use std::fmt;

use agent_cgroups::{Group, Setting};
use model::ContainerId;

use super::shares::Share;
use crate::containerizer::Usage;
use crate::isolators::isolator::Limitation;

/// One controller.
pub(super) trait Subsystem: Send + Sync + fmt::Debug {
    /// What to write for a container that may use `share`, in this order. `new`: nothing runs in the group yet.
    ///
    /// Errors: it cannot be given what it asks for.
    fn plan(&self, id: &ContainerId, share: &Share, group: &Group, new: bool)
    -> Result<Vec<Setting>, String>;

    /// Gives a group what is no file to write. `new`: nothing runs in it yet.
    ///
    /// Errors: the kernel refuses.
    fn equip(&self, _: &ContainerId, _: &Group, _new: bool) -> Result<(), String> {
        Ok(())
    }

    /// Adds what the container uses, from the kernel's counters.
    fn usage(&self, _: &ContainerId, _: &Group, _: &Share, _: &mut Usage) {}

    /// What the container broke.
    fn limitation(&self, _: &Group) -> Option<Limitation> {
        None
    }

    /// Takes back what the container was given.
    fn cleanup(&self, _: &ContainerId) {}
}

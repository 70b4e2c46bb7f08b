//! What the captured agents went through.

pub(crate) mod cgroups;
pub(crate) mod checks;
pub(crate) mod custom;
pub(crate) mod standalone;
pub(crate) mod tasks;
pub(crate) mod volume;

//! How single values of the domain look in every old body.

mod names;
mod object;
mod resources;
mod run;

pub(super) use names::{drain_config, drain_info, some};
pub(super) use object::{List, Map, object, write_object};
pub(super) use resources::{by_role, full, full_by_role};
pub(super) use run::Command;

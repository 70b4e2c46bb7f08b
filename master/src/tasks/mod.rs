//! What happens to tasks: updates from agents, ends the master itself must tell, forgetting.

mod end;
mod forget;
mod kill;
mod status;
mod update;

pub(crate) use end::{end, ended_by_master};
pub(crate) use forget::{complete, complete_gone, complete_unreachable, leave_behind};
pub(crate) use kill::kill;
pub(crate) use status::status;
pub(crate) use update::update;

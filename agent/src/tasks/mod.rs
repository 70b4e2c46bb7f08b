//! What happens to tasks: run, killed, reported on.

mod kill;
mod report;
mod run;
mod settle;
mod update;

pub(crate) use kill::kill;
pub(crate) use report::{Report, Whose, report};
pub(crate) use run::{run_group, run_task};
pub(crate) use settle::{bury, settle};
pub(crate) use update::update;

//! Containers that are asked for over the agent's API: nested in another, or standing alone; tasks of groups, checks,
//! and people's shells.
//!
//! ```text
//! LAUNCH ─► intent on disk ─► held ─► volumes shown, identity on disk ─► running ─► ended ─► end on disk, kept for WAIT ─► REMOVE
//! ```
//!
//! Read in this order:
//! 1. [`call`]: what is asked, and what is answered;
//! 2. [`launch`], [`held`], [`plan`]: from the call to the running program, what it may be shown, and what it is run
//!    with;
//! 3. [`end`]: how it ended, and what became of those inside of what ended;
//! 4. [`ask`]: waiting, signals, removal.
//!
//! Left out on purpose: streams of input and output. They go from the edge to the supervisor, past the agent.

mod ask;
mod call;
mod end;
mod held;
mod launch;
mod plan;

pub(crate) use ask::{kill, remove, wait};
pub(crate) use call::{Awaits, ContainerCall, LaunchCall, Told};
pub(crate) use end::{abandon_inside, drop_inside, ended_durable, forget_strays, launch_failed, terminated};
pub(crate) use launch::{held, held_durable, intended, launch, launched, shown};
pub(crate) use plan::{knows, stdio, task_within};

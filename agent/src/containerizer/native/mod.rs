//! Containers made of plain processes: one supervisor each, which outlives the agent.
//!
//! ```text
//! Launch ─► waiting ─► fetching ─► starting ─► opening ─► held ─► leaving ─► running ─► ended ─► Forget
//!           (a lane)   (URIs)      (spawn)     (Held?)    (Go?)   (exec?)              (record)
//! ```
//!
//! Read in this order:
//! 1. [`state`]: where a container stands;
//! 2. [`decide`]: what happens to it, and what follows;
//! 3. [`effects`]: all it may ask of the world; [`done`]: what comes back;
//! 4. [`actor`]: the shell; with [`start`], [`watch`], [`recover`]: the work itself.

mod actor;
mod decide;
mod done;
mod effects;
mod recover;
mod start;
mod state;
mod watch;

pub use actor::{Config, Containerizer};
pub(crate) use done::Done;

//! Containers made of plain processes: one supervisor each, which outlives the agent.
//!
//! ```text
//! Launch ─► waiting ─► fetching ─► starting ─► opening ─► held ─► leaving ─► running ─► ended ─► Forget
//!           (a lane)   (URIs)      (spawn)     (Held?)    (Go?)   (exec?)              (record)
//! ```
//!
//! Read in this order:
//! 1. [`state`]: where a container stands;
//! 2. [`decide`]: everything that can happen to it; the rules are [`launch`], [`able`], [`end`], [`family`], [`recovered`];
//! 3. [`effects`]: all it may ask of the world; [`done`]: what comes back;
//! 4. [`actor`]: the shell; with [`bring`], [`start`], [`watch`], [`guard`], [`recover`], [`figures`]: the work itself.

mod able;
mod actor;
mod bring;
mod decide;
mod done;
mod effects;
mod end;
mod family;
mod figures;
mod guard;
mod launch;
mod recover;
mod recovered;
mod start;
mod state;
#[cfg(test)]
mod testing;
mod watch;

pub use actor::{Config, Containerizer};
pub(crate) use done::Done;
pub(crate) use recover::present;
pub(crate) use start::{in_sandbox, outermost, runtime_dir};

//! Calls about containers: launched, waited for, signalled, removed; their input and output attached to.
//!
//! Read in this order:
//! 1. [`calls`]: what is asked of the agent, and how its answers read;
//! 2. [`line`]: a line to a supervisor, which is where input and output are;
//! 3. [`output`], [`input`]: the streams, as the API spells them.
//!
//! Source: Mesos agent operator API.

mod calls;
mod input;
mod line;
mod output;

pub(super) use calls::{Outcome, launch_session, name, outcome};
pub(super) use input::attach_input;
pub(super) use output::{Spelling, attach_output};

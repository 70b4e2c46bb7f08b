//! What an agent knows, and what is always true of it.
//!
//! ```text
//! State ─┬─ Link                     to the master
//!        ├─ frameworks ─ Framework ─┬─ executors ─ Executor ─┬─ queued      waiting for the executor
//!        │                          │                        ├─ tasks       launched, not ended
//!        │                          │                        ├─ terminated  ended, their last update not acknowledged
//!        │                          │                        └─ completed   history
//!        │                          └─ completed executors   history
//!        ├─ completed frameworks     history
//!        ├─ containers ─ Container   asked for over the API: nested in those of executors, or standing alone
//!        └─ streams ─ Stream         status updates not yet acknowledged, per task
//! ```
//!
//! Maps are persistent and values shared: what HTTP reads is a clone of the roots.

mod container;
mod counters;
mod executor;
mod framework;
mod ids;
mod link;
mod settings;
mod whole;

pub(crate) use container::{Boxed, Container, ContainerEnd};
pub(crate) use counters::Counters;
pub(crate) use executor::{Ending, Executor, Phase, Queued, Run};
pub(crate) use framework::Framework;
pub(crate) use ids::Ids;
pub(crate) use link::Link;
pub(crate) use settings::Settings;
pub(crate) use whole::{Drain, Key, Life, State};

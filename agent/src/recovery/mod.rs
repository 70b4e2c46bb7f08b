//! What outlives the agent: what it writes down, and how it takes up again what an earlier one left.
//!
//! ```text
//! journal ── records ──► judge ──► replay ──► state ── Recover ──► containerizer
//!                                                            │ Recovered, and the ends among it
//!                        running ◄── reconnected ◄── SUBSCRIBE of each executor, or their time is over
//! ```

mod ledger;
mod reconfigured;
mod reconnect;
mod record;
mod replay;
mod sealed;
mod snapshot;

pub(crate) use ledger::Ledger;
pub use ledger::LedgerError;
pub(crate) use reconfigured::{Known, Verdict, judge};
pub use reconfigured::{ReconfigurationPolicy, Reconfigured};
pub(crate) use reconnect::{containers, reconnected, restored};
pub(crate) use record::{Durable, Record};
pub(crate) use replay::replay;
pub(crate) use sealed::Seal;
pub(crate) use snapshot::snapshot;

//! The agent: runs a machine's share of the cluster's tasks.
//!
//! Read in this order:
//! 1. [`state`]: what an agent knows, and what is always true of it;
//! 2. [`decide`]: everything that can happen to it, with the rule that answers;
//! 3. [`effects`]: everything it may ask of the world;
//! 4. [`recovery`]: what it writes down, and how it takes up what an earlier one left;
//! 5. [`actor`]: the shell that receives, decides and performs;
//! 6. [`containers`]: those asked for over the API, in executors' containers or beside them;
//! 7. [`http`]: what executors, operators and tools see of it; [`legacy`]: executors on old drivers;
//! 8. [`port`]: where executors find it again;
//! 9. [`containerizer`], [`fetcher`]: processes in sandboxes; [`isolators`]: what sets them apart;
//!    [`provisioner`]: root file systems of images.
//!
//! Left out on purpose: rules do no I/O, read no clock and roll no dice. Nothing here knows a master's code; the two
//! meet in `model::messages`.

mod actor;
mod alarms;
mod authorization;
mod config;
pub mod containerizer;
mod containers;
mod decide;
mod effects;
mod executors;
mod failpoint;
pub mod fetcher;
pub mod flags;
mod gc;
pub mod host;
mod http;
pub mod isolators;
mod layout;
mod legacy;
mod master;
mod messages;
mod metrics;
mod operations;
pub mod oversubscription;
pub mod port;
pub mod provisioner;
mod public;
mod recovery;
mod removals;
pub mod resources;
mod start;
mod state;
mod tasks;
#[cfg(test)]
mod testing;
mod updates;
mod waiting;

pub use actor::Agent;
pub use agent_launch::Rotation;
pub use config::{Config, Recover};
pub use flags::{FlagError, Flags};
pub use http::realms;
pub use messages::Letter;
pub use recovery::{LedgerError, ReconfigurationPolicy, Reconfigured};
pub use start::{StartError, spawn, spawn_on, stop};

//! As much of ZooKeeper's protocol as it takes to be found there, and to find.
//!
//! [`Ensemble`] says where it is; `jute` spells values; `session` keeps a connection and a session alive and carries
//! requests; `group` knows the nodes that masters publish. Source: the public protocol of ZooKeeper 3.4 and later.
//!
//! Own code and not a crate: those that are kept well bring a reactor of their own beside ours, and what is needed is
//! seven requests.

mod ensemble;
mod group;
mod jute;
mod session;

pub use ensemble::Ensemble;
pub(crate) use group::{Group, Node};
pub(crate) use session::{Session, SessionError, Ticket};

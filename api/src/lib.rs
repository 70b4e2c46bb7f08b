//! How the outside spells what a cluster is: the Mesos v1 API, as protobuf and as JSON.
//!
//! Read in this order:
//! 1. [`v1`]: the messages of the nine public packages, generated from `proto/`;
//! 2. [`google`]: the one type they borrow.
//!
//! Left out on purpose: sockets and processes. What a message means is said in `model`.

pub mod google;
pub mod v1;

//! How the outside spells what a cluster is: the Mesos v1 API, as protobuf and as JSON.
//!
//! Read in this order:
//! 1. [`v1`]: the messages of the nine public packages, generated from `proto/`;
//! 2. [`json`]: the Mesos JSON mapping, generated beside them;
//! 3. [`content`]: media types, and a body's way in and out of each;
//! 4. [`recordio`]: how a stream is cut into messages;
//! 5. [`convert`]: between these spellings and the domain;
//! 6. [`classic`], [`state`]: bodies that are older than the v1 API; its large answers, in parts;
//! 7. [`v0`]: the messages of drivers that are older still;
//! 8. [`google`]: the one type they borrow.
//!
//! Left out on purpose: sockets and processes. What a message means is said in `model`.

pub mod classic;
pub mod content;
pub mod convert;
pub mod google;
pub mod json;
mod protobuf;
pub mod recordio;
#[cfg(test)]
mod samples;
mod shape;
pub mod state;
pub mod v0;
pub mod v1;

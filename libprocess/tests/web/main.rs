//! The HTTP half of a node, from outside.

mod builtin;
mod edge;
mod feeds;
mod limits;
mod loopback;
mod served;

//! The HTTP half of a node, from outside.

mod adder;
mod builtin;
mod edge;
mod feeds;
mod legacy;
mod limits;
mod loopback;
mod processes;
mod served;

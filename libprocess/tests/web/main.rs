//! The HTTP half of a node, from outside.

mod builtin;
mod edge;
mod limits;
mod loopback;
mod served;

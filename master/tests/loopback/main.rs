//! A whole master on loopback, with an agent that pretends.

mod bad_input;
mod protobuf;
mod session;
mod stage;

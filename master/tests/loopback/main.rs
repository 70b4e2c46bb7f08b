//! A whole master on loopback, with an agent that pretends.

mod bad_input;
mod driver;
mod legacy;
mod metrics;
mod policies;
mod protobuf;
mod security;
mod session;
mod stage;

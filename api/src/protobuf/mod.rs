//! Messages in protobuf without making them first, where there are very many.
//!
//! Fields stand in the order of their numbers, as prost has them, so that the bytes are those of the message; they are written from
//! the last to the first. What few have is written by its message.
//!
//! 1. `write`: fields one by one;
//! 2. `resource`, `status`, `task`: what a task is made of, and the task;
//! 3. `agent`.

pub(crate) mod agent;
mod resource;
mod status;
pub(crate) mod task;
mod write;

pub(crate) use write::Backwards;

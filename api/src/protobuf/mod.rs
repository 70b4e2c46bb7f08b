//! Messages in protobuf without making them first, where there are very many.
//!
//! Fields are written in the order of their numbers, as prost does, so that the bytes are those of the message. What few have is
//! written by its message.
//!
//! 1. `write`: fields one by one;
//! 2. `resource`, `status`, `task`: what a task is made of, and the task.

mod resource;
mod status;
pub(crate) mod task;
mod write;

pub(crate) use write::wrapped;

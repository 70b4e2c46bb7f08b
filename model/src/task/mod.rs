//! Tasks: what is asked for, how it fares, and the record kept of it.

mod ended;
mod info;
mod reason;
mod record;
mod state;
mod status;

pub use ended::Ended;
pub use info::{InvalidGroup, InvalidTask, KillPolicy, Limit, TaskGroup, TaskInfo};
pub use reason::{StatusReason, StatusSource};
pub use record::Task;
pub use state::TaskState;
pub use status::TaskStatus;

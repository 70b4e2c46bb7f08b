//! Between ours: what a master hears from agents, and what an agent hears from its master.
//!
//! Each is a type of its own with a name and a version. Every message to an agent carries the
//! master's epoch; an agent refuses one older than the highest it has seen.

pub mod to_agent;
pub mod to_master;

pub use to_agent::{
    AcknowledgeOperation, AcknowledgeStatus, ApplyOperation, DrainAgent, FrameworkMessage, KillTask,
    LeaderIs, Ping, Registered, Reregistered, RunTask, RunTaskGroup, ShutdownAgent, ShutdownExecutor,
    ShutdownFramework, UpdateFramework,
};
pub use to_master::{
    ExecutorExited, ExecutorMessage, Instead, Oversubscribed, Pong, RegisterAgent, ReregisterAgent,
    RunningExecutor, UnregisterAgent, UpdateOperation, UpdateOperationV1, UpdateStatus,
};

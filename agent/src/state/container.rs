//! A container that was asked for over the agent's API: nested in another, or standing alone.

use std::path::Path;
use std::sync::Arc;

use libprocess_wire as wire;
use model::{ContainerId, Resources, StatusReason, TaskState};

use super::Run;
use crate::containerizer::Identity;

/// One of them. Those of executors are known by their executors.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub id: ContainerId,
    pub config: Arc<Boxed>,
    /// It lives for whoever reads it, and is not remembered across restarts of the agent.
    pub session: bool,
    /// Whether it is to outlive the agent; follows the executor around it.
    pub checkpoint: bool,
    pub run: Run,
    /// Who it is, once it exists.
    pub identity: Option<Identity>,
    /// How it ended. Kept until it, or what is around it, is removed.
    pub end: Option<ContainerEnd>,
    /// What it used of what it broke a limit of, if it ended for that.
    pub limitation: Option<Resources>,
}

/// What is to be known of a container after its launch.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boxed {
    /// Its sandbox; a session shares that of its parent.
    pub sandbox: String,
    /// Whom it runs as; the agent's own user if `None`.
    pub user: Option<String>,
    /// Its whole environment, which sessions in it inherit.
    pub environment: Vec<(String, String)>,
    /// What it may use, of what is around it or, standing alone, of the machine.
    pub resources: Resources,
}

/// How a container ended.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContainerEnd {
    /// The raw wait status of its first process, if it is known.
    pub status: Option<i32>,
    /// What the agent knows of it, besides.
    pub state: Option<TaskState>,
    pub reason: Option<StatusReason>,
    pub message: Option<String>,
}

impl Container {
    pub(crate) fn sandbox(&self) -> &Path {
        Path::new(&self.config.sandbox)
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.run == Run::Ended
    }

    /// Its first process, once it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self.run {
            Run::Running(pid) => Some(pid),
            _ => None,
        }
    }
}

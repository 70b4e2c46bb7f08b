//! A framework as its agent knows it: through its executors.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use model::{ExecutorId, FrameworkId, FrameworkInfo};

use super::Executor;

/// A framework that has, or had, executors here.
#[derive(Clone, Debug)]
pub(crate) struct Framework {
    pub id: FrameworkId,
    pub info: Arc<FrameworkInfo>,
    /// The master has ended it; its executors are being shut down and nothing new starts.
    pub terminating: bool,
    pub executors: OrdMap<ExecutorId, Arc<Executor>>,
    /// Executors that ended, oldest first, at most `max_completed_executors_per_framework`.
    pub completed: Vector<Arc<Executor>>,
}

impl Framework {
    pub(crate) fn new(id: FrameworkId, info: Arc<FrameworkInfo>) -> Self {
        Self { id, info, terminating: false, executors: OrdMap::new(), completed: Vector::new() }
    }
}

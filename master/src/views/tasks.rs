//! Tasks: running, unreachable and completed ones, of running and of completed frameworks.

use std::sync::Arc;

use api::v1;
use api::v1::master::response::GetTasks;
use model::Task;

use crate::state::{Framework, Snapshot};

/// All tasks that are remembered, framework by framework.
pub(crate) fn all(snapshot: &Snapshot) -> impl Iterator<Item = &Task> {
    frameworks(snapshot).flat_map(|framework| {
        let running = framework.tasks.values().chain(framework.unreachable_tasks.values());
        running.chain(&framework.completed_tasks).map(|task| &**task)
    })
}

/// GET_TASKS.
pub(crate) fn get_tasks(snapshot: &Snapshot) -> GetTasks {
    let v1 = |task: &Arc<Task>| v1::Task::from(&**task);
    GetTasks {
        tasks: frameworks(snapshot).flat_map(|framework| framework.tasks.values()).map(v1).collect(),
        unreachable_tasks: frameworks(snapshot)
            .flat_map(|framework| framework.unreachable_tasks.values())
            .map(v1)
            .collect(),
        completed_tasks: frameworks(snapshot)
            .flat_map(|framework| &framework.completed_tasks)
            .map(v1)
            .collect(),
        ..GetTasks::default()
    }
}

fn frameworks(snapshot: &Snapshot) -> impl Iterator<Item = &Framework> {
    snapshot.frameworks.values().chain(&snapshot.completed_frameworks).map(|framework| &**framework)
}

//! Executors that frameworks brought; those that agents make for command tasks are the agents' affair.

use api::v1::master::response::{GetExecutors, get_executors};
use model::{AgentId, ExecutorInfo};

use crate::state::{Framework, Snapshot};

/// A framework's executors, agent by agent.
pub(crate) fn of<'a>(
    snapshot: &'a Snapshot,
    framework: &'a Framework,
) -> impl Iterator<Item = (&'a AgentId, &'a ExecutorInfo)> {
    let used = snapshot.uses(framework);
    used.flat_map(|(id, used)| used.executors.values().map(move |info| (id, &**info)))
}

/// GET_EXECUTORS.
pub(crate) fn get_executors(snapshot: &Snapshot) -> GetExecutors {
    let executors = snapshot.frameworks.values().flat_map(|framework| of(snapshot, framework));
    GetExecutors {
        executors: executors
            .map(|(agent, info)| get_executors::Executor {
                executor_info: info.into(),
                agent_id: agent.into(),
            })
            .collect(),
        orphan_executors: Vec::new(),
    }
}

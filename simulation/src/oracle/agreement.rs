//! Whether everybody agrees, once all is well again.

use std::collections::BTreeSet;

use model::{TaskId, TaskState};

use crate::cluster::Cluster;
use crate::workload::Record;

/// Whether frameworks, master and machines agree on what runs. Only to be asked when nothing is under way.
pub(crate) fn agreement(cluster: &Cluster, records: &[(&str, &Record)]) -> Vec<String> {
    let Some(snapshot) = cluster.leader() else { return vec!["nobody leads".to_owned()] };
    let mut wrongs = Vec::new();
    for (name, record) in records {
        let Some(framework) = snapshot.frameworks.values().find(|framework| framework.info.name == **name)
        else {
            wrongs.push(format!("the leader does not know framework {name}"));
            continue;
        };
        let held: BTreeSet<&TaskId> = framework
            .tasks
            .iter()
            .filter(|(_, task)| !task.state.is_terminal())
            .map(|(id, _)| id)
            .chain(framework.unreachable_tasks.keys())
            .collect();
        let live: BTreeSet<&TaskId> = record.live.keys().collect();
        let only = |these: &BTreeSet<&TaskId>, those: &BTreeSet<&TaskId>| {
            let names: Vec<String> = these.difference(those).take(5).map(ToString::to_string).collect();
            names.join(", ")
        };
        // A leader that never saw an agent knows nothing of its tasks: who asks hears that they are out of reach.
        let out_of_reach = |state| state == TaskState::Unreachable && !snapshot.unreachable.is_empty();
        let sure: BTreeSet<&TaskId> =
            record.live.iter().filter(|(_, life)| !out_of_reach(life.state)).map(|(id, _)| id).collect();
        if !sure.is_subset(&held) {
            wrongs.push(format!(
                "framework {name} believes that {} run, and the master does not",
                only(&sure, &held)
            ));
        }
        if !held.is_subset(&live) {
            wrongs.push(format!(
                "the master believes that {} of {name} run, and it does not",
                only(&held, &live)
            ));
        }
    }
    let known: usize = snapshot
        .frameworks
        .values()
        .map(|framework| framework.tasks.values().filter(|task| !task.state.is_terminal()).count())
        .sum();
    let found: usize = (0..cluster.agents()).map(|agent| cluster.containers(agent)).sum();
    if found != known {
        wrongs.push(format!("{found} containers run, and the master knows of {known} tasks that do"));
    }
    wrongs
}

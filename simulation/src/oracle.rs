//! What must be true of a cluster, whatever goes wrong in it.
//!
//! | asked | when |
//! |---|---|
//! | at most one master leads at a time, and epochs are never led twice | at every look |
//! | what is held, offered and free of an agent is what it has | at every look |
//! | no role has more than its quota allows | at every look |
//! | an agent that was admitted stays known to every later leader | at every look |
//! | each task ends once, and nobody hears of one that was not launched | at every update ([`record`](crate::workload::record)) |
//! | frameworks, master and machines agree on what runs | once everything has settled |

use std::collections::{BTreeMap, BTreeSet};

use master::Snapshot;
use model::{AgentId, Quantities, Resources, Role, TaskId};

use crate::cluster::Cluster;
use crate::workload::Record;

/// How many wrongs are remembered; one is enough to fail.
const WRONGS_MAX: usize = 100;

/// Remembers what was true, and notes what must not be.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// Shape: epoch → the number of the master that led in it.
    epochs: BTreeMap<u64, usize>,
    admitted: BTreeSet<AgentId>,
    pub(crate) wrongs: Vec<String>,
    /// What is worth knowing and no wrong.
    pub(crate) notes: Vec<String>,
    pub(crate) elections: usize,
}

impl Oracle {
    /// Looks at everything that must hold at every moment.
    pub(crate) fn look(&mut self, cluster: &Cluster) {
        let leading: Vec<_> = cluster.leading().collect();
        if leading.len() > 1 {
            let numbers: Vec<usize> = leading.iter().map(|(number, _)| *number).collect();
            self.wrong(cluster, format!("masters {numbers:?} lead at one time"));
        }
        for (number, snapshot) in leading {
            self.reign(cluster, number, &snapshot);
            let wrongs: Vec<String> = books(&snapshot)
                .into_iter()
                .chain(quotas(&snapshot))
                .chain(self.forgotten(&snapshot))
                .collect();
            wrongs.into_iter().for_each(|wrong| self.wrong(cluster, wrong));
            self.admitted.extend(snapshot.agents.keys().cloned());
        }
    }

    fn reign(&mut self, cluster: &Cluster, number: usize, snapshot: &Snapshot) {
        let epoch = snapshot.identity.epoch;
        match self.epochs.get(&epoch) {
            None => {
                self.elections += 1;
                if self.epochs.last_key_value().is_some_and(|(last, _)| *last > epoch) {
                    self.wrong(
                        cluster,
                        format!("master {number} leads in epoch {epoch}, and a later one was led in"),
                    );
                }
                self.epochs.insert(epoch, number);
            }
            Some(first) if *first != number => {
                let first = *first;
                self.wrong(cluster, format!("masters {first} and {number} both led in epoch {epoch}"));
            }
            Some(_) => {}
        }
    }

    /// Agents that a leader had admitted and this one has never heard of.
    fn forgotten(&self, snapshot: &Snapshot) -> Vec<String> {
        let known = |id: &AgentId| {
            snapshot.agents.contains_key(id)
                || snapshot.recovered.contains_key(id)
                || snapshot.unreachable.contains_key(id)
                || snapshot.gone.contains_key(id)
        };
        let lost = self.admitted.iter().filter(|id| !known(id));
        lost.map(|id| format!("agent {id} was admitted, and the leader does not know it")).collect()
    }

    pub(crate) fn wrong(&mut self, cluster: &Cluster, what: String) {
        if self.wrongs.len() < WRONGS_MAX {
            self.wrongs.push(dated(cluster, &what));
        }
    }

    pub(crate) fn note(&mut self, cluster: &Cluster, what: String) {
        if self.notes.len() < WRONGS_MAX {
            self.notes.push(dated(cluster, &what));
        }
    }
}

fn dated(cluster: &Cluster, what: &str) -> String {
    format!("at {:.3} s: {what}", cluster.now().as_secs_f64())
}

/// Whether of every agent nothing is given twice, and nothing lost.
fn books(snapshot: &Snapshot) -> Vec<String> {
    let mut wrongs = Vec::new();
    for agent in snapshot.agents.values() {
        let mut spoken = agent.offered.unallocate();
        for used in agent.used.values() {
            spoken += &used.resources.unallocate();
        }
        if agent.overcommitted {
            continue;
        }
        let total = &agent.total;
        let mut whole = spoken.clone();
        whole += &agent.free;
        if !total.contains(&spoken) {
            wrongs.push(format!("agent {} has {total}, and {spoken} of it is used or offered", agent.id));
        } else if whole != *total {
            wrongs
                .push(format!("agent {} has {total}, and {whole} of it is used, offered or free", agent.id));
        }
    }
    wrongs
}

/// Whether no role uses more than its quota allows. Offers count, since they may be accepted.
fn quotas(snapshot: &Snapshot) -> Vec<String> {
    if snapshot.policy.quotas.is_empty() {
        return Vec::new();
    }
    let mut used: BTreeMap<Role, Resources> = BTreeMap::new();
    for agent in snapshot.agents.values() {
        let shares = agent.used.values().map(|used| &used.resources);
        for (role, resources) in shares.flat_map(Resources::allocations) {
            *used.entry(role).or_default() += &resources;
        }
    }
    let mut wrongs = Vec::new();
    for (role, quota) in &snapshot.policy.quotas {
        let below = |other: &Role| {
            other == role
                || other.as_str().strip_prefix(role.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let mut sum = Resources::default();
        used.iter().filter(|(other, _)| below(other)).for_each(|(_, resources)| sum += resources);
        let sum = sum.quantities();
        for (name, limit) in quota.limits.iter() {
            if sum.get(name) > limit {
                wrongs.push(format!("role {role} uses {} {name}, and its limit is {limit}", sum.get(name)));
            }
        }
    }
    wrongs
}

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
        if !live.is_subset(&held) {
            wrongs.push(format!(
                "framework {name} believes that {} run, and the master does not",
                only(&live, &held)
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

/// What a role holds, by name of resource.
pub(crate) fn held(snapshot: &Snapshot) -> BTreeMap<Role, Quantities> {
    let mut used: BTreeMap<Role, Resources> = BTreeMap::new();
    for agent in snapshot.agents.values() {
        for (role, resources) in agent.used.values().flat_map(|used| used.resources.allocations()) {
            *used.entry(role).or_default() += &resources;
        }
    }
    used.into_iter().map(|(role, resources)| (role, resources.scalar_quantities())).collect()
}

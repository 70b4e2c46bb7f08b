//! What must be true of a cluster, whatever goes wrong in it.
//!
//! | asked | when |
//! |---|---|
//! | at most one master leads at a time, and epochs are never led twice | at every look |
//! | what is held, offered and free of an agent is what it has ([`ledger`]) | at every look |
//! | no role takes more than its quota allows ([`quota`]) | at every look |
//! | an agent that was admitted stays known to every later leader | at every look |
//! | what becomes free goes to who has least for its weight ([`fairness`]) | at every look, where tasks are alike and all is calm |
//! | each task ends once, and nobody hears of one that was not launched | at every update ([`record`](crate::workload::record)) |
//! | frameworks, master and machines agree on what runs ([`agreement`]) | once everything has settled |

mod agreement;
mod fairness;
mod ledger;
mod quota;

use std::collections::{BTreeMap, BTreeSet};

use master::Snapshot;
use model::{AgentId, Quantities, Role};

pub(crate) use agreement::agreement;
pub(crate) use fairness::{Fairness, Standing};
use ledger::Ledger;
use quota::Debts;

use crate::cluster::Cluster;

/// How many wrongs are remembered; one is enough to fail.
const WRONGS_MAX: usize = 100;

/// Remembers what was true, and notes what must not be.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// Shape: epoch → the number of the master that led in it.
    epochs: BTreeMap<u64, usize>,
    /// Agents that were registered, and on which machine.
    admitted: BTreeMap<AgentId, String>,
    /// Machines that operators took down: masters forget agents of those.
    taken_down: BTreeSet<String>,
    pub(crate) wrongs: Vec<String>,
    /// What is worth knowing and no wrong.
    pub(crate) notes: Vec<String>,
    pub(crate) elections: usize,
    ledger: Ledger,
    debts: Debts,
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
            let news = self.ledger.take(&snapshot);
            let limits = snapshot.policy.quotas.iter().map(|(role, quota)| (role, &quota.limits));
            let over = self.debts.look(limits, self.ledger.held(), &news.brought);
            let wrongs = news.wrongs.into_iter().chain(over).chain(self.forgotten(&snapshot, news.arrived));
            let wrongs: Vec<String> = wrongs.collect();
            wrongs.into_iter().for_each(|wrong| self.wrong(cluster, wrong));
        }
    }

    /// What roles held when the leader was last looked at.
    pub(crate) fn held(&self) -> &BTreeMap<Role, Quantities> {
        self.ledger.held()
    }

    /// What all agents had together.
    pub(crate) fn total(&self) -> &Quantities {
        self.ledger.total()
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
                // It shares out as soon as most agents have come to it: what the last ones bring is on top of that,
                // and both may have happened since the last look.
                self.debts = Debts::default();
            }
            Some(first) if *first != number => {
                let first = *first;
                self.wrong(cluster, format!("masters {first} and {number} both led in epoch {epoch}"));
            }
            Some(_) => {}
        }
    }

    /// Agents that a leader had admitted and this one has never heard of.
    fn forgotten(&mut self, snapshot: &Snapshot, arrived: Vec<(AgentId, String)>) -> Vec<String> {
        self.admitted.extend(arrived);
        // As long as none has gone, nobody can have been forgotten.
        if self.admitted.len() == snapshot.agents.len() {
            return Vec::new();
        }
        let known = |id: &AgentId| {
            snapshot.agents.contains_key(id)
                || snapshot.recovered.contains_key(id)
                || snapshot.unreachable.contains_key(id)
                || snapshot.gone.contains_key(id)
        };
        let lost = self.admitted.iter().filter(|(id, host)| !self.taken_down.contains(*host) && !known(id));
        lost.map(|(id, _)| format!("agent {id} was admitted, and the leader does not know it")).collect()
    }

    /// An operator takes a machine down.
    pub(crate) fn take_down(&mut self, machine: String) {
        self.taken_down.insert(machine);
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

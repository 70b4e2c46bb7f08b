//! What the registry holds, and what each change does to it: plain functions, the same on every replica.

use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;
use model::{AgentId, AgentInfo, Role, Time, Weight};

use super::delta::{Delta, Refused};

/// The facts that outlive a master. Cloning costs a few pointers.
///
/// An agent is in at most one of the three lists; see [`check`](Registry::check).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// Who leads: id and address.
    pub leader: Option<(String, String)>,
    /// Agents that may run tasks.
    pub admitted: OrdMap<AgentId, Arc<AgentInfo>>,
    /// Agents that stopped answering, and since when.
    pub unreachable: OrdMap<AgentId, Time>,
    /// Agents that will never be back, and since when.
    pub gone: OrdMap<AgentId, Time>,
    /// Roles whose weight operators set.
    pub weights: OrdMap<Role, Weight>,
}

/// How long, and how many, agents are remembered as unreachable or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryLimits {
    /// Older entries are dropped.
    pub age: Duration,
    /// Beyond this many, the oldest are dropped; counted per list.
    pub count: usize,
}

impl Registry {
    /// What the change would do: `Ok(false)` when nothing, so that it need not be written at all.
    ///
    /// Errors: the change contradicts the content.
    pub fn judge(&self, delta: &Delta) -> Result<bool, Refused> {
        match delta {
            Delta::RecordLeader { .. } => Ok(true),
            Delta::AdmitAgent { id, info } => match self.admitted.get(id) {
                _ if self.gone.contains_key(id) => Err(Refused::Gone(id.clone())),
                Some(known) if known == info => Ok(false),
                Some(_) => Err(Refused::Known(id.clone())),
                None => Ok(true),
            },
            Delta::UpdateAgent { id, info } => match self.admitted.get(id) {
                Some(known) => Ok(known != info),
                None => Err(self.absent(id)),
            },
            Delta::RemoveAgent { id } => {
                Ok(self.admitted.contains_key(id) || self.unreachable.contains_key(id))
            }
            Delta::MarkUnreachable { id, .. } => match self.admitted.contains_key(id) {
                true => Ok(true),
                false if self.unreachable.contains_key(id) => Ok(false),
                false => Err(self.absent(id)),
            },
            Delta::MarkReachable { id, info } => match self.gone.contains_key(id) {
                true => Err(Refused::Gone(id.clone())),
                false => Ok(self.admitted.get(id) != Some(info)),
            },
            Delta::MarkGone { id, .. } => {
                match self.admitted.contains_key(id) || self.unreachable.contains_key(id) {
                    true => Ok(true),
                    false if self.gone.contains_key(id) => Ok(false),
                    false => Err(Refused::Unknown(id.clone())),
                }
            }
            Delta::Prune { unreachable, gone } => {
                Ok(unreachable.iter().any(|id| self.unreachable.contains_key(id))
                    || gone.iter().any(|id| self.gone.contains_key(id)))
            }
            Delta::UpdateWeights { weights } => {
                Ok(weights.iter().any(|weight| self.weights.get(&weight.role) != Some(weight)))
            }
        }
    }

    /// Carries the change out; `Ok(false)` when it changed nothing.
    ///
    /// Errors: the change contradicts the content, which stays as it was.
    pub fn apply(&mut self, delta: &Delta) -> Result<bool, Refused> {
        if !self.judge(delta)? {
            return Ok(false);
        }
        match delta {
            Delta::RecordLeader { master, address } => self.leader = Some((master.clone(), address.clone())),
            Delta::AdmitAgent { id, info }
            | Delta::UpdateAgent { id, info }
            | Delta::MarkReachable { id, info } => {
                self.unreachable.remove(id);
                self.admitted.insert(id.clone(), info.clone());
            }
            Delta::RemoveAgent { id } => {
                self.admitted.remove(id);
                self.unreachable.remove(id);
            }
            Delta::MarkUnreachable { id, at } => {
                self.admitted.remove(id);
                self.unreachable.insert(id.clone(), *at);
            }
            Delta::MarkGone { id, at } => {
                self.admitted.remove(id);
                self.unreachable.remove(id);
                self.gone.insert(id.clone(), *at);
            }
            Delta::Prune { unreachable, gone } => {
                for id in unreachable {
                    self.unreachable.remove(id);
                }
                for id in gone {
                    self.gone.remove(id);
                }
            }
            Delta::UpdateWeights { weights } => {
                for weight in weights {
                    self.weights.insert(weight.role.clone(), weight.clone());
                }
            }
        }
        Ok(true)
    }

    /// The change that brings both lists back within their limits, if they are beyond.
    pub fn overdue(&self, limits: RegistryLimits, now: Time) -> Option<Delta> {
        let unreachable = overdue(&self.unreachable, limits, now);
        let gone = overdue(&self.gone, limits, now);
        (!unreachable.is_empty() || !gone.is_empty()).then_some(Delta::Prune { unreachable, gone })
    }

    /// States what is always true: an agent is in one list at most.
    pub fn check(&self) {
        for id in self.unreachable.keys() {
            assert!(!self.admitted.contains_key(id), "agent {id} is both admitted and unreachable");
        }
        for id in self.gone.keys() {
            assert!(!self.admitted.contains_key(id), "agent {id} is both admitted and gone");
            assert!(!self.unreachable.contains_key(id), "agent {id} is both unreachable and gone");
        }
    }

    fn absent(&self, id: &AgentId) -> Refused {
        match self.gone.contains_key(id) {
            true => Refused::Gone(id.clone()),
            false => Refused::Unknown(id.clone()),
        }
    }
}

/// Ids older than the age, and the oldest of those beyond the count.
fn overdue(
    list: &OrdMap<AgentId, Time>,
    limits: RegistryLimits,
    now: Time,
) -> std::collections::BTreeSet<AgentId> {
    let mut by_age: Vec<(Time, &AgentId)> = list.iter().map(|(id, at)| (*at, id)).collect();
    by_age.sort_unstable();
    let beyond = by_age.len().saturating_sub(limits.count);
    by_age
        .iter()
        .enumerate()
        .filter(|(position, (at, _))| *position < beyond || *at + limits.age < now)
        .map(|(_, (_, id))| (*id).clone())
        .collect()
}

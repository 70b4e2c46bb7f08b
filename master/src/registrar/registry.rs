//! What the registry holds, and what each change does to it: plain functions, the same on every replica.

use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;
use model::{AgentId, AgentInfo, Role, Time, Weight};

use super::delta::{Delta, Refused};
use super::policy::Policy;

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
    /// What else they decreed.
    pub policy: Policy,
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
            Delta::DrainAgent { id, .. }
            | Delta::MarkDrained { id }
            | Delta::DeactivateAgent { id }
            | Delta::ReactivateAgent { id } => {
                match self.admitted.contains_key(id) || self.unreachable.contains_key(id) {
                    true => Ok(self.policy.after(delta) != self.policy),
                    false => Err(self.absent(id)),
                }
            }
            Delta::UpdateQuota { .. }
            | Delta::UpdateSchedule { .. }
            | Delta::StartMaintenance { .. }
            | Delta::StopMaintenance { .. } => Ok(self.policy.after(delta) != self.policy),
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
            Delta::UpdateQuota { .. }
            | Delta::UpdateSchedule { .. }
            | Delta::StartMaintenance { .. }
            | Delta::StopMaintenance { .. }
            | Delta::DrainAgent { .. }
            | Delta::MarkDrained { .. }
            | Delta::DeactivateAgent { .. }
            | Delta::ReactivateAgent { .. } => {}
        }
        self.policy = self.policy.after(delta);
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

/// So many are forgotten at once.
const PRUNED_MAX: usize = 10_000;

/// Ids older than the age, and the oldest of those beyond the count; the rest of very many follow the next time.
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
        .take(PRUNED_MAX)
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use model::{MachineId, Quantities, Quota, Scalar, Unavailability, Window};

    use super::*;

    fn info(port: u16) -> Arc<AgentInfo> {
        Arc::new(AgentInfo {
            id: None,
            hostname: "h".into(),
            port,
            resources: Default::default(),
            attributes: Default::default(),
            domain: None,
        })
    }

    fn admit(id: &str) -> Delta {
        Delta::AdmitAgent { id: id.into(), info: info(1) }
    }

    fn at(secs: i64) -> Time {
        Time::from_nanos(secs * 1_000_000_000)
    }

    fn registry(deltas: &[Delta]) -> Registry {
        let mut registry = Registry::default();
        deltas.iter().for_each(|delta| drop(registry.apply(delta)));
        registry
    }

    #[test]
    fn an_agent_moves_between_the_lists_and_gone_is_final() {
        let mut registry = registry(&[admit("a")]);
        let (id, back) = (AgentId::from("a"), info(2));
        assert_eq!(registry.apply(&Delta::MarkUnreachable { id: id.clone(), at: at(1) }), Ok(true));
        assert_eq!(registry.unreachable.get(&id), Some(&at(1)));
        assert_eq!(registry.apply(&Delta::MarkReachable { id: id.clone(), info: back.clone() }), Ok(true));
        assert_eq!(registry.admitted.get(&id), Some(&back));
        assert_eq!(registry.apply(&Delta::MarkGone { id: id.clone(), at: at(2) }), Ok(true));
        let refused = Err(Refused::Gone(id.clone()));
        assert_eq!(registry.apply(&Delta::MarkReachable { id: id.clone(), info: back }), refused);
        assert_eq!(registry.apply(&admit("a")), refused);
    }

    #[test]
    fn what_is_so_already_needs_no_writing() {
        let registry = registry(&[admit("a")]);
        assert_eq!(registry.judge(&admit("a")), Ok(false));
        assert_eq!(registry.judge(&Delta::UpdateAgent { id: "a".into(), info: info(1) }), Ok(false));
        assert_eq!(registry.judge(&Delta::RemoveAgent { id: "b".into() }), Ok(false));
        let other = Delta::AdmitAgent { id: "a".into(), info: info(2) };
        assert_eq!(registry.judge(&other), Err(Refused::Known("a".into())));
    }

    #[test]
    fn the_old_and_the_oldest_beyond_the_count_are_overdue() {
        let mut registry = Registry::default();
        for (id, since) in [("a", 1), ("b", 50), ("c", 60), ("d", 70)] {
            registry.apply(&admit(id)).unwrap();
            registry.apply(&Delta::MarkUnreachable { id: id.into(), at: at(since) }).unwrap();
        }
        let limits = RegistryLimits { age: Duration::from_secs(90), count: 2 };
        let prune = registry.overdue(limits, at(100)).expect("there are old ones");
        registry.apply(&prune).unwrap();
        let left: Vec<&str> = registry.unreachable.keys().map(AgentId::as_str).collect();
        assert_eq!(left, ["c", "d"]);
        assert_eq!(registry.overdue(limits, at(100)), None);
    }

    fn machine(id: &AgentId) -> MachineId {
        MachineId { hostname: Some(id.as_str().to_owned()), ip: None }
    }

    pub(in super::super) fn deltas() -> impl Strategy<Value = Vec<Delta>> {
        let id = || prop::sample::select(vec!["a", "b", "c"]).prop_map(AgentId::from);
        let delta = prop_oneof![
            (id(), 1u16..3).prop_map(|(id, port)| Delta::AdmitAgent { id, info: info(port) }),
            (id(), 1u16..3).prop_map(|(id, port)| Delta::UpdateAgent { id, info: info(port) }),
            id().prop_map(|id| Delta::RemoveAgent { id }),
            (id(), 0i64..9).prop_map(|(id, time)| Delta::MarkUnreachable { id, at: at(time) }),
            (id(), 1u16..3).prop_map(|(id, port)| Delta::MarkReachable { id, info: info(port) }),
            (id(), 0i64..9).prop_map(|(id, time)| Delta::MarkGone { id, at: at(time) }),
            id().prop_map(|id| Delta::DrainAgent { id, config: Default::default() }),
            id().prop_map(|id| Delta::MarkDrained { id }),
            id().prop_map(|id| Delta::DeactivateAgent { id }),
            id().prop_map(|id| Delta::ReactivateAgent { id }),
            id().prop_map(|id| Delta::StartMaintenance { machines: vec![machine(&id)] }),
            id().prop_map(|id| Delta::StopMaintenance { machines: vec![machine(&id)] }),
            id().prop_map(|id| Delta::UpdateSchedule {
                windows: vec![Window {
                    machines: vec![machine(&id)],
                    unavailability: Unavailability { start: at(1), duration: None },
                }],
            }),
            (id(), 0i64..3).prop_map(|(id, cpus)| Delta::UpdateQuota {
                quotas: vec![Quota {
                    role: id.as_str().into(),
                    guarantees: Quantities::new(),
                    limits: (0..cpus).map(|_| ("cpus", Scalar::whole(1))).collect(),
                }],
            }),
            id().prop_map(|id| Delta::Prune { unreachable: [id.clone()].into(), gone: [id].into() }),
        ];
        proptest::collection::vec(delta, 0..60)
    }

    proptest! {
        #[test]
        fn no_history_puts_an_agent_into_two_lists(history in deltas()) {
            let mut registry = Registry::default();
            for delta in history {
                let (before, judged) = (registry.clone(), registry.judge(&delta));
                prop_assert_eq!(registry.apply(&delta), judged.clone());
                prop_assert_eq!(judged == Ok(true), before != registry, "{} changes it or is no change", delta);
                registry.check();
            }
        }

        #[test]
        fn a_delta_travels_as_bytes(history in deltas()) {
            for delta in history {
                let bytes = libprocess_wire::encode(&delta);
                prop_assert_eq!(libprocess_wire::decode::<Delta>(&bytes).unwrap(), delta);
            }
        }
    }
}

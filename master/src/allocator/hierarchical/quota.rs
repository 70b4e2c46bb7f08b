//! Runs while roles have quota: guarantees first, and nobody beyond a limit or into what others are still promised.
//!
//! A run has two stages then: first only roles that miss something of what they were promised are asked, then everybody.
//! What both may take is said by the [`ledger`](super::ledger). Who was kept back is asked again when that says more.
//!
//! Source: Mesos hierarchical allocator, the two stages of a cycle.

use model::Quota;

use super::Hierarchical;
use super::portion::Contents;
use crate::allocator::sorter::Class;

/// One pass over the agents of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Roles that miss something.
    Promised,
    /// Everybody.
    All,
}

impl Hierarchical {
    /// Replaces the quotas of the roles named; one that promises nothing and limits nothing is forgotten.
    pub(super) fn set_quotas(&mut self, quotas: &[Quota]) {
        for quota in quotas {
            self.ledger.set_quota(quota, &mut self.names);
        }
        self.reclass();
        self.dirty.agents.join(&self.agents.idle);
    }

    /// Has the tree know which roles miss something and which have all they may have.
    pub(super) fn reclass(&mut self) {
        while let Some((role, class)) = self.ledger.take_reclassed() {
            self.tree.set_class(role.as_str(), class);
        }
    }

    /// Names those who may take more than when they were kept back.
    pub(super) fn ease(&mut self) {
        if self.ledger.take_relief() {
            self.dirty.agents.join(&self.agents.idle);
        }
        for role in self.ledger.take_eased() {
            self.dirty.clients.extend(self.tree.below(role.as_str()));
        }
    }

    /// The passes of a run.
    pub(super) fn stages(&self) -> &'static [Stage] {
        match self.ledger.is_idle() || !self.tree.has(Class::Hungry) {
            true => &[Stage::All],
            false => &[Stage::Promised, Stage::All],
        }
    }

    /// Whom it makes sense to ask about an agent with this in it.
    pub(super) fn classes(&mut self, stage: Stage, contents: Contents) -> &'static [Class] {
        match stage {
            Stage::Promised => &[Class::Hungry],
            Stage::All if self.ledger.is_idle() || !contents.is_plain() => Class::ALL,
            Stage::All if self.ledger.has_headroom() => &[Class::Hungry, Class::Open],
            Stage::All => {
                self.ledger.note_scarcity();
                &[Class::Hungry]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use model::{
        AgentCapabilities, AgentCapability, AgentInfo, FrameworkCapability, FrameworkInfo, Quantities, Quota,
        Role, Scalar, Time,
    };
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use crate::allocator::{Agent, Allocator, Framework, Hierarchical};

    fn framework(id: &str, role: &str) -> Framework {
        let mut info = FrameworkInfo::new(id, "root");
        info.roles = vec![Role::from(role)];
        info.capabilities = [FrameworkCapability::MultiRole].into_iter().collect();
        Framework { id: id.into(), info: Arc::new(info), suppressed: BTreeSet::new(), constraints: None }
    }

    fn agent(id: &str, resources: &str) -> Agent {
        let resources: model::Resources = resources.parse().unwrap();
        let info = AgentInfo {
            id: Some(id.into()),
            hostname: id.into(),
            port: 1,
            resources: resources.clone(),
            attributes: Default::default(),
            domain: None,
        };
        let capabilities = AgentCapabilities(AgentCapability::ALL.into_iter().collect());
        Agent { id: id.into(), incarnation: 1, info: Arc::new(info), capabilities, total: resources }
    }

    fn quota(role: &str, guarantee: i64, limit: Option<i64>) -> Quota {
        let cpus = |amount: i64| Quantities::from_iter([("cpus", Scalar::whole(amount))]);
        Quota {
            role: role.into(),
            guarantees: if guarantee == 0 { Quantities::new() } else { cpus(guarantee) },
            limits: limit.map(cpus).unwrap_or_default(),
        }
    }

    /// Shape: framework → cpus it was given.
    fn given(allocator: &mut Hierarchical) -> std::collections::BTreeMap<String, Scalar> {
        let mut given = std::collections::BTreeMap::new();
        for allocation in allocator.allocate(Time::START, &mut StdRng::seed_from_u64(7)) {
            *given.entry(allocation.framework.to_string()).or_default() += allocation.resources.cpus();
        }
        allocator.check();
        given
    }

    fn stage(quotas: &[Quota]) -> Hierarchical {
        let mut allocator = Hierarchical::new(Default::default());
        allocator.update_quotas(quotas);
        for number in 0..4 {
            allocator.add_agent(agent(&format!("a{number}"), "cpus:2;mem:512"), &[]);
        }
        allocator
    }

    #[test]
    fn nobody_gets_more_than_its_limit() {
        let mut allocator = stage(&[quota("a", 0, Some(3))]);
        allocator.add_framework(framework("f", "a"), &[], true);
        assert_eq!(given(&mut allocator)["f"], Scalar::whole(3));
        allocator.update_quotas(&[quota("a", 0, Some(5))]);
        assert_eq!(given(&mut allocator)["f"], Scalar::whole(2));
        allocator.update_quotas(&[quota("a", 0, None)]);
        assert_eq!(given(&mut allocator)["f"], Scalar::whole(3));
    }

    #[test]
    fn what_is_promised_to_a_role_is_kept_for_it_though_it_is_not_there_yet() {
        let mut allocator = stage(&[quota("a", 5, None)]);
        allocator.add_framework(framework("other", "b"), &[], true);
        assert_eq!(given(&mut allocator)["other"], Scalar::whole(3));
        allocator.add_framework(framework("f", "a"), &[], true);
        assert_eq!(given(&mut allocator)["f"], Scalar::whole(5));
    }

    #[test]
    fn roles_that_miss_something_come_first() {
        let mut allocator = stage(&[quota("z", 6, Some(6))]);
        allocator.add_framework(framework("f", "a"), &[], true);
        allocator.add_framework(framework("promised", "z"), &[], true);
        let given = given(&mut allocator);
        assert_eq!((given["promised"], given["f"]), (Scalar::whole(6), Scalar::whole(2)));
    }

    #[test]
    fn a_role_below_counts_for_the_one_at_the_top() {
        let mut allocator = stage(&[quota("a", 0, Some(3))]);
        allocator.add_framework(framework("f", "a/x"), &[], true);
        allocator.add_framework(framework("g", "a/y"), &[], true);
        let given = given(&mut allocator);
        assert_eq!(given.values().copied().sum::<Scalar>(), Scalar::whole(3));
    }

    #[test]
    fn what_is_kept_for_a_role_counts_before_it_is_given() {
        let mut allocator = Hierarchical::new(Default::default());
        allocator.update_quotas(&[quota("a", 0, Some(3))]);
        allocator.add_agent(agent("a0", "cpus(a):2;mem:512"), &[]);
        allocator.add_agent(agent("a1", "cpus:8;mem:512"), &[]);
        allocator.add_framework(framework("f", "a"), &[], true);
        assert_eq!(given(&mut allocator)["f"], Scalar::whole(3));
    }
}

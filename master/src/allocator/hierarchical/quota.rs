//! Runs while roles have quota: guarantees first, and nobody beyond a limit or into what others are still promised.
//!
//! ```text
//!   may take = min(limit − consumed, missing guarantee + headroom)      per scalar that is kept for nobody
//!   headroom = free of all agents − missing guarantees of all roles
//! ```
//! What is kept for a role, and what is no scalar, is counted before or not at all, and is given as ever. Every run looks at
//! every agent with something free: what one role gives back may be what another was kept from elsewhere.
//!
//! Source: Mesos hierarchical allocator, the two stages of a cycle.

use std::collections::BTreeMap;

use model::{Quantities, Quota, Resource, Resources, Role, Scalar, Value};
use rand::Rng;

use super::cycle::{Grant, shuffle, suits};
use super::filters::Verdicts;
use super::portion::{Contents, portion};
use super::{Hierarchical, portion as portions};
use crate::allocator::Allocation;

/// What a run reckons with.
#[derive(Debug)]
struct Reckoning {
    /// Roles with quota.
    quotas: BTreeMap<Role, Quota>,
    /// What each of them holds, and what is kept for it and idle.
    consumed: BTreeMap<Role, Quantities>,
    /// What is free on all agents and kept for nobody.
    free: Quantities,
}

impl Reckoning {
    /// Missing to a role of what it was promised.
    fn missing(&self, role: &Role, name: &str) -> Scalar {
        let Some(quota) = self.quotas.get(role) else { return Scalar::ZERO };
        let consumed = self.consumed.get(role).map_or(Scalar::ZERO, |consumed| consumed.get(name));
        quota.guarantees.get(name).saturating_sub(consumed)
    }

    fn is_missing_any(&self, role: &Role) -> bool {
        let Some(quota) = self.quotas.get(role) else { return false };
        quota.guarantees.iter().any(|(name, _)| !self.missing(role, name).is_zero())
    }

    /// What a role may still be given of a scalar.
    fn may_take(&self, role: &Role, name: &str) -> Option<Scalar> {
        let promised: Scalar = self.quotas.keys().map(|role| self.missing(role, name)).sum();
        let headroom = self.free.get(name).saturating_sub(promised);
        let share = self.missing(role, name) + headroom;
        let limit = self.quotas.get(role).filter(|quota| quota.limits.names(name)).map(|quota| {
            let consumed = self.consumed.get(role).map_or(Scalar::ZERO, |consumed| consumed.get(name));
            quota.limits.get(name).saturating_sub(consumed)
        });
        match limit {
            Some(limit) => Some(limit.min(share)),
            None if promised.is_zero() => None,
            None => Some(share),
        }
    }

    /// A role was given something.
    fn taken(&mut self, role: &Role, part: &Resources) {
        let counted = part.filter(counts).scalar_quantities();
        self.free -= &counted;
        if self.quotas.contains_key(role) {
            *self.consumed.entry(role.clone()).or_default() += &counted;
        }
    }

    /// The part a role may be given.
    fn shrink(&self, role: &Role, part: Resources) -> Resources {
        let mut left: BTreeMap<String, Option<Scalar>> = BTreeMap::new();
        part.iter()
            .filter_map(|resource| {
                let Value::Scalar(amount) = resource.value else { return Some(resource.clone()) };
                if !counts(resource) {
                    return Some(resource.clone());
                }
                let may = left
                    .entry(resource.name.to_string())
                    .or_insert_with(|| self.may_take(role, &resource.name));
                let Some(may) = may else { return Some(resource.clone()) };
                let mut given = amount.min(*may);
                if &*resource.name == "gpus" {
                    given = Scalar::whole(given.thousandths() / 1000);
                }
                if given.is_zero() || (resource.is_indivisible() && given < amount) {
                    return None;
                }
                *may = may.saturating_sub(given);
                Some(Resource { value: given.into(), ..resource.clone() })
            })
            .collect()
    }
}

/// Whether quota looks at it when it is given away.
fn counts(resource: &Resource) -> bool {
    resource.is_unreserved() && !resource.revocable && matches!(resource.value, Value::Scalar(_))
}

/// The role at the top of the tree that a role is in.
fn top(role: &Role) -> Role {
    role.ancestors().last().unwrap_or_else(|| role.clone())
}

impl Hierarchical {
    /// Replaces the quotas of the roles named; one that promises nothing and limits nothing is forgotten.
    pub(super) fn set_quotas(&mut self, quotas: &[Quota]) {
        for quota in quotas {
            match quota.guarantees.is_empty() && quota.limits.is_empty() {
                true => drop(self.quotas.remove(&quota.role)),
                false => drop(self.quotas.insert(quota.role.clone(), quota.clone())),
            }
        }
        self.dirty.agents.extend(&self.agents.idle);
    }

    /// One run in two stages: roles that miss something of what they were promised, then everybody.
    pub(super) fn run_with_quota(&mut self, rng: &mut dyn Rng) -> Vec<Allocation> {
        if std::mem::take(&mut self.dirty).is_empty() {
            return Vec::new();
        }
        self.tree.refresh(&self.names);
        let mut reckoning = self.reckon();
        let mut agents: Vec<u32> = self.agents.idle.iter().copied().collect();
        let mut allocations = Vec::new();
        for promised_only in [true, false] {
            shuffle(&mut agents, rng);
            for agent in agents.clone() {
                if !self.agents.idle.contains(&agent) {
                    continue;
                }
                for (client, resources) in self.ask_with_quota(agent, promised_only, &mut reckoning, rng) {
                    allocations.push(self.grant(agent, client, resources));
                }
            }
        }
        allocations
    }

    /// Looks at everything there is. Linear in agents and in who is on them, and only done while there is quota.
    fn reckon(&self) -> Reckoning {
        let quotas = self.quotas.clone();
        let mut consumed: BTreeMap<Role, Quantities> = BTreeMap::new();
        let mut free = Quantities::new();
        for (_, agent) in self.agents.iter() {
            for held in agent.held.values() {
                for (role, part) in portions::by_role(held) {
                    let role = top(&role);
                    if quotas.contains_key(&role) {
                        let counted = part.non_revocable().scalar_quantities();
                        *consumed.entry(role).or_default() += &counted;
                    }
                }
            }
            for resource in agent.free.iter().filter(|resource| !resource.revocable) {
                let Some(role) = resource.reserved_to().map(top).filter(|role| quotas.contains_key(role))
                else {
                    continue;
                };
                let one = Resources::from(resource.clone());
                *consumed.entry(role).or_default() += &one.scalar_quantities();
            }
            if agent.active && agent.listed {
                free += &agent.free.filter(counts).scalar_quantities();
            }
        }
        Reckoning { quotas, consumed, free }
    }

    fn ask_with_quota(
        &self,
        agent: u32,
        promised_only: bool,
        reckoning: &mut Reckoning,
        rng: &mut dyn Rng,
    ) -> Vec<Grant> {
        let agent = &self.agents[agent];
        let mut grants = Vec::new();
        let mut rest = agent.free.clone();
        for client in self.tree.walk(rng) {
            let Some(membership) = self.frameworks.membership(client) else { continue };
            let framework = &self.frameworks[client.framework];
            let role = top(&membership.role);
            if (promised_only && !reckoning.is_missing_any(&role)) || !suits(agent, framework, membership) {
                continue;
            }
            let contents = Contents::of(&rest);
            let part = portion(&rest, contents, &membership.role, framework.abilities).into_owned();
            let part = reckoning.shrink(&role, part);
            if part.is_empty() || !self.settings.worth_offering(&part, membership.min.as_deref()) {
                continue;
            }
            if agent.refusals.reject(client, membership.era, &part, &mut Verdicts::default()) {
                continue;
            }
            reckoning.taken(&role, &part);
            rest -= &part;
            grants.push((client, part.allocate(&membership.role)));
            if rest.is_empty() {
                break;
            }
        }
        grants
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

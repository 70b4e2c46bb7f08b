//! Why a framework is offered no more: the checks of a run, told instead of acted on.

use std::collections::BTreeMap;

use model::{Resources, Time};

use super::Hierarchical;
use super::books::{Abilities, AgentEntry, FrameworkEntry, Membership};
use super::cycle::misfit;
use super::filters::Verdicts;
use super::ledger::Draft;
use super::portion::{Contents, Shelf};
use crate::allocator::sorter::Client;
use crate::allocator::why::{Answer, Question, Reason, Subject, Why};

/// How often an agent is looked at for one question. More frameworks see fewer agents each, evenly spread.
const LOOKS_MAX: usize = 20_000;

/// How many frameworks of one role are answered for.
const ANSWERS_MAX: usize = 1_000;

impl Hierarchical {
    /// Answers from what the books say now; `None` when nobody is known by that name.
    pub(super) fn explain(&self, question: &Question, now: Time) -> Option<Why> {
        let mut asked: Vec<(u32, &Membership)> = match &question.subject {
            Subject::Framework(id) => {
                let slot = self.frameworks.slot(id).filter(|slot| self.frameworks[*slot].known)?;
                self.frameworks[slot].memberships.iter().map(|membership| (slot, membership)).collect()
            }
            Subject::Role(role) => {
                let node = self.tree.find(role)?;
                let members = self.tree.members(node).filter_map(|framework| {
                    Some((framework, self.frameworks.membership(Client { node, framework })?))
                });
                members.take(ANSWERS_MAX).collect()
            }
        };
        asked.sort_by_key(|(slot, membership)| (&self.frameworks[*slot].id, &membership.role));
        let agents = self.agents.slots.len();
        let stride = (agents * asked.len()).div_ceil(LOOKS_MAX).max(1);
        let answer = |(slot, membership): (u32, &Membership)| {
            let framework = &self.frameworks[slot];
            let mut answer = Answer {
                framework: framework.id.clone(),
                role: membership.role.clone(),
                looked_at: 0,
                reasons: BTreeMap::new(),
                filter_ends: None,
            };
            for (_, agent) in self.agents.iter().step_by(stride) {
                let reason = self.reason(agent, framework, membership, &question.wants);
                answer.looked_at += 1;
                *answer.reasons.entry(reason).or_default() += 1;
                if reason == Reason::Filter
                    && let Some(end) = agent.refusals.first_end(membership.client, membership.era)
                {
                    let left = end.since(now);
                    answer.filter_ends = Some(answer.filter_ends.map_or(left, |first| first.min(left)));
                }
            }
            answer
        };
        Some(Why { agents, paused: false, answers: asked.into_iter().map(answer).collect() })
    }

    /// The first thing that keeps an agent from a framework in a role.
    fn reason(
        &self,
        agent: &AgentEntry,
        framework: &FrameworkEntry,
        membership: &Membership,
        wants: &Resources,
    ) -> Reason {
        let everything = Abilities { revocable: true, shared: true, refined: true, ..framework.abilities };
        let shelf = Shelf::of(&agent.free, Contents::of(&agent.free));
        let part = shelf.part(&membership.role, framework.abilities);
        let worth = |part: &Resources| self.settings.worth_offering(part, membership.min.as_deref());
        match () {
            () if !framework.active => return Reason::Disconnected,
            () if framework.suppressed.contains(&membership.role) => return Reason::Suppressed,
            () if !agent.active => return Reason::Inactive,
            () if !agent.listed => return Reason::Whitelist,
            () if agent.free.is_empty() => return Reason::InUse,
            () => {}
        }
        if let Some(reason) = misfit(agent, framework, membership) {
            return reason;
        }
        if part.is_empty() {
            return match shelf.part(&membership.role, everything).iter().next() {
                Some(resource) if resource.revocable => Reason::Capability("REVOCABLE_RESOURCES"),
                Some(resource) if resource.shared => Reason::Capability("SHARED_RESOURCES"),
                Some(_) => Reason::Capability("RESERVATION_REFINEMENT"),
                None => Reason::Reserved,
            };
        }
        if !worth(&part) {
            return match self.settings.worth_offering(&agent.free, membership.min.as_deref()) {
                true => Reason::Reserved,
                false => Reason::Minimum,
            };
        }
        let mut offer = part.into_owned();
        if !self.ledger.is_idle() {
            let (shrunk, less) = Draft::new(&self.ledger, &self.names).shrink(membership.account, offer);
            let limited = || match self.ledger.is_at_limit(membership.account) {
                true => Reason::QuotaLimit,
                false => Reason::QuotaGuarantees,
            };
            if !worth(&shrunk) || (less && !shrunk.contains(wants)) {
                return limited();
            }
            offer = shrunk;
        }
        match () {
            () if !offer.to_unreserved().contains(wants) => Reason::TooLittle,
            () if agent.refusals.reject(
                membership.client,
                membership.era,
                &offer,
                &mut Verdicts::default(),
            ) =>
            {
                Reason::Filter
            }
            () => Reason::Turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;
    use std::time::Duration;

    use model::{
        AgentCapabilities, AgentCapability, AgentInfo, FrameworkCapability, FrameworkInfo, Quantities, Quota,
        Resources, Scalar, Time,
    };
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::allocator::{Agent, Allocation, Allocator, Framework};

    fn framework(id: &str, role: &str) -> Framework {
        let mut info = FrameworkInfo::new(id, "root");
        info.roles = vec![role.into()];
        info.capabilities = [FrameworkCapability::MultiRole].into_iter().collect();
        Framework { id: id.into(), info: Arc::new(info), suppressed: BTreeSet::new(), constraints: None }
    }

    fn agent(id: &str, total: &str) -> Agent {
        let total: Resources = total.parse().unwrap();
        let info = AgentInfo {
            id: Some(id.into()),
            hostname: id.into(),
            port: 1,
            resources: total.clone(),
            attributes: Default::default(),
            domain: None,
        };
        let capabilities = AgentCapabilities::from_iter(AgentCapability::ALL);
        Agent { id: id.into(), incarnation: 1, info: Arc::new(info), capabilities, total }
    }

    fn stage(agents: &[&str]) -> Hierarchical {
        let mut allocator = Hierarchical::new(Default::default());
        allocator.add_framework(framework("f", "a"), &[], true);
        for (number, total) in agents.iter().enumerate() {
            allocator.add_agent(agent(&format!("a{number}"), total), &[]);
        }
        allocator
    }

    fn run(allocator: &mut Hierarchical) -> Vec<Allocation> {
        allocator.allocate(Time::START, &mut StdRng::seed_from_u64(1))
    }

    fn reasons(allocator: &Hierarchical, wants: &str) -> BTreeMap<&'static str, usize> {
        let wants = if wants.is_empty() { Resources::new() } else { wants.parse().unwrap() };
        let question = Question { subject: Subject::Framework("f".into()), wants };
        let why = allocator.why(&question, Time::START).expect("it is known");
        why.answers[0].reasons.iter().map(|(reason, count)| (reason.name(), *count)).collect()
    }

    #[test]
    fn agents_are_counted_by_what_keeps_them_back() {
        let mut allocator = stage(&["cpus:1;mem:64", "cpus(b):1", "cpus:0.001", "gpus:1;cpus:1", "cpus:2"]);
        allocator.deactivate_agent(&"a4".into());
        assert_eq!(run(&mut allocator).len(), 1);
        let expected = [("capability", 1), ("in_use", 1), ("inactive", 1), ("minimum", 1), ("reserved", 1)];
        assert_eq!(reasons(&allocator, ""), BTreeMap::from(expected));
    }

    #[test]
    fn a_filter_keeps_back_until_it_ends() {
        let mut allocator = stage(&["cpus:4;mem:64", "cpus:2;mem:64"]);
        for offer in run(&mut allocator) {
            let refuse = Some(Duration::from_secs(if offer.agent.as_str() == "a0" { 60 } else { 5 }));
            allocator.recover(&offer.framework, &offer.agent, &offer.resources, refuse, Time::START);
        }
        assert_eq!(reasons(&allocator, ""), BTreeMap::from([("filter", 2)]));
        let expected = BTreeMap::from([("filter", 1), ("too_little", 1)]);
        assert_eq!(reasons(&allocator, "cpus:3"), expected, "and what is too small anyway is said to be so");
        let question = Question { subject: Subject::Role("a".into()), wants: Resources::new() };
        let why = allocator.why(&question, Time::START).expect("somebody is in it");
        assert_eq!(why.answers[0].filter_ends, Some(Duration::from_secs(5)));
        let question = Question { subject: Subject::Role("b".into()), wants: Resources::new() };
        assert_eq!(allocator.why(&question, Time::START), None, "nobody is in it");
    }

    #[test]
    fn quota_keeps_back_by_its_limit_and_for_others() {
        let mut allocator = stage(&["cpus:4;mem:64"]);
        let cpus = |amount| Quantities::from_iter([("cpus", Scalar::whole(amount)), ("mem", Scalar::ZERO)]);
        let quota = |role: &str, guarantees: Quantities, limits: Quantities| Quota {
            role: role.into(),
            guarantees,
            limits,
        };
        allocator.update_quotas(&[quota("a", Quantities::new(), cpus(0))]);
        assert!(run(&mut allocator).is_empty());
        assert_eq!(reasons(&allocator, ""), BTreeMap::from([("quota_limit", 1)]));
        let all = Quantities::from_iter([("cpus", Scalar::whole(4)), ("mem", Scalar::whole(64))]);
        let lifted = quota("a", Quantities::new(), Quantities::new());
        allocator.update_quotas(&[lifted, quota("b", all, Quantities::new())]);
        assert!(run(&mut allocator).is_empty());
        assert_eq!(reasons(&allocator, ""), BTreeMap::from([("quota_guarantees", 1)]));
    }

    #[test]
    fn whoever_is_silent_or_away_is_told_so_before_anything_else() {
        let mut allocator = stage(&["cpus:4;mem:64"]);
        allocator.suppress(&"f".into(), &BTreeSet::new());
        assert_eq!(reasons(&allocator, ""), BTreeMap::from([("suppressed", 1)]));
        allocator.deactivate_framework(&"f".into());
        assert_eq!(reasons(&allocator, ""), BTreeMap::from([("disconnected", 1)]));
    }
}

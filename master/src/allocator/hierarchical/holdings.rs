//! Resources change hands between an agent and the frameworks on it.

use model::{AgentId, FrameworkId, Resources, Role};
use smallvec::{SmallVec, smallvec};

use super::held::{Holding, Whole};
use super::portion::Contents;
use super::{Hierarchical, ledger, portion};
use crate::allocator::sorter::Tally;

/// What came back, without its roles. Shape: (the role it was given in, what that was).
pub(super) type Returned = SmallVec<[(Role, Resources); 1]>;

impl Hierarchical {
    /// What a framework holds on an agent that came before it; told twice, it counts once.
    pub(super) fn note_used(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &Resources) {
        let (Some(framework), Some(agent)) = (self.frameworks.slot(framework), self.agents.slot(agent))
        else {
            return;
        };
        if self.agents[agent].held.get(framework).is_none() {
            self.take(framework, agent, resources);
        }
    }

    /// Moves resources from an agent's free ones to a framework. What is not free is not given.
    pub(super) fn take(&mut self, framework: u32, agent: u32, resources: &Resources) {
        if resources.is_empty() {
            return;
        }
        let entry = &mut self.agents[agent];
        let plain = portion::unallocated(resources);
        entry.short |= !entry.free.contains(&plain);
        *entry.free -= plain;
        self.hold(framework, agent, resources);
    }

    /// Moves all of an agent's free ones to a framework, where everybody may be given all of it. Says what that is.
    pub(super) fn take_all(&mut self, framework: u32, agent: u32, role: &Role) -> Resources {
        let entry = &mut self.agents[agent];
        let (free, resources) = entry.free.take_all(role);
        let tally = std::mem::take(&mut entry.counted);
        self.ledger.refill(&tally, &Tally::default());
        let whole = Whole { free, tally: tally.clone() };
        self.note(framework, agent, &resources, Some(whole));
        match self.agents[agent].free.is_empty() {
            true => self.settle_as(agent, Contents::default(), Tally::default()),
            false => self.settle(agent),
        };
        self.book(framework, role, &tally, &tally);
        self.reclass();
        resources
    }

    /// Notes what is free no more with who holds it now.
    fn hold(&mut self, framework: u32, agent: u32, resources: &Resources) {
        self.note(framework, agent, resources, None);
        self.settle(agent);
        for (role, part) in portion::by_role(resources) {
            let (tally, counted) = self.tallies(&part);
            self.book(framework, &role, &tally, &counted);
        }
        self.reclass();
    }

    fn note(&mut self, framework: u32, agent: u32, resources: &Resources, whole: Option<Whole>) {
        let entry = &mut self.agents[agent];
        entry.held.add(framework, resources, whole);
        entry.level();
        self.frameworks[framework].holds.insert(agent);
    }

    /// A framework has more in a role.
    fn book(&mut self, framework: u32, role: &Role, tally: &Tally, counted: &Tally) {
        self.agents.taken.plus(tally);
        let holder = &self.frameworks[framework];
        match holder.member(role) {
            Some(member) => {
                self.tree.allocated_to(member.client, tally, &self.names);
                self.ledger.consume_in(member.account, counted);
            }
            None => {
                self.tree.allocated(role, framework, holder.id.as_str(), tally, &self.names);
                self.ledger.consume(role, counted);
            }
        }
    }

    /// A framework has less in a role.
    fn unbook(&mut self, framework: u32, role: &Role, tally: &Tally, counted: &Tally) {
        self.agents.taken.minus(tally);
        match self.frameworks[framework].member(role) {
            Some(member) => {
                self.tree.released_by(member.client, tally);
                self.ledger.restore_in(member.account, counted);
            }
            None => {
                self.tree.released(role, framework, tally);
                self.ledger.restore(role, counted);
            }
        }
    }

    /// What shares count, and what quota counts.
    fn tallies(&mut self, part: &Resources) -> (Tally, Tally) {
        let tally = portion::tally(part, &mut self.names);
        let counted = match part.iter().all(|resource| resource.is_unreserved() && !resource.revocable) {
            true => tally.clone(),
            false => ledger::counted(part, &mut self.names),
        };
        (tally, counted)
    }

    /// Moves resources from a framework back to its agent's free ones. Says what came back in which role, if it held them.
    pub(super) fn take_back(
        &mut self,
        framework: u32,
        agent: u32,
        resources: &Resources,
    ) -> Option<Returned> {
        let entry = &mut self.agents[agent];
        let holding = entry.held.get_mut(framework)?;
        let holding = if holding.resources == *resources {
            entry.held.remove(framework).expect("it was found above")
        } else if holding.resources.contains(resources) {
            holding.resources -= resources;
            holding.whole = None;
            if holding.resources.is_empty() {
                entry.held.remove(framework);
            }
            Holding { resources: resources.clone(), whole: None }
        } else {
            let held = &holding.resources;
            tracing::error!(agent = %entry.id, %held, %resources, "more comes back than was given");
            return None;
        };
        if entry.held.get(framework).is_none() {
            self.frameworks[framework].holds.remove(&agent);
        }
        let returned = self.release(framework, agent, holding);
        self.frameworks.tidy(framework);
        Some(returned)
    }

    /// An operation changed what a framework holds, and with it the agent's total.
    pub(super) fn convert(&mut self, framework: u32, agent: u32, before: &Resources, after: &Resources) {
        if !before.is_empty() && self.take_back(framework, agent, before).is_some() {
            self.convert_free(agent, &before.unallocate(), &after.unallocate());
        }
        self.take(framework, agent, after);
    }

    /// An operation changed what nobody holds. Some of it may be on its way to a framework, and come back.
    pub(super) fn convert_free(&mut self, agent: u32, before: &Resources, after: &Resources) {
        self.count_reservations(before, after);
        let entry = &mut self.agents[agent];
        entry.total = std::mem::take(&mut entry.total) - before + after;
        match entry.free.contains(before) {
            true => *entry.free = std::mem::take(&mut *entry.free) - before + after,
            false => entry.short = true,
        }
        entry.level();
        self.touch(agent);
    }

    /// Gives resources that left `held` back to the agent, and lowers the shares.
    pub(super) fn release(&mut self, framework: u32, agent: u32, holding: Holding) -> Returned {
        let Holding { resources, whole } = holding;
        let role = resources.iter().find_map(|resource| resource.allocation.clone());
        let entry = &self.agents[agent];
        let as_it_was = entry.free.is_empty() && !entry.short;
        if let (Some(Whole { free, tally }), Some(role), true) = (whole, role, as_it_was) {
            self.unbook(framework, &role, &tally, &tally);
            self.reclass();
            let entry = &mut self.agents[agent];
            entry.free.give_back(free.clone(), resources);
            match entry.may_be_offered() {
                true => {
                    let idle = self.settle_as(agent, Contents::PLAIN, tally);
                    self.mark(agent, idle);
                }
                false => self.touch(agent),
            }
            return smallvec![(role, free)];
        }
        let mut returned = Returned::new();
        for (role, part) in portion::by_role(&resources) {
            let (tally, counted) = self.tallies(&part);
            self.unbook(framework, &role, &tally, &counted);
            returned.push((role, portion::unallocated(&part)));
        }
        self.reclass();
        let entry = &mut self.agents[agent];
        *entry.free += portion::into_unallocated(resources);
        entry.level();
        self.touch(agent);
        returned
    }
}

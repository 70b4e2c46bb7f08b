//! Resources change hands between an agent and the frameworks on it.

use std::collections::btree_map::Entry;

use model::{AgentId, FrameworkId, Resources, Role};

use super::{Hierarchical, ledger, portion};
use crate::allocator::sorter::Tally;

impl Hierarchical {
    /// What a framework holds on an agent that came before it; told twice, it counts once.
    pub(super) fn note_used(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &Resources) {
        let (Some(framework), Some(agent)) = (self.frameworks.slot(framework), self.agents.slot(agent))
        else {
            return;
        };
        if !self.agents[agent].held.contains_key(&framework) {
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
        entry.free -= plain;
        self.hold(framework, agent, resources);
    }

    /// Moves all of an agent's free ones, of which nothing is shared, to a framework. Says what that is.
    pub(super) fn take_all(&mut self, framework: u32, agent: u32, role: &Role) -> Resources {
        let resources = std::mem::take(&mut self.agents[agent].free).into_allocated(role);
        self.hold(framework, agent, &resources);
        resources
    }

    /// Notes what is free no more with who holds it now.
    fn hold(&mut self, framework: u32, agent: u32, resources: &Resources) {
        let entry = &mut self.agents[agent];
        match entry.held.entry(framework) {
            Entry::Vacant(place) => drop(place.insert(resources.clone())),
            Entry::Occupied(mut held) => *held.get_mut() += resources,
        }
        entry.level();
        self.frameworks[framework].holds.insert(agent);
        self.settle(agent);
        for (role, part) in portion::by_role(resources) {
            let (tally, counted) = self.tallies(&part);
            self.agents.taken.plus(&tally);
            let holder = &self.frameworks[framework];
            match holder.member(&role) {
                Some(member) => {
                    self.tree.allocated_to(member.client, &tally, &self.names);
                    self.ledger.consume_in(member.account, &counted);
                }
                None => {
                    self.tree.allocated(&role, framework, holder.id.as_str(), &tally, &self.names);
                    self.ledger.consume(&role, &counted);
                }
            }
        }
        self.reclass();
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

    /// Moves resources from a framework back to its agent's free ones. Says whether it held them.
    pub(super) fn take_back(&mut self, framework: u32, agent: u32, resources: &Resources) -> bool {
        let entry = &mut self.agents[agent];
        let Some(held) = entry.held.get_mut(&framework) else { return false };
        if held == resources {
            // As when an offer comes back: nothing has to be added up.
            let whole = entry.held.remove(&framework).expect("it was found above");
            self.frameworks[framework].holds.remove(&agent);
            self.release(framework, agent, whole);
            self.frameworks.tidy(framework);
            return true;
        }
        if !held.contains(resources) {
            tracing::error!(agent = %entry.id, %held, %resources, "more comes back than was given");
            return false;
        }
        *held -= resources;
        if held.is_empty() {
            entry.held.remove(&framework);
            self.frameworks[framework].holds.remove(&agent);
        }
        self.release(framework, agent, resources.clone());
        self.frameworks.tidy(framework);
        true
    }

    /// An operation changed what a framework holds, and with it the agent's total.
    pub(super) fn convert(&mut self, framework: u32, agent: u32, before: &Resources, after: &Resources) {
        if !before.is_empty() && self.take_back(framework, agent, before) {
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
            true => entry.free = std::mem::take(&mut entry.free) - before + after,
            false => entry.short = true,
        }
        entry.level();
        self.touch(agent);
    }

    /// Gives resources that left `held` back to the agent, and lowers the shares.
    pub(super) fn release(&mut self, framework: u32, agent: u32, resources: Resources) {
        for (role, part) in portion::by_role(&resources) {
            let (tally, counted) = self.tallies(&part);
            self.agents.taken.minus(&tally);
            match self.frameworks[framework].member(&role) {
                Some(member) => {
                    self.tree.released_by(member.client, &tally);
                    self.ledger.restore_in(member.account, &counted);
                }
                None => {
                    self.tree.released(&role, framework, &tally);
                    self.ledger.restore(&role, &counted);
                }
            }
        }
        self.reclass();
        let entry = &mut self.agents[agent];
        entry.free += portion::into_unallocated(resources);
        entry.level();
        self.touch(agent);
    }
}

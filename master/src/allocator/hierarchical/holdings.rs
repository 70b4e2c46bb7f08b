//! Resources change hands between an agent and the frameworks on it.

use std::collections::btree_map::Entry;

use model::{AgentId, FrameworkId, Resources};

use super::{Hierarchical, portion};

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
        let entry = &mut self.agents[agent];
        if resources.is_empty() {
            return;
        }
        let plain = portion::unallocated(resources);
        entry.short |= !entry.free.contains(&plain);
        entry.free -= plain;
        match entry.held.entry(framework) {
            Entry::Vacant(place) => drop(place.insert(resources.clone())),
            Entry::Occupied(mut held) => *held.get_mut() += resources,
        }
        entry.level();
        self.frameworks[framework].holds.insert(agent);
        self.agents.settle(agent);
        let name = self.frameworks[framework].id.clone();
        for (role, part) in portion::by_role(resources) {
            let tally = portion::tally(&part, &mut self.names);
            self.agents.taken.plus(&tally);
            self.tree.allocated(&role, framework, name.as_str(), &tally, &self.names);
        }
    }

    /// Moves resources from a framework back to its agent's free ones. Says whether it held them.
    pub(super) fn take_back(&mut self, framework: u32, agent: u32, resources: &Resources) -> bool {
        let entry = &mut self.agents[agent];
        let Some(held) = entry.held.get_mut(&framework) else { return false };
        if !held.contains(resources) {
            tracing::error!(agent = %entry.id, %held, %resources, "more comes back than was given");
            return false;
        }
        *held -= resources;
        if held.is_empty() {
            entry.held.remove(&framework);
            self.frameworks[framework].holds.remove(&agent);
        }
        self.release(framework, agent, resources);
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
    pub(super) fn release(&mut self, framework: u32, agent: u32, resources: &Resources) {
        let entry = &mut self.agents[agent];
        entry.free += portion::unallocated(resources);
        entry.level();
        for (role, part) in portion::by_role(resources) {
            let tally = portion::tally(&part, &mut self.names);
            self.agents.taken.minus(&tally);
            self.tree.released(&role, framework, &tally, &self.names);
        }
        self.touch(agent);
    }
}

//! Agents come, change, are put aside and go.

use std::collections::BTreeSet;

use model::{AgentCapability, AgentId, FrameworkId, Resources};

use super::books::{AgentEntry, Traits};
use super::filters::Refusals;
use super::held::Held;
use super::portion::Contents;
use super::{Hierarchical, portion};
use crate::allocator::Agent;
use crate::allocator::sorter::Tally;

impl Hierarchical {
    /// Takes in a new agent with what is used on it.
    pub(super) fn enter_agent(&mut self, agent: Agent, used: &[(FrameworkId, Resources)]) {
        if self.agents.slot(&agent.id).is_some() {
            self.forget_agent(&agent.id);
        }
        let traits = self.traits(&agent);
        let Agent { id, incarnation, info, total, .. } = agent;
        self.tree.grow(&portion::tally(&total, &mut self.names));
        self.count_reservations(&Resources::default(), &total);
        let listed = self.agents.listed.as_ref().is_none_or(|hosts| hosts.contains(&info.hostname));
        let slot = self.agents.entries.insert(AgentEntry {
            id: id.clone(),
            incarnation,
            info,
            free: total.clone().into(),
            total,
            short: false,
            held: Held::default(),
            counted: Tally::default(),
            contents: Contents::default(),
            refusals: Refusals::default(),
            active: true,
            listed,
            idle: false,
            traits,
        });
        self.agents.slots.insert(id, slot);
        for (framework, resources) in used {
            let framework = self.frameworks.enter(framework);
            self.take(framework, slot, resources);
            self.frameworks.tidy(framework);
        }
        self.touch(slot);
    }

    /// Another total, other attributes: filters on the agent end, and everybody is asked again.
    pub(super) fn change_agent(&mut self, agent: Agent) {
        let Some(slot) = self.agents.slot(&agent.id) else { return };
        let traits = self.traits(&agent);
        let Agent { incarnation, info, total, .. } = agent;
        let listed = self.agents.listed.as_ref().is_none_or(|hosts| hosts.contains(&info.hostname));
        let entry = &mut self.agents[slot];
        if entry.total != total {
            let before = portion::tally(&entry.total, &mut self.names);
            let after = portion::tally(&total, &mut self.names);
            self.tree.shrink(&before);
            self.tree.grow(&after);
            let before = std::mem::replace(&mut entry.total, total.clone());
            entry.short = true;
            entry.level();
            self.count_reservations(&before, &total);
            self.clear_refusals(slot);
        }
        let entry = &mut self.agents[slot];
        entry.incarnation = incarnation;
        entry.info = info;
        entry.listed = listed;
        entry.traits = traits;
        self.touch(slot);
    }

    pub(super) fn forget_agent(&mut self, agent: &AgentId) {
        let Some(slot) = self.agents.slot(agent) else { return };
        self.clear_refusals(slot);
        for (framework, held) in std::mem::take(&mut self.agents[slot].held).into_iter() {
            self.frameworks[framework].holds.remove(&slot);
            self.release(framework, slot, held);
            self.frameworks.tidy(framework);
        }
        self.agents.slots.remove(agent);
        let entry = self.agents.entries.remove(slot);
        self.tree.shrink(&portion::tally(&entry.total, &mut self.names));
        self.count_reservations(&entry.total, &Resources::default());
        self.ledger.refill(&entry.counted, &Tally::default());
        self.agents.idle.remove(slot);
        self.dirty.agents.remove(slot);
        self.dirty.pairs.remove(&slot);
    }

    pub(super) fn set_agent_active(&mut self, agent: &AgentId, active: bool) {
        let Some(slot) = self.agents.slot(agent) else { return };
        self.agents[slot].active = active;
        self.touch(slot);
    }

    pub(super) fn list_agents(&mut self, hostnames: Option<BTreeSet<String>>) {
        let slots: Vec<u32> = self.agents.slots.numbers().collect();
        for slot in slots {
            let entry = &mut self.agents[slot];
            let listed = hostnames.as_ref().is_none_or(|hosts| hosts.contains(&entry.info.hostname));
            if std::mem::replace(&mut entry.listed, listed) != listed {
                self.touch(slot);
            }
        }
        self.agents.listed = hostnames;
    }

    /// Everybody is asked about this agent again, if it has something to offer.
    pub(super) fn touch(&mut self, agent: u32) {
        let idle = self.settle(agent);
        self.mark(agent, idle);
    }

    /// Everybody is asked about this agent, or nobody.
    pub(super) fn mark(&mut self, agent: u32, idle: bool) {
        match idle {
            true => self.dirty.agents.insert(agent),
            false => self.dirty.agents.remove(agent),
        };
    }

    pub(super) fn traits(&self, agent: &Agent) -> Traits {
        let region = agent.info.domain.as_ref().map(|domain| &domain.region);
        Traits {
            gpus: self.settings.filter_gpus && portion::has_gpus(&agent.total),
            remote: matches!((region, &self.settings.region), (Some(theirs), Some(ours)) if theirs != ours),
            single_role: !agent.capabilities.has(AgentCapability::MultiRole),
            flat_roles: !agent.capabilities.has(AgentCapability::HierarchicalRole),
        }
    }
}

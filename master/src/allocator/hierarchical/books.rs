//! What the allocator knows: agents with what is free on them and who holds the rest, frameworks with the roles they are in.
//!
//! What is free is kept, not computed: a grant takes from it and a recovery gives back, so the two always
//! add up to the agent's total.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use model::{AgentCapability, AgentId, AgentInfo, FrameworkId, Quantities, Resources, Role, Time};

use super::constraints::Constraints;
use super::filters::{End, Refusals};
use super::slab::Slab;
use super::{Hierarchical, portion};
use crate::allocator::sorter::{Client, Tally};
use crate::allocator::{Agent, Framework};

/// Agents by number.
#[derive(Debug, Default)]
pub(super) struct Agents {
    slots: BTreeMap<AgentId, u32>,
    entries: Slab<AgentEntry>,
    /// Agents with something to offer.
    pub(super) idle: BTreeSet<u32>,
    /// All that frameworks hold.
    pub(super) taken: Tally,
    /// Hosts that may be offered; all, if absent.
    listed: Option<BTreeSet<String>>,
}

/// One agent.
#[derive(Debug)]
pub(super) struct AgentEntry {
    pub(super) id: AgentId,
    pub(super) incarnation: u64,
    pub(super) info: Arc<AgentInfo>,
    total: Resources,
    /// What nobody holds, allocated to nobody.
    pub(super) free: Resources,
    /// Shape: framework → what it holds here, with roles.
    held: BTreeMap<u32, Resources>,
    pub(super) refusals: Refusals,
    active: bool,
    listed: bool,
    pub(super) traits: Traits,
}

/// What an agent asks of a framework.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits {
    pub(super) gpus: bool,
    pub(super) remote: bool,
    pub(super) single_role: bool,
    pub(super) flat_roles: bool,
}

/// Frameworks by number.
#[derive(Debug, Default)]
pub(super) struct Frameworks {
    slots: BTreeMap<FrameworkId, u32>,
    entries: Slab<FrameworkEntry>,
}

/// One framework. Of one that is not `known` only what it holds is known: its agent came before it.
#[derive(Debug)]
pub(super) struct FrameworkEntry {
    pub(super) id: FrameworkId,
    pub(super) known: bool,
    pub(super) active: bool,
    pub(super) abilities: Abilities,
    constraints: Option<Constraints>,
    suppressed: BTreeSet<Role>,
    memberships: Vec<Membership>,
    /// Agents on which it holds something.
    holds: BTreeSet<u32>,
}

/// What a framework can live with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Abilities {
    pub(super) gpus: bool,
    pub(super) regions: bool,
    pub(super) multi_role: bool,
    pub(super) revocable: bool,
    pub(super) shared: bool,
    pub(super) refined: bool,
}

/// A framework in one of its roles.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) role: Role,
    pub(super) client: Client,
    /// Filters of another era are void.
    pub(super) era: u64,
    filters: usize,
    /// What an offer must hold one of; `None` is what the flag says.
    pub(super) min: Option<Vec<Quantities>>,
}

impl Agents {
    pub(super) fn slot(&self, id: &AgentId) -> Option<u32> {
        self.slots.get(id).copied()
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &AgentEntry)> {
        self.entries.iter()
    }

    /// Puts an agent among the idle or takes it out, by whether it has something that may be offered.
    fn settle(&mut self, slot: u32) -> bool {
        let agent = &self.entries[slot];
        let idle = agent.active && agent.listed && !agent.free.is_empty();
        match idle {
            true => self.idle.insert(slot),
            false => self.idle.remove(&slot),
        };
        idle
    }
}

impl Frameworks {
    pub(super) fn slot(&self, id: &FrameworkId) -> Option<u32> {
        self.slots.get(id).copied()
    }

    pub(super) fn filters_by_role(&self) -> BTreeMap<Role, usize> {
        let mut filters = BTreeMap::new();
        for membership in self.entries.iter().flat_map(|(_, framework)| &framework.memberships) {
            *filters.entry(membership.role.clone()).or_default() += membership.filters;
        }
        filters
    }

    pub(super) fn membership(&self, client: Client) -> Option<&Membership> {
        self.entries.get(client.framework)?.memberships.iter().find(|membership| membership.client == client)
    }

    fn membership_mut(&mut self, client: Client) -> Option<&mut Membership> {
        self.entries
            .get_mut(client.framework)?
            .memberships
            .iter_mut()
            .find(|membership| membership.client == client)
    }

    /// The framework's number, given to it if it has none.
    fn enter(&mut self, id: &FrameworkId) -> u32 {
        if let Some(slot) = self.slots.get(id) {
            return *slot;
        }
        let slot = self.entries.insert(FrameworkEntry {
            id: id.clone(),
            known: false,
            active: false,
            abilities: Abilities::default(),
            constraints: None,
            suppressed: BTreeSet::new(),
            memberships: Vec::new(),
            holds: BTreeSet::new(),
        });
        self.slots.insert(id.clone(), slot);
        slot
    }

    /// Forgets a framework of which nothing is left.
    fn tidy(&mut self, slot: u32) {
        let framework = &self.entries[slot];
        if !framework.known && framework.holds.is_empty() {
            self.slots.remove(&framework.id);
            self.entries.remove(slot);
        }
    }
}

impl FrameworkEntry {
    pub(super) fn admits(&self, role: &Role, agent: &AgentInfo) -> bool {
        self.constraints.as_ref().is_none_or(|constraints| constraints.admit(role, agent))
    }
}

impl Hierarchical {
    /// Takes in what a framework says of itself, for the first time or again.
    pub(super) fn known(&mut self, framework: Framework, active: bool) {
        let Framework { id, info, suppressed, constraints } = framework;
        let slot = self.frameworks.enter(&id);
        let roles = info.subscribed_roles();
        for membership in std::mem::take(&mut self.frameworks[slot].memberships) {
            match roles.contains(&membership.role) {
                true => self.frameworks[slot].memberships.push(membership),
                false => self.tree.leave(membership.client),
            }
        }
        for role in &roles {
            let client = self.tree.join(role, slot, id.as_str());
            let min = info.offer_filters.get(role).and_then(|filter| filter.min_allocatable.clone());
            match self.frameworks.membership_mut(client) {
                Some(membership) => membership.min = min,
                None => {
                    self.era += 1;
                    let membership =
                        Membership { role: role.clone(), client, era: self.era, filters: 0, min };
                    self.frameworks[slot].memberships.push(membership);
                }
            }
        }
        let entry = &mut self.frameworks[slot];
        entry.known = true;
        entry.suppressed = suppressed;
        entry.constraints = constraints.map(|constraints| Constraints::new(&constraints));
        entry.abilities = Abilities {
            gpus: info.capabilities.gpu_resources(),
            regions: info.capabilities.region_aware(),
            multi_role: info.capabilities.multi_role(),
            revocable: info.capabilities.revocable_resources(),
            shared: info.capabilities.shared_resources(),
            refined: info.capabilities.reservation_refinement(),
        };
        self.set_active(&id, active);
    }

    /// Lets a framework compete in its roles, but for the suppressed ones; or in none.
    pub(super) fn set_active(&mut self, framework: &FrameworkId, active: bool) {
        let Some(slot) = self.frameworks.slot(framework).filter(|slot| self.frameworks[*slot].known) else {
            return;
        };
        self.frameworks[slot].active = active;
        let entry = &self.frameworks[slot];
        for membership in &entry.memberships {
            let competes = active && !entry.suppressed.contains(&membership.role);
            self.tree.set_active(membership.client, competes);
            match competes {
                true => self.dirty.clients.insert(membership.client),
                false => self.dirty.clients.remove(&membership.client),
            };
        }
    }

    /// Suppresses or revives roles; none named are all.
    pub(super) fn set_suppressed(
        &mut self,
        framework: &FrameworkId,
        roles: &BTreeSet<Role>,
        suppressed: bool,
    ) {
        let Some(slot) = self.frameworks.slot(framework) else { return };
        let FrameworkEntry { active, memberships, suppressed: silent, .. } = &mut self.frameworks[slot];
        for Membership { role, client, .. } in memberships {
            if !roles.is_empty() && !roles.contains(role) {
                continue;
            }
            match suppressed {
                true => silent.insert(role.clone()),
                false => silent.remove(role),
            };
            let competes = *active && !suppressed;
            self.tree.set_active(*client, competes);
            match competes {
                true => self.dirty.clients.insert(*client),
                false => self.dirty.clients.remove(client),
            };
        }
    }

    /// Voids a framework's filters in these roles; none named are all.
    pub(super) fn drop_filters(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>) {
        let Some(slot) = self.frameworks.slot(framework) else { return };
        for membership in &mut self.frameworks[slot].memberships {
            if roles.is_empty() || roles.contains(&membership.role) {
                self.era += 1;
                membership.era = self.era;
                membership.filters = 0;
            }
        }
    }

    pub(super) fn forget_framework(&mut self, framework: &FrameworkId) {
        let Some(slot) = self.frameworks.slot(framework) else { return };
        for agent in std::mem::take(&mut self.frameworks[slot].holds) {
            if let Some(held) = self.agents[agent].held.remove(&slot) {
                self.release(slot, agent, &held);
            }
        }
        for membership in std::mem::take(&mut self.frameworks[slot].memberships) {
            self.dirty.clients.remove(&membership.client);
            self.tree.leave(membership.client);
        }
        self.frameworks[slot].known = false;
        self.frameworks.tidy(slot);
    }

    /// Takes in a new agent with what is used on it.
    pub(super) fn enter_agent(&mut self, agent: Agent, used: &[(FrameworkId, Resources)]) {
        if self.agents.slot(&agent.id).is_some() {
            self.forget_agent(&agent.id);
        }
        let traits = self.traits(&agent);
        let Agent { id, incarnation, info, total, .. } = agent;
        self.tree.grow(&portion::tally(&total, &mut self.names));
        let listed = self.agents.listed.as_ref().is_none_or(|hosts| hosts.contains(&info.hostname));
        let slot = self.agents.entries.insert(AgentEntry {
            id: id.clone(),
            incarnation,
            info,
            free: total.clone(),
            total,
            held: BTreeMap::new(),
            refusals: Refusals::default(),
            active: true,
            listed,
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
            let held =
                entry.held.values().fold(Resources::default(), |sum, held| sum + portion::unallocated(held));
            entry.free = total.clone() - held;
            entry.total = total;
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
        for (framework, held) in std::mem::take(&mut self.agents[slot].held) {
            self.frameworks[framework].holds.remove(&slot);
            self.release(framework, slot, &held);
            self.frameworks.tidy(framework);
        }
        self.agents.slots.remove(agent);
        let entry = self.agents.entries.remove(slot);
        self.tree.shrink(&portion::tally(&entry.total, &mut self.names));
        self.agents.idle.remove(&slot);
        self.dirty.agents.remove(&slot);
        self.dirty.pairs.remove(&slot);
    }

    pub(super) fn set_agent_active(&mut self, agent: &AgentId, active: bool) {
        let Some(slot) = self.agents.slot(agent) else { return };
        self.agents[slot].active = active;
        self.touch(slot);
    }

    pub(super) fn list_agents(&mut self, hostnames: Option<BTreeSet<String>>) {
        let slots: Vec<u32> = self.agents.slots.values().copied().collect();
        for slot in slots {
            let entry = &mut self.agents[slot];
            let listed = hostnames.as_ref().is_none_or(|hosts| hosts.contains(&entry.info.hostname));
            if std::mem::replace(&mut entry.listed, listed) != listed {
                self.touch(slot);
            }
        }
        self.agents.listed = hostnames;
    }

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
        entry.free -= portion::unallocated(resources);
        match entry.held.entry(framework) {
            Entry::Vacant(place) => drop(place.insert(resources.clone())),
            Entry::Occupied(mut held) => *held.get_mut() += resources,
        }
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
        if self.take_back(framework, agent, before) {
            let (before, after) = (portion::unallocated(before), portion::unallocated(after));
            let entry = &mut self.agents[agent];
            entry.free = std::mem::take(&mut entry.free) - before.clone() + after.clone();
            entry.total = std::mem::take(&mut entry.total) - before + after;
        }
        self.take(framework, agent, after);
    }

    /// A client does not want this, or less, from this agent until then.
    pub(super) fn refuse(&mut self, framework: u32, agent: u32, resources: &Resources, until: Time) {
        for (role, part) in portion::by_role(resources) {
            let Some(entry) = self.frameworks.entries.get_mut(framework).filter(|entry| entry.active) else {
                return;
            };
            let Some(membership) = entry.memberships.iter_mut().find(|membership| membership.role == role)
            else {
                continue;
            };
            let Membership { client, era, filters, .. } = membership;
            let refusals = &mut self.agents[agent].refusals;
            let more = refusals.insert(*client, portion::unallocated(&part), until, *era);
            *filters = filters.saturating_add_signed(more);
            self.ends.push(End { at: until, agent, client: *client, era: *era });
        }
        let (frameworks, agents) = (&self.frameworks, &self.agents);
        self.ends.prune(|end| {
            frameworks.membership(end.client).is_some_and(|membership| membership.era == end.era)
                && agents.entries.get(end.agent).is_some()
        });
    }

    /// Ends the filters whose time has come; the pairs they stood between are looked at again.
    pub(super) fn expire(&mut self, now: Time) {
        while let Some(end) = self.ends.pop(now) {
            let Some(membership) = self.frameworks.membership_mut(end.client) else { continue };
            let Some(agent) = self.agents.entries.get_mut(end.agent) else { continue };
            if membership.era == end.era && agent.refusals.end(&end) {
                membership.filters = membership.filters.saturating_sub(1);
                if self.agents.idle.contains(&end.agent) {
                    self.dirty.pairs.entry(end.agent).or_default().insert(end.client);
                }
            }
        }
    }

    fn clear_refusals(&mut self, agent: u32) {
        for (client, era) in self.agents[agent].refusals.clear() {
            if let Some(membership) =
                self.frameworks.membership_mut(client).filter(|membership| membership.era == era)
            {
                membership.filters = membership.filters.saturating_sub(1);
            }
        }
    }

    /// Gives resources that left `held` back to the agent, and lowers the shares.
    fn release(&mut self, framework: u32, agent: u32, resources: &Resources) {
        self.agents[agent].free += portion::unallocated(resources);
        for (role, part) in portion::by_role(resources) {
            let tally = portion::tally(&part, &mut self.names);
            self.agents.taken.minus(&tally);
            self.tree.released(&role, framework, &tally, &self.names);
        }
        self.touch(agent);
    }

    /// Everybody is asked about this agent again, if it has something to offer.
    fn touch(&mut self, agent: u32) {
        match self.agents.settle(agent) {
            true => self.dirty.agents.insert(agent),
            false => self.dirty.agents.remove(&agent),
        };
    }

    fn traits(&self, agent: &Agent) -> Traits {
        let region = agent.info.domain.as_ref().map(|domain| &domain.region);
        Traits {
            gpus: self.settings.filter_gpus && portion::has_gpus(&agent.total),
            remote: matches!((region, &self.settings.region), (Some(theirs), Some(ours)) if theirs != ours),
            single_role: !agent.capabilities.has(AgentCapability::MultiRole),
            flat_roles: !agent.capabilities.has(AgentCapability::HierarchicalRole),
        }
    }

    /// States what is always true: what is free and what is held add up to what there is.
    pub fn check(&self) {
        for (slot, agent) in self.agents.iter() {
            let held =
                agent.held.values().fold(Resources::default(), |sum, held| sum + portion::unallocated(held));
            assert!(
                (agent.free.clone() + held.clone()).contains(&agent.total)
                    && agent.total.contains(&(agent.free.clone() + held)),
                "free and held of agent {} do not add up",
                agent.id,
            );
            for framework in agent.held.keys() {
                assert!(self.frameworks[*framework].holds.contains(&slot));
            }
            assert_eq!(
                self.agents.idle.contains(&slot),
                agent.active && agent.listed && !agent.free.is_empty(),
                "agent {} is idle when it has something to offer",
                agent.id,
            );
        }
    }
}

impl Index<u32> for Agents {
    type Output = AgentEntry;

    fn index(&self, slot: u32) -> &AgentEntry {
        &self.entries[slot]
    }
}

impl IndexMut<u32> for Agents {
    fn index_mut(&mut self, slot: u32) -> &mut AgentEntry {
        &mut self.entries[slot]
    }
}

impl Index<u32> for Frameworks {
    type Output = FrameworkEntry;

    fn index(&self, slot: u32) -> &FrameworkEntry {
        &self.entries[slot]
    }
}

impl IndexMut<u32> for Frameworks {
    fn index_mut(&mut self, slot: u32) -> &mut FrameworkEntry {
        &mut self.entries[slot]
    }
}

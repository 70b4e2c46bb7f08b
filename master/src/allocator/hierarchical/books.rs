//! What the allocator knows: agents with what is free on them and who holds the rest, frameworks with the roles they are in.
//!
//! What is free is kept, not computed: a grant takes from it and a recovery gives back, so the two always
//! add up to the agent's total.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use model::{AgentId, AgentInfo, FrameworkId, Quantities, Resources, Role};

use super::constraints::Constraints;
use super::directory::Directory;
use super::filters::Refusals;
use super::free::Free;
use super::held::Held;
use super::numbers::Numbers;
use super::portion::Contents;
use super::preferences::Preference;
use super::slab::Slab;
use super::{Hierarchical, ledger, portion};
use crate::allocator::sorter::{Client, Tally};

/// Agents by number.
#[derive(Debug, Default)]
pub(super) struct Agents {
    pub(super) slots: Directory<AgentId>,
    pub(super) entries: Slab<AgentEntry>,
    /// Agents with something to offer.
    pub(super) idle: Numbers,
    /// All that frameworks hold.
    pub(super) taken: Tally,
    /// Hosts that may be offered; all, if absent.
    pub(super) listed: Option<BTreeSet<String>>,
}

/// One agent.
#[derive(Debug)]
pub(super) struct AgentEntry {
    pub(super) id: AgentId,
    pub(super) incarnation: u64,
    pub(super) info: Arc<AgentInfo>,
    pub(super) total: Resources,
    /// What nobody holds, allocated to nobody.
    pub(super) free: Free,
    /// Whether more is held than there is, or something else; then nothing of what lacks is free.
    pub(super) short: bool,
    pub(super) held: Held,
    /// What of `free` the ledger counts as idle, and what kind of things `free` holds; of an idle agent.
    pub(super) counted: Tally,
    pub(super) contents: Contents,
    pub(super) refusals: Refusals,
    pub(super) active: bool,
    pub(super) listed: bool,
    /// Whether it is among those with something to offer.
    pub(super) idle: bool,
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
    pub(super) slots: Directory<FrameworkId>,
    pub(super) entries: Slab<FrameworkEntry>,
}

/// One framework. Of one that is not `known` only what it holds is known: its agent came before it.
#[derive(Debug)]
pub(super) struct FrameworkEntry {
    pub(super) id: FrameworkId,
    pub(super) known: bool,
    pub(super) active: bool,
    pub(super) abilities: Abilities,
    pub(super) constraints: Option<Constraints>,
    pub(super) suppressed: BTreeSet<Role>,
    pub(super) preference: Option<Preference>,
    pub(super) memberships: Vec<Membership>,
    /// Agents on which it holds something.
    pub(super) holds: BTreeSet<u32>,
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
    /// That of the role at the top, in the ledger.
    pub(super) account: u32,
    /// Filters of another era are void.
    pub(super) era: u64,
    pub(super) filters: usize,
    /// What an offer must hold one of; `None` is what the flag says.
    pub(super) min: Option<Vec<Quantities>>,
}

impl Agents {
    pub(super) fn slot(&self, id: &AgentId) -> Option<u32> {
        self.slots.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &AgentEntry)> {
        self.entries.iter()
    }
}

impl Frameworks {
    pub(super) fn slot(&self, id: &FrameworkId) -> Option<u32> {
        self.slots.get(id)
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

    pub(super) fn membership_mut(&mut self, client: Client) -> Option<&mut Membership> {
        self.entries
            .get_mut(client.framework)?
            .memberships
            .iter_mut()
            .find(|membership| membership.client == client)
    }

    /// The framework's number, given to it if it has none.
    pub(super) fn enter(&mut self, id: &FrameworkId) -> u32 {
        if let Some(slot) = self.slots.get(id) {
            return slot;
        }
        let slot = self.entries.insert(FrameworkEntry {
            id: id.clone(),
            known: false,
            active: false,
            abilities: Abilities::default(),
            constraints: None,
            suppressed: BTreeSet::new(),
            preference: None,
            memberships: Vec::new(),
            holds: BTreeSet::new(),
        });
        self.slots.insert(id.clone(), slot);
        slot
    }

    /// Forgets a framework of which nothing is left.
    pub(super) fn tidy(&mut self, slot: u32) {
        let framework = &self.entries[slot];
        if !framework.known && framework.holds.is_empty() {
            self.slots.remove(&framework.id);
            self.entries.remove(slot);
        }
    }
}

impl AgentEntry {
    /// While more is held than there is, what is free cannot be kept by adding and taking: counts it anew.
    pub(super) fn level(&mut self) {
        if self.short {
            let held = self.held.sum();
            self.short = !self.total.contains(&held);
            self.free = (self.total.clone() - held).into();
        }
    }

    /// Whether it has something that may be offered.
    pub(super) fn may_be_offered(&self) -> bool {
        self.active && self.listed && !self.free.is_empty()
    }
}

impl FrameworkEntry {
    /// The framework in this role.
    pub(super) fn member(&self, role: &Role) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.role == *role)
    }

    pub(super) fn admits(&self, role: &Role, agent: &AgentInfo) -> bool {
        self.constraints.as_ref().is_none_or(|constraints| constraints.admit(role, agent))
    }
}

impl Hierarchical {
    /// Puts an agent among the idle or takes it out, by whether it has something that may be offered.
    pub(super) fn settle(&mut self, slot: u32) -> bool {
        let agent = &self.agents.entries[slot];
        let (contents, counted) = match agent.may_be_offered() {
            true => (Contents::of(&agent.free), ledger::counted(&agent.free, &mut self.names)),
            false => (Contents::default(), Tally::default()),
        };
        self.settle_as(slot, contents, counted)
    }

    /// The same where it is known what is free.
    pub(super) fn settle_as(&mut self, slot: u32, contents: Contents, counted: Tally) -> bool {
        let agent = &mut self.agents.entries[slot];
        let idle = agent.may_be_offered();
        self.ledger.refill(&agent.counted, &counted);
        agent.counted = counted;
        agent.contents = contents;
        agent.idle = idle;
        match idle {
            true => self.agents.idle.insert(slot),
            false => self.agents.idle.remove(slot),
        };
        idle
    }

    /// Has the ledger count what is kept for roles on an agent, anew after it changed.
    pub(super) fn count_reservations(&mut self, before: &Resources, after: &Resources) {
        for (role, tally) in ledger::kept(before, &mut self.names) {
            self.ledger.restore(&role, &tally);
        }
        for (role, tally) in ledger::kept(after, &mut self.names) {
            self.ledger.consume(&role, &tally);
        }
        self.reclass();
    }

    /// States what is always true: what is free and what is held add up to what there is.
    pub fn check(&self) {
        self.check_ledger();
        for (slot, agent) in self.agents.iter() {
            let held = agent.held.sum();
            match agent.short {
                true => assert_eq!(*agent.free, agent.total.clone() - held, "nothing of what lacks is free"),
                false => assert!(
                    (Resources::clone(&agent.free) + held.clone()).contains(&agent.total)
                        && agent.total.contains(&(Resources::clone(&agent.free) + held)),
                    "free and held of agent {} do not add up",
                    agent.id,
                ),
            }
            for (framework, _) in agent.held.iter() {
                assert!(self.frameworks[framework].holds.contains(&slot));
            }
            let idle = agent.may_be_offered();
            assert_eq!(
                self.agents.idle.contains(slot),
                idle,
                "agent {} is idle when it has something to offer",
                agent.id
            );
            assert!(
                !idle || agent.contents == Contents::of(&agent.free),
                "what is free on {} is known",
                agent.id
            );
        }
    }
}

impl Hierarchical {
    fn check_ledger(&self) {
        let mut names = self.names.clone();
        let (mut free, mut consumed) = (Tally::default(), BTreeMap::<Role, Tally>::new());
        for (_, agent) in self.agents.iter() {
            if agent.active && agent.listed {
                free.plus(&ledger::counted(&agent.free, &mut names));
            }
            for (role, kept) in ledger::kept(&agent.total, &mut names) {
                consumed.entry(role).or_default().plus(&kept);
            }
            for (role, part) in agent.held.iter().flat_map(|(_, held)| portion::by_role(held)) {
                let counted = ledger::counted(&part, &mut names);
                consumed.entry(Role::new(role.top())).or_default().plus(&counted);
            }
        }
        self.ledger.check(&free, &consumed);
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

//! One run: the agents that are dirty, in random order, are given to whoever's turn it is.
//!
//! For each agent the clients are asked in the sorter's order. The first that can be given something gets all of it that its
//! role may have; the rest, if any, goes to those behind it. So offers are coarse, and the next agent goes to somebody else.

use rand::{Rng, RngExt};
use smallvec::SmallVec;

use model::{Quantities, Resources, Time};

use super::books::{AgentEntry, FrameworkEntry, Membership};
use super::dirty::Dirty;
use super::filters::Verdicts;
use super::ledger::Draft;
use super::portion::Shelf;
use super::{Hierarchical, Settings};
use crate::allocator::Allocation;
use crate::allocator::sorter::{Class, Client};
use crate::allocator::why::Reason;

/// Beyond this many named clients, asking everybody in order is cheaper than sorting the named ones.
const NAMED_MAX: usize = 32;

/// What came of asking about one agent, not yet booked.
#[derive(Default)]
struct Found {
    /// Who gets what; `None` is all there is.
    grants: SmallVec<[(Client, Option<Resources>); 1]>,
    /// Accounts that were given less than there was.
    kept_back: SmallVec<[u32; 4]>,
}

impl Hierarchical {
    /// Looks at everybody who is dirty, and leaves nobody so.
    pub(super) fn run(&mut self, now: Time, rng: &mut dyn Rng) -> Vec<Allocation> {
        self.ease();
        let dirty = std::mem::take(&mut self.dirty);
        if dirty.is_empty() {
            return Vec::new();
        }
        self.tree.refresh(&self.names);
        self.tree.age(now);
        let mut agents: Vec<u32> = match dirty.clients.is_empty() {
            true => {
                let mut agents = dirty.agents.clone();
                for agent in dirty.pairs.keys() {
                    agents.insert(*agent);
                }
                agents.iter().collect()
            }
            false => self.agents.idle.iter().collect(),
        };
        let mut allocations = Vec::new();
        for stage in self.stages() {
            agents.retain(|agent| self.agents.entries.get(*agent).is_some_and(|agent| agent.idle));
            shuffle(&mut agents, rng);
            for &agent in &agents {
                let classes = self.classes(*stage, self.agents[agent].contents);
                if !classes.iter().any(|class| self.tree.has(*class)) {
                    continue;
                }
                let found = self.look(agent, &dirty, classes, rng);
                found.kept_back.iter().for_each(|account| self.ledger.keep_back(*account));
                for (client, resources) in found.grants {
                    allocations.push(self.grant(agent, client, resources));
                }
            }
        }
        self.ledger.rest();
        allocations
    }

    /// Asks everybody if something of the agent came free, and otherwise who changed.
    fn look(&self, agent: u32, dirty: &Dirty, classes: &[Class], rng: &mut dyn Rng) -> Found {
        if dirty.clients.len() > NAMED_MAX || dirty.agents.contains(agent) {
            return self.ask(agent, self.tree.walk(classes, rng));
        }
        let pairs = dirty.pairs.get(&agent).into_iter().flatten();
        let mut named: Vec<Client> = pairs.chain(&dirty.clients).copied().collect();
        named.sort_unstable();
        named.dedup();
        named.retain(|client| {
            let membership = self.frameworks.membership(*client);
            membership.is_some_and(|membership| classes.contains(&self.ledger.class(membership.account)))
                && self.tree.is_active(*client)
        });
        self.tree.sort(&mut named, rng);
        self.ask(agent, named.into_iter())
    }

    /// Asks clients in order until nothing worth an offer is left of the agent.
    fn ask(&self, agent: u32, clients: impl Iterator<Item = Client>) -> Found {
        let agent = &self.agents[agent];
        let mut found = Found::default();
        let mut shelf = Shelf::of(&agent.free, agent.contents);
        let mut draft = (!self.ledger.is_idle()).then(|| Draft::new(&self.ledger, &self.names));
        let mut verdicts = Verdicts::default();
        // What everybody may be given is worth it alone; nothing has to be looked at for those who are given all of it.
        let plenty = self.ledger.is_worth(&agent.counted);
        if !plenty && !self.is_worth_asking(&shelf) {
            return found;
        }
        for client in clients {
            let Some(membership) = self.frameworks.membership(client) else { continue };
            let framework = &self.frameworks[client.framework];
            if misfit(agent, framework, membership).is_some() {
                continue;
            }
            let mut part = shelf.part(&membership.role, framework.abilities);
            let mut whole = shelf.is_plain();
            if let Some(draft) = &draft {
                let (shrunk, less) = draft.shrink(membership.account, part.into_owned());
                part = std::borrow::Cow::Owned(shrunk);
                whole &= !less;
                if less && !found.kept_back.contains(&membership.account) {
                    found.kept_back.push(membership.account);
                }
            }
            let plenty = plenty && whole && found.grants.is_empty() && membership.min.is_none();
            if !plenty && (part.is_empty() || !self.settings.worth_offering(&part, membership.min.as_deref()))
            {
                continue;
            }
            // What was found out about all that is left says nothing about a part of it.
            let refused = match whole {
                true => agent.refusals.reject(client, membership.era, &part, &mut verdicts),
                false => agent.refusals.reject(client, membership.era, &part, &mut Verdicts::default()),
            };
            if refused {
                continue;
            }
            if let Some(draft) = &mut draft {
                draft.give(membership.account, &part);
            }
            if whole {
                found.grants.push((client, None));
                break;
            }
            found.grants.push((client, Some(part.allocate(&membership.role))));
            let part = part.into_owned();
            shelf.take(&part);
            if !self.is_worth_asking(&shelf) {
                break;
            }
            verdicts.forget();
        }
        found
    }

    /// Whether there is enough for anybody.
    fn is_worth_asking(&self, shelf: &Shelf<'_>) -> bool {
        shelf.is_large() || self.ledger.is_anybody_picky() || self.settings.worth_offering(shelf.rest(), None)
    }

    fn grant(&mut self, agent: u32, client: Client, part: Option<Resources>) -> Allocation {
        let role = self.tree.role(client.node).clone();
        let resources = match part {
            Some(resources) => {
                self.take(client.framework, agent, &resources);
                resources
            }
            None => self.take_all(client.framework, agent, &role),
        };
        let (entry, framework) = (&self.agents[agent], &self.frameworks[client.framework]);
        Allocation {
            framework: framework.id.clone(),
            role,
            agent: entry.id.clone(),
            incarnation: entry.incarnation,
            resources,
        }
    }
}

/// Why the framework cannot live with the agent at all, or does not want it.
pub(super) fn misfit(
    agent: &AgentEntry,
    framework: &FrameworkEntry,
    membership: &Membership,
) -> Option<Reason> {
    let (asks, able) = (agent.traits, framework.abilities);
    match () {
        () if asks.gpus && !able.gpus => Some(Reason::Capability("GPU_RESOURCES")),
        () if asks.remote && !able.regions => Some(Reason::Capability("REGION_AWARE")),
        () if asks.single_role && able.multi_role => Some(Reason::Capability("MULTI_ROLE")),
        () if asks.flat_roles && membership.role.is_hierarchical() => {
            Some(Reason::Capability("HIERARCHICAL_ROLE"))
        }
        () if !framework.admits(&membership.role, &agent.info) => Some(Reason::Constraint),
        () if framework.preference.as_ref().is_some_and(|wanted| !wanted.takes(&agent.id)) => {
            Some(Reason::Preference)
        }
        () => None,
    }
}

impl Settings {
    /// Whether there is enough in it: one of the framework's minimums, or of the flag's. An empty list takes anything.
    pub(super) fn worth_offering(&self, part: &Resources, min: Option<&[Quantities]>) -> bool {
        let minimums = min.unwrap_or(&self.min_allocatable);
        minimums.is_empty()
            || minimums
                .iter()
                .any(|minimum| minimum.iter().all(|(name, amount)| quantity(part, name) >= amount))
    }
}

fn quantity(part: &Resources, name: &str) -> model::Scalar {
    part.iter().filter(|resource| &*resource.name == name).map(|resource| resource.value.quantity()).sum()
}

/// Source: Fisher and Yates.
fn shuffle(agents: &mut [u32], rng: &mut dyn Rng) {
    for last in (1..agents.len()).rev() {
        agents.swap(last, rng.random_range(0..=last));
    }
}

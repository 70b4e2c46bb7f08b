//! One run: the agents that are dirty, in random order, are given to whoever's turn it is.
//!
//! For each agent the clients are asked in the sorter's order. The first that can be given something gets all of it that its
//! role may have; the rest, if any, goes to those behind it. So offers are coarse, and the next agent goes to somebody else.

use rand::{Rng, RngExt};

use model::{Quantities, Resources};

use super::books::{AgentEntry, FrameworkEntry, Membership};
use super::filters::Verdicts;
use super::portion::{Contents, portion};
use super::{Hierarchical, Settings};
use crate::allocator::Allocation;
use crate::allocator::sorter::Client;

/// Beyond this many named clients, asking everybody in order is cheaper than sorting the named ones.
const NAMED_MAX: usize = 32;

/// Resources for a client, not yet taken from the books.
pub(super) type Grant = (Client, Resources);

impl Hierarchical {
    /// Looks at everybody who is dirty, and leaves nobody so.
    pub(super) fn run(&mut self, rng: &mut dyn Rng) -> Vec<Allocation> {
        let dirty = std::mem::take(&mut self.dirty);
        if dirty.is_empty() {
            return Vec::new();
        }
        self.tree.refresh(&self.names);
        let everybody = dirty.clients.len() > NAMED_MAX;
        let mut agents: Vec<u32> = match dirty.clients.is_empty() {
            true => dirty.agents.iter().chain(dirty.pairs.keys()).copied().collect(),
            false => self.agents.idle.iter().copied().collect(),
        };
        agents.sort_unstable();
        agents.dedup();
        agents.retain(|agent| self.agents.idle.contains(agent));
        shuffle(&mut agents, rng);
        let mut allocations = Vec::new();
        for agent in agents {
            let grants = if everybody || dirty.agents.contains(&agent) {
                self.ask(agent, self.tree.walk(rng))
            } else {
                let pairs = dirty.pairs.get(&agent).into_iter().flatten();
                let mut named: Vec<Client> = pairs.chain(&dirty.clients).copied().collect();
                named.sort_unstable();
                named.dedup();
                named.retain(|client| {
                    self.frameworks.membership(*client).is_some() && self.tree.is_active(*client)
                });
                self.tree.sort(&mut named, rng);
                self.ask(agent, named.into_iter())
            };
            for (client, resources) in grants {
                allocations.push(self.grant(agent, client, resources));
            }
        }
        allocations
    }

    /// Asks clients in order until nothing is left of the agent.
    fn ask(&self, agent: u32, clients: impl Iterator<Item = Client>) -> Vec<Grant> {
        let agent = &self.agents[agent];
        let mut grants = Vec::new();
        let mut rest = std::borrow::Cow::Borrowed(&agent.free);
        let mut contents = Contents::of(&rest);
        let mut verdicts = Verdicts::default();
        for client in clients {
            let Some(membership) = self.frameworks.membership(client) else { continue };
            let framework = &self.frameworks[client.framework];
            if !suits(agent, framework, membership) {
                continue;
            }
            let part = portion(&rest, contents, &membership.role, framework.abilities);
            if part.is_empty() || !self.settings.worth_offering(&part, membership.min.as_deref()) {
                continue;
            }
            // What was found out about all that is left says nothing about a part of it.
            let refused = match contents.is_plain() {
                true => agent.refusals.reject(client, membership.era, &part, &mut verdicts),
                false => agent.refusals.reject(client, membership.era, &part, &mut Verdicts::default()),
            };
            if refused {
                continue;
            }
            grants.push((client, part.allocate(&membership.role)));
            if contents.is_plain() {
                break;
            }
            let part = part.into_owned();
            let left = rest.into_owned() - &part;
            if left.is_empty() {
                break;
            }
            contents = Contents::of(&left);
            rest = std::borrow::Cow::Owned(left);
            verdicts.forget();
        }
        grants
    }

    pub(super) fn grant(&mut self, agent: u32, client: Client, resources: Resources) -> Allocation {
        self.take(client.framework, agent, &resources);
        let (entry, framework) = (&self.agents[agent], &self.frameworks[client.framework]);
        Allocation {
            framework: framework.id.clone(),
            role: self.tree.role(client.node).clone(),
            agent: entry.id.clone(),
            incarnation: entry.incarnation,
            resources,
        }
    }
}

/// Whether the framework can live with the agent at all, and wants it.
pub(super) fn suits(agent: &AgentEntry, framework: &FrameworkEntry, membership: &Membership) -> bool {
    let (asks, able) = (agent.traits, framework.abilities);
    (able.gpus || !asks.gpus)
        && (able.regions || !asks.remote)
        && !(asks.single_role && able.multi_role)
        && !(asks.flat_roles && membership.role.is_hierarchical())
        && framework.admits(&membership.role, &agent.info)
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
pub(super) fn shuffle(agents: &mut [u32], rng: &mut dyn Rng) {
    for last in (1..agents.len()).rev() {
        agents.swap(last, rng.random_range(0..=last));
    }
}

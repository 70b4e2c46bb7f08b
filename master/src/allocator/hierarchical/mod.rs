//! Hierarchical dominant resource fairness: the built-in allocator.
//!
//! Read in this order:
//! 1. [`books`], [`free`], [`held`]: what is known of agents and frameworks, what is free and who holds the rest;
//! 2. [`frameworks`], [`agents`], [`holdings`], [`refuse`]: what happens to them;
//! 3. [`dirty`]: who has to be looked at again, and why nobody else has to;
//! 4. [`cycle`]: one run: who is offered what of the agents that are dirty;
//! 5. [`portion`]: the part of an agent's free resources that a framework may be given;
//! 6. [`filters`], [`constraints`], [`preferences`]: what frameworks do not want, or not yet;
//! 7. [`why`]: the same checks, told to who asks.
//!
//! Beneath them: [`slab`] and [`directory`] give agents and frameworks small numbers, [`numbers`] is a set of those.
//!
//! Work is proportional to what changed. An agent is looked at when something of it came free; a framework, when it became
//! able to take what it could not take before; one pair of the two, when a filter between them ended. A run with none of these
//! looks at nobody.
//!
//! While roles have quota, a run has two stages, see [`quota`]; what roles may take is kept up to date in the [`ledger`].
//!
//! Source: Mesos hierarchical allocator.

mod agents;
mod books;
mod constraints;
mod cycle;
mod directory;
mod dirty;
mod filters;
mod frameworks;
mod free;
mod held;
mod holdings;
mod ledger;
mod numbers;
mod portion;
mod preferences;
mod quota;
mod refuse;
mod slab;
mod why;

#[cfg(test)]
mod laws;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::call::ResourceRequest;
use model::{AgentId, FrameworkId, Quantities, Quota, Resources, Role, Scalar, Time, Weight};

use super::sorter::{Names, Order, Tree};
use super::why::{Question, Why};
use super::{Agent, Allocation, Allocator, Figures, Framework};
use books::{Agents, Frameworks};
pub use constraints::compile as compile_constraint;
use dirty::Dirty;
use filters::Ends;
use ledger::Ledger;

/// A framework that declines and sets no filter is not offered the same in this time, so that the two do not spin.
const BREATH: Duration = Duration::from_millis(10);

/// How the built-in allocator is told to share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The least time a filter holds.
    pub filter_min: Duration,
    /// Order of roles, and of frameworks inside a role.
    pub order: Order,
    /// Resources that count for nobody's share.
    pub excluded: Vec<String>,
    /// What roles weigh to begin with; those not named weigh 1.
    pub weights: BTreeMap<Role, f64>,
    /// Whether agents with GPUs are kept for frameworks that know what those are.
    pub filter_gpus: bool,
    /// What is left of an agent is offered when it holds one of these; none at all: anything is.
    pub min_allocatable: Vec<Quantities>,
    /// How long a framework that asked for certain agents is offered no others.
    pub preference_wait: Duration,
    /// The region of the master: agents elsewhere are for frameworks that know of regions.
    pub region: Option<String>,
}

/// The allocator's books and what changed in them.
#[derive(Debug)]
pub struct Hierarchical {
    settings: Settings,
    names: Names,
    tree: Tree,
    frameworks: Frameworks,
    agents: Agents,
    dirty: Dirty,
    ends: Ends,
    /// When frameworks no longer wait for agents they prefer. Shape: (until, framework).
    preferences: BTreeSet<(Time, u32)>,
    /// What roles are promised, have at most and have.
    ledger: Ledger,
    /// Counts up; every set of filters that vanishes together has its own.
    era: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            filter_min: Duration::from_secs(1),
            order: Order::Drf,
            excluded: Vec::new(),
            weights: BTreeMap::new(),
            filter_gpus: true,
            min_allocatable: vec![
                Quantities::from_iter([("cpus", Scalar::from_thousandths(10))]),
                Quantities::from_iter([("mem", Scalar::whole(32))]),
            ],
            preference_wait: Duration::from_secs(3),
            region: None,
        }
    }
}

impl Hierarchical {
    /// An allocator that knows nobody yet.
    pub fn new(settings: Settings) -> Hierarchical {
        let mut tree = Tree::new(settings.order);
        for (role, weight) in &settings.weights {
            tree.set_weight(role, *weight);
        }
        let mut names = Names::new(&settings.excluded);
        Hierarchical {
            ledger: Ledger::new(&settings.min_allocatable, &mut names),
            names,
            tree,
            frameworks: Frameworks::default(),
            agents: Agents::default(),
            dirty: Dirty::default(),
            ends: Ends::default(),
            preferences: BTreeSet::new(),
            era: 0,
            settings,
        }
    }
}

impl Allocator for Hierarchical {
    fn add_framework(&mut self, framework: Framework, used: &[(AgentId, Resources)], active: bool) {
        let id = framework.id.clone();
        self.known(framework, active);
        for (agent, resources) in used {
            self.note_used(&id, agent, resources);
        }
    }

    fn update_framework(&mut self, framework: Framework) {
        if let Some(slot) = self.frameworks.slot(&framework.id) {
            let active = self.frameworks[slot].active;
            self.known(framework, active);
        }
    }

    fn remove_framework(&mut self, framework: &FrameworkId) {
        self.forget_framework(framework);
    }

    fn activate_framework(&mut self, framework: &FrameworkId) {
        self.set_active(framework, true);
    }

    fn deactivate_framework(&mut self, framework: &FrameworkId) {
        self.set_active(framework, false);
        self.drop_filters(framework, &BTreeSet::new());
    }

    fn add_agent(&mut self, agent: Agent, used: &[(FrameworkId, Resources)]) {
        self.enter_agent(agent, used);
    }

    fn update_agent(&mut self, agent: Agent) {
        self.change_agent(agent);
    }

    fn remove_agent(&mut self, agent: &AgentId) {
        self.forget_agent(agent);
    }

    fn activate_agent(&mut self, agent: &AgentId) {
        self.set_agent_active(agent, true);
    }

    fn deactivate_agent(&mut self, agent: &AgentId) {
        self.set_agent_active(agent, false);
    }

    fn recover(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
        now: Time,
    ) {
        let (Some(framework), Some(agent)) = (self.frameworks.slot(framework), self.agents.slot(agent))
        else {
            return;
        };
        let Some(returned) = self.take_back(framework, agent, resources) else { return };
        match refuse {
            Some(Duration::ZERO) => self.refuse(framework, agent, returned, now + BREATH),
            Some(refuse) => {
                self.refuse(framework, agent, returned, now + refuse.max(self.settings.filter_min))
            }
            None => {}
        }
    }

    fn update_allocation(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        before: &Resources,
        after: &Resources,
    ) {
        let (Some(framework), Some(agent)) = (self.frameworks.slot(framework), self.agents.slot(agent))
        else {
            return;
        };
        self.convert(framework, agent, before, after);
    }

    fn update_available(&mut self, agent: &AgentId, before: &Resources, after: &Resources) {
        if let Some(agent) = self.agents.slot(agent) {
            self.convert_free(agent, before, after);
        }
    }

    fn revive(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>) {
        self.drop_filters(framework, roles);
        self.set_suppressed(framework, roles, false);
    }

    fn suppress(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>) {
        self.set_suppressed(framework, roles, true);
    }

    fn request(&mut self, framework: &FrameworkId, requests: &[ResourceRequest], now: Time) {
        self.prefer(framework, requests, now);
    }

    fn update_weights(&mut self, weights: &[Weight]) {
        for weight in weights {
            self.tree.set_weight(&weight.role, weight.weight());
        }
    }

    fn update_quotas(&mut self, quotas: &[Quota]) {
        self.set_quotas(quotas);
    }

    fn update_whitelist(&mut self, hostnames: Option<BTreeSet<String>>) {
        self.list_agents(hostnames);
    }

    fn allocate(&mut self, now: Time, rng: &mut dyn rand::Rng) -> Vec<Allocation> {
        self.expire(now);
        self.run(now, rng)
    }

    fn pending(&self) -> bool {
        !self.dirty.is_empty() || self.ledger.is_anybody_eased()
    }

    fn deadline(&self) -> Option<Time> {
        let preference = self.preferences.first().map(|(until, _)| *until);
        self.ends.next().into_iter().chain(preference).min()
    }

    fn why(&self, question: &Question, now: Time) -> Option<Why> {
        self.explain(question, now)
    }

    fn figures(&self) -> Figures {
        let spell = |tally| {
            self.names.spell(tally).map(|(name, amount)| (name.to_owned(), amount.as_f64())).collect()
        };
        Figures {
            total: spell(self.tree.total()),
            taken: spell(&self.agents.taken),
            filters: self.frameworks.filters_by_role(),
            shares: self.tree.shares(&self.names).map(|(role, share)| (role.clone(), share)).collect(),
        }
    }
}

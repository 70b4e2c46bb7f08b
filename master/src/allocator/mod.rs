//! The allocator: decides whose turn it is. The master tells it what exists and what is used; it answers with what to offer to whom.
//!
//! Read in this order:
//! 1. [`messages`]: what the master tells it, and what it answers;
//! 2. [`Allocator`]: the seam, a plain synchronous trait that a contributor can implement in a page;
//! 3. [`actor`]: the shell that gathers changes, runs the trait and sets its timer;
//! 4. [`hold`]: why it does not run at once after a failover;
//! 5. [`hierarchical`]: the built-in one, hierarchical dominant resource fairness, incremental;
//! 6. [`why`]: what keeps resources from being offered, for who asks;
//! 7. [`sorter`]: the order of roles and of frameworks inside a role.
//!
//! The allocator's books are its own: every amount it has handed out counts as used until the master
//! says [`recover`](Allocator::recover). The master never asks it anything and never waits for it.

pub mod actor;
pub mod hierarchical;
mod hold;
pub mod messages;
mod policy;
mod sorter;
pub mod why;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use model::call::ResourceRequest;
use model::{AgentId, FrameworkId, Quota, Resources, Role, Time, Weight};

pub use actor::AllocatorActor;
pub use hierarchical::Hierarchical;
pub use hold::Recovery;
pub use messages::{Agent, Allocation, Framework, Input};
pub use policy::Policy;
pub use rand::Rng;
pub use sorter::Order;

/// A policy that shares agents' resources among frameworks.
///
/// What has a body here may be left out by a policy that has no use for it. Chosen by [`Policy`]; `examples/src/first_come.rs` is
/// the smallest one.
///
/// Calls arrive in the order in which the master decided them. What a call names and the allocator does not know is
/// skipped: a framework may end while its resources are still on their way back. Resources handed over as used, and those
/// in an [`Allocation`], carry the role they are allocated to; agents' totals carry none.
pub trait Allocator {
    /// A framework came, or came back; `used` is what it already holds per agent (after a master's failover).
    fn add_framework(&mut self, framework: Framework, used: &[(AgentId, Resources)], active: bool);

    /// Replaces what is known of a framework: roles, suppressed roles, capabilities, constraints.
    fn update_framework(&mut self, framework: Framework);

    /// The framework is gone; whatever still counts as used by it is free.
    fn remove_framework(&mut self, framework: &FrameworkId);

    /// The framework may be offered resources again.
    fn activate_framework(&mut self, framework: &FrameworkId);

    /// The framework gets no offers until activated; its filters are forgotten.
    fn deactivate_framework(&mut self, framework: &FrameworkId);

    /// An agent came with `agent.total`; `used` is what its tasks and executors hold, per framework.
    /// Frameworks not known yet may hold resources: they are expected to be added later.
    fn add_agent(&mut self, agent: Agent, used: &[(FrameworkId, Resources)]);

    /// Replaces an agent's total, attributes and capabilities; filters on it are forgotten when the total changes.
    fn update_agent(&mut self, agent: Agent);

    /// The agent is gone, with everything on it.
    fn remove_agent(&mut self, agent: &AgentId);

    /// The agent's resources may be offered. A new agent is active.
    fn activate_agent(&mut self, agent: &AgentId);

    /// Nothing of the agent is offered until activated; the master rescinds what is out.
    fn deactivate_agent(&mut self, agent: &AgentId);

    /// Resources come back: declined, rescinded, or their task ended. With `refuse`, the framework does not
    /// want them, or less of them, from this agent for that long.
    fn recover(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
        now: Time,
    );

    /// An operation turned `before` into `after` while the framework holds them (reserve, create and their kin). With
    /// nothing before, more of its tasks use what is shared and there already.
    fn update_allocation(
        &mut self,
        _framework: &FrameworkId,
        _agent: &AgentId,
        _before: &Resources,
        _after: &Resources,
    ) {
    }

    /// An operation turned `before` into `after` while nobody held them. What was given away meanwhile comes back.
    fn update_available(&mut self, agent: &AgentId, before: &Resources, after: &Resources);

    /// The framework wants offers for these roles (none named: all of its roles); its filters there are forgotten.
    fn revive(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>);

    /// The framework wants no offers for these roles (none named: all of its roles).
    fn suppress(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>);

    /// The framework asks for resources, perhaps on certain agents, in place of what it asked for before. May be ignored.
    fn request(&mut self, _framework: &FrameworkId, _requests: &[ResourceRequest], _now: Time) {}

    /// Sets the weights of the roles named; the others keep theirs.
    fn update_weights(&mut self, _weights: &[Weight]) {}

    /// Replaces the quotas of the roles named; the others keep theirs. One that promises and limits nothing is forgotten.
    fn update_quotas(&mut self, _quotas: &[Quota]) {}

    /// Only agents on these hosts are offered; `None` lifts the list.
    fn update_whitelist(&mut self, _hostnames: Option<BTreeSet<String>>) {}

    /// Decides on everything that changed since the last call. Costs nothing when nothing did.
    fn allocate(&mut self, now: Time, rng: &mut dyn Rng) -> Vec<Allocation>;

    /// Whether [`allocate`](Allocator::allocate) has something to look at.
    fn pending(&self) -> bool;

    /// When the next filter expires; `allocate` should run then even if nothing else happened.
    fn deadline(&self) -> Option<Time>;

    /// Why somebody is offered no more, from what is known now and in bounded time. `None`: nobody is known by that name, or
    /// this allocator does not say.
    fn why(&self, _question: &why::Question, _now: Time) -> Option<why::Why> {
        None
    }

    /// Figures for the metrics of the reference (`allocator/mesos/…`).
    fn figures(&self) -> Figures {
        Figures::default()
    }
}

/// What an allocator publishes about itself after a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Scalar quantities of all agents, by name. Unit: that of the resource.
    pub total: BTreeMap<String, f64>,
    /// The part of `total` that is offered or used.
    pub taken: BTreeMap<String, f64>,
    /// Filters in force, by role.
    pub filters: BTreeMap<Role, usize>,
    /// Dominant share of each role with frameworks.
    pub shares: BTreeMap<Role, f64>,
}

//! The smallest allocator that is one: agents go, whole, to who came first and has not refused them.
//!
//! What it leaves out: shares, weights, quota, reservations, constraints. The books are what any policy needs: who is there, and
//! what is free on each agent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use master::allocator::{Agent, Allocation, Allocator, Framework, Rng};
use model::{AgentId, FrameworkId, Resources, Role, Time};

/// Frameworks in the order in which they came, and agents.
#[derive(Default)]
pub struct FirstCome {
    line: Vec<(Framework, bool)>,
    agents: BTreeMap<AgentId, Place>,
    refused: BTreeMap<(FrameworkId, AgentId), Time>,
    dirty: bool,
}

/// One agent, whether it may be offered, and what nobody holds of it.
struct Place {
    agent: Agent,
    active: bool,
    free: Resources,
}

impl FirstCome {
    fn set_active(&mut self, framework: &FrameworkId, active: bool) {
        self.line.iter_mut().filter(|(one, _)| one.id == *framework).for_each(|(_, is)| *is = active);
        self.dirty = true;
    }

    fn set_agent_active(&mut self, agent: &AgentId, active: bool) {
        self.agents.get_mut(agent).into_iter().for_each(|place| place.active = active);
        self.dirty = true;
    }

    fn set_suppressed(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>, suppressed: bool) {
        for (one, _) in self.line.iter_mut().filter(|(one, _)| one.id == *framework) {
            let own = one.info.subscribed_roles();
            let named = own.iter().filter(|role| roles.is_empty() || roles.contains(*role));
            for role in named {
                match suppressed {
                    true => one.suppressed.insert(role.clone()),
                    false => one.suppressed.remove(role),
                };
            }
        }
        self.dirty = true;
    }

    /// The first in line who takes this agent, and in which role.
    fn first(&self, agent: &AgentId) -> Option<(FrameworkId, Role)> {
        self.line.iter().filter(|(_, active)| *active).find_map(|(one, _)| {
            let role = one.info.subscribed_roles().into_iter().find(|role| !one.suppressed.contains(role))?;
            let refuses = self.refused.contains_key(&(one.id.clone(), agent.clone()));
            (!refuses).then(|| (one.id.clone(), role))
        })
    }
}

impl Allocator for FirstCome {
    fn allocate(&mut self, now: Time, _: &mut dyn Rng) -> Vec<Allocation> {
        self.dirty = false;
        self.refused.retain(|_, until| *until > now);
        let mut allocations = Vec::new();
        let idle = self.agents.values().filter(|place| place.active && !place.free.is_empty());
        for id in idle.map(|place| place.agent.id.clone()).collect::<Vec<_>>() {
            let Some((framework, role)) = self.first(&id) else { continue };
            let place = self.agents.get_mut(&id).expect("it is idle");
            let resources = std::mem::take(&mut place.free).allocate(&role);
            let incarnation = place.agent.incarnation;
            allocations.push(Allocation { framework, role, agent: id, incarnation, resources });
        }
        allocations
    }

    fn pending(&self) -> bool {
        self.dirty
    }

    fn deadline(&self) -> Option<Time> {
        self.refused.values().min().copied()
    }

    fn add_framework(&mut self, framework: Framework, _: &[(AgentId, Resources)], active: bool) {
        self.line.retain(|(known, _)| known.id != framework.id);
        self.line.push((framework, active));
        self.dirty = true;
    }

    fn update_framework(&mut self, framework: Framework) {
        let known = self.line.iter_mut().find(|(known, _)| known.id == framework.id);
        known.into_iter().for_each(|(known, _)| *known = framework.clone());
        self.dirty = true;
    }

    fn remove_framework(&mut self, framework: &FrameworkId) {
        self.line.retain(|(known, _)| known.id != *framework);
    }

    fn activate_framework(&mut self, framework: &FrameworkId) {
        self.set_active(framework, true);
    }

    fn deactivate_framework(&mut self, framework: &FrameworkId) {
        self.set_active(framework, false);
    }

    fn add_agent(&mut self, agent: Agent, used: &[(FrameworkId, Resources)]) {
        let held: Resources = used.iter().map(|(_, resources)| resources.unallocate()).sum();
        let free = agent.total.clone() - held;
        self.agents.insert(agent.id.clone(), Place { agent, active: true, free });
        self.dirty = true;
    }

    fn update_agent(&mut self, agent: Agent) {
        let Some(place) = self.agents.get_mut(&agent.id) else { return };
        place.free = std::mem::take(&mut place.free) - &place.agent.total + &agent.total;
        place.agent = agent;
        self.dirty = true;
    }

    fn remove_agent(&mut self, agent: &AgentId) {
        self.agents.remove(agent);
    }

    fn activate_agent(&mut self, agent: &AgentId) {
        self.set_agent_active(agent, true);
    }

    fn deactivate_agent(&mut self, agent: &AgentId) {
        self.set_agent_active(agent, false);
    }

    fn update_available(&mut self, agent: &AgentId, before: &Resources, after: &Resources) {
        let Some(place) = self.agents.get_mut(agent) else { return };
        place.free = std::mem::take(&mut place.free) - before + after;
        place.agent.total = std::mem::take(&mut place.agent.total) - before + after;
        self.dirty = true;
    }

    fn recover(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
        now: Time,
    ) {
        let Some(place) = self.agents.get_mut(agent) else { return };
        place.free += resources.unallocate();
        if let Some(refuse) = refuse {
            self.refused.insert((framework.clone(), agent.clone()), now + refuse.max(Duration::from_secs(1)));
        }
        self.dirty = true;
    }

    fn revive(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>) {
        self.refused.retain(|(refused, _), _| refused != framework);
        self.set_suppressed(framework, roles, false);
    }

    fn suppress(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>) {
        self.set_suppressed(framework, roles, true);
    }
}

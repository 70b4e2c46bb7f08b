//! Frameworks that wait for certain agents: delay scheduling.
//!
//! A framework that names agents in REQUEST is offered no others for a while; whoever comes behind it gets those. It keeps its
//! place in line meanwhile, so what comes free on an agent it prefers is soon its own. When the time is over it takes any.
//!
//! Source: Zaharia et al., "Delay scheduling" (EuroSys 2010).

use std::collections::BTreeSet;

use model::call::ResourceRequest;
use model::{AgentId, FrameworkId, Time};

use super::Hierarchical;

/// The agents a framework waits for.
#[derive(Debug)]
pub(super) struct Preference {
    agents: BTreeSet<AgentId>,
    until: Time,
}

impl Preference {
    pub(super) fn takes(&self, agent: &AgentId) -> bool {
        self.agents.contains(agent)
    }
}

impl Hierarchical {
    /// Replaces what a framework waits for. Naming no agent ends the wait.
    pub(super) fn prefer(&mut self, framework: &FrameworkId, requests: &[ResourceRequest], now: Time) {
        let Some(slot) = self.frameworks.slot(framework) else { return };
        let agents: BTreeSet<AgentId> =
            requests.iter().filter_map(|request| request.agent_id.clone()).collect();
        self.end_preference(slot);
        if !agents.is_empty() {
            let until = now + self.settings.preference_wait;
            self.preferences.insert((until, slot));
            self.frameworks[slot].preference = Some(Preference { agents, until });
        }
    }

    /// Frameworks whose wait is over take any agent again.
    pub(super) fn end_waits(&mut self, now: Time) {
        while let Some((_, slot)) = self.preferences.first().filter(|(until, _)| *until <= now).copied() {
            self.end_preference(slot);
        }
    }

    /// The framework takes any agent; it is asked about all of them.
    pub(super) fn end_preference(&mut self, slot: u32) {
        let framework = &mut self.frameworks[slot];
        let Some(preference) = framework.preference.take() else { return };
        self.preferences.remove(&(preference.until, slot));
        let clients = framework.memberships.iter().map(|membership| membership.client);
        self.dirty.clients.extend(clients.filter(|client| self.tree.is_active(*client)));
    }
}

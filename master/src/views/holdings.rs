//! What frameworks have on all agents together.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AgentId, ExecutorInfo, FrameworkId, Resources};

use crate::state::{Agent, Framework, Snapshot, Used};

/// What one framework has.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    pub(crate) used: Resources,
    /// Those it brought, agent by agent.
    pub(crate) executors: Vec<(AgentId, Arc<ExecutorInfo>)>,
}

/// What each has, of the agents that were added: one pass over all agents is one for all frameworks.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    all: BTreeMap<FrameworkId, Holding>,
    none: Holding,
}

impl Holding {
    /// Of one framework alone.
    pub(crate) fn of(snapshot: &Snapshot, framework: &Framework) -> Holding {
        let mut holding = Holding::default();
        snapshot.uses(framework).for_each(|(agent, used)| holding.add(agent, used));
        holding
    }

    fn add(&mut self, agent: &AgentId, used: &Used) {
        self.used += &used.resources;
        self.executors.extend(used.executors.values().map(|info| (agent.clone(), info.clone())));
    }
}

impl Holdings {
    /// Of all frameworks, or of the one that is named.
    pub(crate) fn of(snapshot: &Snapshot, only: Option<&FrameworkId>) -> Holdings {
        let mut holdings = Holdings::default();
        match only {
            None => snapshot.agents.values().for_each(|agent| holdings.add(agent)),
            Some(id) => {
                let known = snapshot.frameworks.get(id);
                holdings.all =
                    known.map(|known| (id.clone(), Holding::of(snapshot, known))).into_iter().collect();
            }
        }
        holdings
    }

    pub(crate) fn add(&mut self, agent: &Agent) {
        for (framework, used) in &agent.used {
            match self.all.get_mut(framework) {
                Some(holding) => holding.add(&agent.id, used),
                None => self.all.entry(framework.clone()).or_default().add(&agent.id, used),
            }
        }
    }

    pub(crate) fn get(&self, framework: &Framework) -> &Holding {
        self.all.get(&framework.id).unwrap_or(&self.none)
    }
}

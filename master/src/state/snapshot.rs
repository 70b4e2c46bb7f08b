//! What others may read of a master: published after each turn, before anybody is answered.

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwap;
use imbl::{OrdMap, Vector};
use model::{
    AgentId, AgentInfo, FrameworkId, InverseOffer, Offer, OfferId, Resource, Resources, Role, Time, Value,
};

use super::{Agent, Framework, Tally, Used};
use crate::config::Identity;
use crate::registrar::Policy;
use crate::reign::Leader;

/// Where readers find the newest [`Snapshot`]. Reading takes no lock and never waits for the master.
pub type Published = Arc<ArcSwap<Snapshot>>;

/// Everything a master knows that may be shown. A clone shares all of it and costs a few pointers.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Who this master is.
    pub identity: Arc<Identity>,
    /// Counts up with each one that is published.
    pub version: u64,
    /// Whether it has read the registry and leads; until then it answers calls with 503.
    pub leading: bool,
    /// Who leads, as far as this master knows; itself, from the moment it is elected on.
    pub leader: Option<Leader>,
    /// Frameworks that may still act, connected or not.
    pub frameworks: OrdMap<FrameworkId, Arc<Framework>>,
    /// Frameworks that ended, oldest first; bounded.
    pub completed_frameworks: Vector<Arc<Framework>>,
    /// Registered agents, connected or not.
    pub agents: OrdMap<AgentId, Arc<Agent>>,
    /// Agents the registry knows that have not come to this master yet.
    pub recovered: OrdMap<AgentId, Arc<AgentInfo>>,
    /// Agents that stopped answering, and since when.
    pub unreachable: OrdMap<AgentId, Time>,
    /// Agents an operator has declared gone, and since when.
    pub gone: OrdMap<AgentId, Time>,
    /// Offers nobody has answered yet.
    pub offers: OrdMap<OfferId, Arc<Offer>>,
    /// Questions whether frameworks leave agents, not answered yet.
    pub inverse_offers: OrdMap<OfferId, Arc<InverseOffer>>,
    /// What they answered last, while it matters.
    pub inverse_answers: OrdMap<(AgentId, FrameworkId), Answered>,
    /// What roles weigh, where that is not the usual.
    pub weights: OrdMap<Role, f64>,
    /// What else operators decreed.
    pub policy: Arc<Policy>,
    /// When agents began to be emptied.
    pub drain_started: OrdMap<AgentId, Time>,
    /// How many watch.
    pub watchers: usize,
    /// What happened so far, counted.
    pub tally: Tally,
}

/// What a framework said when asked to leave an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whether it will.
    pub accepted: bool,
    /// When it said so.
    pub at: Time,
    /// It does not want to be asked again before this.
    pub holds_until: Time,
}

impl Snapshot {
    /// Whether anything of the agent may be offered.
    pub fn active(&self, agent: &Agent) -> bool {
        agent.connected() && !self.policy.deactivated.contains(&agent.id)
    }

    /// How many executors run on the agent, those included that it makes for command tasks.
    pub fn executors_on(&self, agent: &Agent) -> usize {
        let commands = |framework: &FrameworkId, used: &Used| {
            let Some(framework) = self.frameworks.get(framework) else { return 0 };
            let tasks = used.tasks.iter().filter_map(|id| framework.tasks.get(id));
            tasks.filter(|task| task.executor_id.is_none() && !task.state.is_terminal()).count()
        };
        agent.used.iter().map(|(framework, used)| used.executors.len() + commands(framework, used)).sum()
    }

    /// What tells this snapshot from all others, as HTTP bears it. Weak: the same may be spelled in several ways.
    pub fn mark(&self) -> String {
        format!("W/\"{}-{}\"", self.identity.id, self.version)
    }

    /// A master that knows nothing yet.
    pub(crate) fn new(identity: Identity) -> Self {
        Snapshot {
            identity: Arc::new(identity),
            version: 0,
            leading: false,
            leader: None,
            frameworks: OrdMap::new(),
            completed_frameworks: Vector::new(),
            agents: OrdMap::new(),
            recovered: OrdMap::new(),
            unreachable: OrdMap::new(),
            gone: OrdMap::new(),
            offers: OrdMap::new(),
            inverse_offers: OrdMap::new(),
            inverse_answers: OrdMap::new(),
            weights: OrdMap::new(),
            policy: Arc::default(),
            drain_started: OrdMap::new(),
            watchers: 0,
            tally: Tally::default(),
        }
    }

    /// What the framework has on each agent, in agent order.
    pub fn uses<'a>(&'a self, framework: &'a Framework) -> impl Iterator<Item = (&'a AgentId, &'a Used)> {
        // Finding one among many takes longer than passing over a few.
        let everywhere = framework.agents.len() * 8 > self.agents.len();
        let passed = everywhere.then(|| self.agents.values()).into_iter().flatten();
        let found = framework.agents.iter().filter_map(|id| self.agents.get(id));
        let found = (!everywhere).then_some(found).into_iter().flatten();
        passed.chain(found).filter_map(|agent| Some((&agent.id, agent.used.get(&framework.id)?)))
    }

    /// What the framework has on all agents together.
    pub fn used_by<'a>(&self, framework: &'a Framework) -> Cow<'a, Resources> {
        if framework.holds_numbers == 0 {
            return Cow::Borrowed(&framework.used);
        }
        let numbers = |resource: &Resource| !matches!(resource.value, Value::Scalar(_));
        let all = self.uses(framework).map(|(_, used)| used.resources.filter(numbers));
        Cow::Owned(all.fold(framework.used.clone(), |sum, numbers| sum + numbers))
    }

    /// What is offered to the framework, offer by offer.
    pub fn offered_to<'a>(&'a self, framework: &'a Framework) -> impl Iterator<Item = &'a Arc<Offer>> {
        framework.offers.iter().filter_map(|id| self.offers.get(id))
    }
}

#[cfg(test)]
mod tests {
    use model::TaskState;

    use crate::testing::{Stage, task};

    #[test]
    fn a_port_that_is_given_back_on_one_agent_is_still_held_on_another() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let agents = [(1, "a"), (2, "b")].map(|(number, id)| {
            let agent = stage.agent(number, "cpus:2;ports:[31000-31001]");
            let offer = stage.offer(&framework, &agent, "cpus:1;ports:[31000-31000]");
            stage.launch(&framework, &offer, vec![task(id, &agent, "cpus:1;ports:[31000-31000]")]);
            agent
        });
        let held = |stage: &Stage| {
            let framework = stage.state.framework(&framework).expect("it subscribed");
            stage.state.world.used_by(framework).unallocate().to_string()
        };
        assert_eq!(held(&stage), "cpus:2; ports:[31000-31000]");
        stage.update(&framework, &agents[0], "a", TaskState::Finished);
        assert_eq!(held(&stage), "cpus:1; ports:[31000-31000]");
        stage.update(&framework, &agents[1], "b", TaskState::Finished);
        assert_eq!(held(&stage), "");
    }
}

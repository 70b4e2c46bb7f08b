//! What is always true of a master's state.

use std::collections::BTreeMap;

use model::{AgentId, FrameworkId, Resources};

use super::{Agent, Framework, State};

impl State {
    /// States what is always true. Panics with the sentence that is not.
    ///
    /// Linear in everything; for tests and histories.
    pub(crate) fn check(&self) {
        let world = &self.world;
        for (id, agent) in &world.agents {
            assert_eq!(*id, agent.id, "an agent is found under its own id");
            assert_eq!(
                self.agent_at(&agent.upid).map(|at| &at.id),
                Some(id),
                "an agent is found at its address"
            );
            assert!(self.health.contains_key(id), "agent {id} has a health");
            assert!(!world.unreachable.contains_key(id), "agent {id} is not both registered and unreachable");
            assert!(!world.recovered.contains_key(id), "agent {id} is not both registered and recovered");
            assert!(
                world.active(agent) || agent.offers.is_empty(),
                "agent {id} is disconnected or put aside and has no offers"
            );
            self.check_amounts(id, agent);
            for (framework, used) in &agent.used {
                let framework =
                    world.frameworks.get(framework).expect("what is used is used by a known framework");
                assert!(!used.is_empty(), "{} has something on {id}", framework.id);
                assert!(framework.agents.contains(id), "{} knows that it is on {id}", framework.id);
                for task in &used.tasks {
                    let task = framework.tasks.get(task).expect("a task of an agent is its framework's");
                    assert_eq!(task.agent_id, *id, "task {} is where it says", task.id);
                }
            }
        }
        assert_eq!(self.health.len(), world.agents.len(), "only registered agents are pinged");
        for (id, framework) in &world.frameworks {
            assert_eq!(*id, framework.id, "a framework is found under its own id");
            for agent in &framework.agents {
                let agent = world.agents.get(agent).expect("a framework is on registered agents");
                assert!(agent.used.contains_key(id), "{} knows that {id} is on it", agent.id);
            }
            self.check_holding(framework);
            for (task_id, task) in &framework.tasks {
                assert_eq!((task_id, id), (&task.id, &task.framework_id), "a task is found under its own id");
                let used = world.agents.get(&task.agent_id).and_then(|agent| agent.used.get(id));
                assert!(
                    used.is_some_and(|used| used.tasks.contains(task_id)),
                    "{task_id} is known to its agent"
                );
                assert!(!framework.unreachable_tasks.contains_key(task_id), "{task_id} is in one place");
            }
            assert!(framework.connected() || framework.offers.is_empty(), "{id} is away and has no offers");
            assert_eq!(
                framework.stream().is_some_and(|stream| self.reader(&stream) == Some(id)),
                framework.connected(),
                "a connected framework reads its stream"
            );
            let settings = &self.settings;
            assert!(framework.completed_tasks.len() <= settings.max_completed_tasks_per_framework);
            assert!(framework.unreachable_tasks.len() <= settings.max_unreachable_tasks_per_framework);
            assert_eq!(framework.unreachable_tasks.len(), framework.left.len(), "each is in order once");
        }
        for (stream, id) in self.streams() {
            let framework = world.frameworks.get(id).expect("a stream is read by a known framework");
            assert_eq!(framework.stream().as_ref(), Some(stream), "a stream has one reader");
        }
        for (id, offer) in &world.inverse_offers {
            assert_eq!(*id, offer.id, "an inverse offer is found under its own id");
            assert!(world.frameworks.contains_key(&offer.framework_id), "it is to a known framework");
            let agent = offer.agent_id.as_ref().and_then(|agent| world.agents.get(agent));
            assert!(agent.is_some(), "it is about a registered agent");
        }
        for (id, offer) in &world.offers {
            assert_eq!(*id, offer.id, "an offer is found under its own id");
            let agent = world.agents.get(&offer.agent_id).expect("an offer is of a registered agent");
            let framework =
                world.frameworks.get(&offer.framework_id).expect("an offer is to a known framework");
            assert!(agent.offers.contains(id), "{} knows its offer {id}", agent.id);
            assert!(framework.offers.contains(id), "{} knows its offer {id}", framework.id);
        }
        let known: usize = world.agents.values().map(|agent| agent.offers.len()).sum();
        assert_eq!(known, world.offers.len(), "agents know of no offer that is not out");
        let known: usize = world.frameworks.values().map(|framework| framework.offers.len()).sum();
        assert_eq!(known, world.offers.len(), "frameworks know of no offer that is not out");
        for framework in &world.completed_frameworks {
            let nothing =
                framework.used.is_empty() && framework.holds_numbers == 0 && framework.executors.is_empty();
            assert!(nothing, "{} has ended and holds nothing", framework.id);
        }
        assert!(world.completed_frameworks.len() <= self.settings.max_completed_frameworks);
    }

    /// What a framework has everywhere is what it has on each agent.
    fn check_holding(&self, framework: &Framework) {
        let (mut used, mut executors) = (Resources::default(), 0);
        for (agent, on) in self.world.uses(framework) {
            used += &on.resources;
            executors += on.executors.len();
            for id in on.executors.keys() {
                let known = framework.executors.contains_key(&(agent.clone(), id.clone()));
                assert!(known, "{} knows of {id} on {agent}", framework.id);
            }
        }
        assert_eq!(
            *self.world.used_by(framework),
            used,
            "what {} uses is what it uses on its agents",
            framework.id
        );
        assert_eq!(
            framework.executors.len(),
            executors,
            "{} knows of no executor that is not there",
            framework.id
        );
    }

    /// Each resource of an agent is free, offered or used: exactly one.
    fn check_amounts(&self, id: &AgentId, agent: &Agent) {
        let offered = agent.offers.iter().fold(Resources::default(), |sum, offer| {
            sum + self.world.offers.get(offer).expect("an agent's offer is out").resources.clone()
        });
        assert_eq!(agent.offered, offered, "what {id} has offered is in its offers");

        let mut used: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
        for (framework_id, on) in &agent.used {
            let framework = self.world.frameworks.get(framework_id).expect("a known framework");
            let sum = used.entry(framework_id.clone()).or_default();
            for task in on.tasks.iter().filter_map(|task| framework.tasks.get(task)) {
                if !task.state.frees_resources() {
                    *sum += &task.resources;
                }
            }
            for executor in on.executors.values() {
                *sum += &executor.resources;
            }
            for uuid in &on.operations {
                let operation =
                    agent.operations.get(uuid).expect("an operation of a framework is its agent's");
                assert_eq!(operation.framework_id.as_ref(), Some(framework_id), "an operation has one owner");
                *sum += &agent.held_by(operation);
            }
            assert_eq!(on.resources, *sum, "what {framework_id} uses on {id} is in its tasks and executors");
        }

        let total = agent.used.values().fold(Resources::default(), |sum, used| sum + &used.resources);
        assert_eq!(agent.used_total, total, "what is used on {id} is what each framework uses");

        for (uuid, operation) in &agent.operations {
            assert_eq!(*uuid, operation.uuid, "an operation is found under its own name");
        }
        // What a resource provider has is its to say.
        let own = |bag: &Resources| bag.filter(|resource| resource.provider_id.is_none()).original();
        assert_eq!(
            own(&agent.total.non_revocable()),
            own(&agent.info.resources),
            "operations make nothing of nothing"
        );

        let held = agent.held();
        assert_eq!(
            agent.overcommitted,
            !agent.total.contains(&held),
            "whether {id} has what is held is known"
        );
        if agent.overcommitted {
            assert_eq!(agent.free, agent.total.clone() - held, "nothing of what {id} lacks is free");
        } else {
            assert_eq!(
                agent.free.clone() + held,
                agent.total,
                "each resource of {id} is free, offered or used"
            );
        }
    }
}

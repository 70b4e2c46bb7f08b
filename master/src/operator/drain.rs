//! DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT: agents are emptied, put aside, and used again.

use model::messages::DrainAgent;
use model::{AgentCapability, AgentId, DrainConfig, DrainState, Time};

use crate::agents;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::offers;
use crate::registrar::Delta;
use crate::state::State;

/// Has it written down that the agent is emptied.
///
/// Source: scheduler semantics §10.
pub(super) fn drain(state: &mut State, id: AgentId, config: DrainConfig, asker: Asker) -> Effects {
    let judged = known(state, &id).and_then(|()| {
        let Some(agent) = state.agent(&id) else { return Ok(()) };
        if !agent.capabilities.has(AgentCapability::AgentDraining) {
            return Err(Rejected::Invalid("Agent does not have the AGENT_DRAINING capability".to_owned()));
        }
        let ip = agent.upid.address().ip().to_string();
        match state.world.policy.unavailability(&agent.info, &ip) {
            Some(_) => Err(Rejected::Invalid("Agent is part of a maintenance schedule".to_owned())),
            None => Ok(()),
        }
    });
    decided(state, judged, Delta::DrainAgent { id, config }, asker)
}

/// Has it written down that nothing of the agent is offered.
pub(super) fn deactivate(state: &mut State, id: AgentId, asker: Asker) -> Effects {
    let judged = known(state, &id);
    decided(state, judged, Delta::DeactivateAgent { id }, asker)
}

/// Has it written down that the agent is offered again.
pub(super) fn reactivate(state: &mut State, id: AgentId, asker: Asker) -> Effects {
    let policy = &state.world.policy;
    let judged = known(state, &id).and_then(|()| match () {
        () if !policy.deactivated.contains(&id) => {
            Err(Rejected::Invalid("Agent is not deactivated".to_owned()))
        }
        () if policy.draining(&id).is_some() => {
            Err(Rejected::Invalid("Agent is still in the DRAINING state".to_owned()))
        }
        () => Ok(()),
    });
    decided(state, judged, Delta::ReactivateAgent { id }, asker)
}

fn known(state: &State, id: &AgentId) -> Result<(), Rejected> {
    match state.knows(id) {
        true if state.admissions.leaves(id) => {
            Err(Rejected::Conflict("Agent is about to be removed".to_owned()))
        }
        true => Ok(()),
        false => Err(Rejected::Invalid("Unknown agent".to_owned())),
    }
}

fn decided(state: &mut State, judged: Result<(), Rejected>, delta: Delta, asker: Asker) -> Effects {
    match judged {
        Ok(()) => super::record(state, delta, asker),
        Err(rejected) => Effect::Answer { asker, answer: Err(rejected) }.into(),
    }
}

/// It is written: nothing of the agent is offered any more, and if it is to be emptied it is told so.
pub(super) fn put_aside(state: &mut State, id: &AgentId, now: Time) -> Effects {
    let drains = state.world.policy.draining(id).copied();
    if drains.is_some() {
        state.world.drain_started.insert(id.clone(), now);
    }
    if state.agent(id).is_none() {
        return Effects::none();
    }
    let mut effects = Effects::from(Effect::Allocator(allocator::Input::DeactivateAgent(id.clone())));
    effects.extend(offers::rescind_agent(state, id));
    let agent = state.agent(id).expect("it was there above");
    if let Some(drain) = drains {
        effects.send(agent, DrainAgent { epoch: state.epoch(), config: drain.config });
    }
    effects
}

/// It is written: the agent is offered again.
pub(super) fn take_up(state: &mut State, id: &AgentId) -> Effects {
    state.world.drain_started.remove(id);
    match state.agent(id).is_some_and(|agent| agent.connected()) {
        true => Effect::Allocator(allocator::Input::ActivateAgent(id.clone())).into(),
        false => Effects::none(),
    }
}

/// Agents that are to be empty and are.
///
/// Asked after every turn; there are rarely any.
pub(crate) fn drained(state: &mut State, now: Time) -> Effects {
    let policy = &state.world.policy;
    if policy.drains.is_empty() {
        return Effects::none();
    }
    let empty = |id: &AgentId| {
        let bare = |agent: &crate::state::Agent| {
            agent.operations.is_empty() && agent.used.values().all(|used| used.tasks.is_empty())
        };
        state.agent(id).is_some_and(bare) && !state.emptied.contains(id) && !state.admissions.awaits(id)
    };
    let done: Vec<(AgentId, DrainConfig)> = policy
        .drains
        .iter()
        .filter(|(id, drain)| drain.state == DrainState::Draining && empty(id))
        .map(|(id, drain)| (id.clone(), drain.config))
        .collect();
    let mut effects = Effects::none();
    for (id, config) in done {
        if config.mark_gone {
            effects.extend(agents::mark_gone(state, &id, Asker::default(), now));
        } else {
            state.emptied.insert(id.clone());
            effects.extend(super::record(state, Delta::MarkDrained { id }, Asker::default()));
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use model::{AgentId, DrainConfig, DrainState, TaskState};

    use crate::messages::{Asker, Input};
    use crate::operator::Ask;
    use crate::registrar::Delta;
    use crate::testing::{Stage, events, to_agents, to_allocator};

    fn ask(ask: Ask) -> Input {
        Input::Operator { ask: Box::new(ask), asker: Asker::default() }
    }

    fn drain(agent: &AgentId, mark_gone: bool) -> Input {
        ask(Ask::Drain { agent: agent.clone(), config: DrainConfig { max_grace_period: None, mark_gone } })
    }

    fn acknowledge(stage: &mut Stage, framework: &model::FrameworkId, agent: &AgentId) {
        stage.update(framework, agent, "t", TaskState::Killed);
        let uuid = stage.last_update();
        stage.call(model::call::Call::Acknowledge(model::call::Acknowledge {
            framework_id: framework.clone(),
            agent_id: agent.clone(),
            task_id: "t".into(),
            uuid,
        }));
    }

    #[test]
    fn an_agent_is_drained_when_its_last_task_is_heard_of_and_may_then_be_used_again() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:1");
        stage.tell(drain(&agent, false));
        let effects = stage.record();
        assert_eq!(events(&effects), ["s1 <- RESCIND m-O1"]);
        assert_eq!(to_allocator(&effects)[0], "deactivate agent m-S0");
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- drain"]);
        let said = stage.tell(ask(Ask::Reactivate(agent.clone()))).to_string();
        assert!(said.contains("400") && said.contains("Agent is still in the DRAINING state"), "{said}");

        acknowledge(&mut stage, &framework, &agent);
        assert!(matches!(&stage.asked[..], [Delta::MarkDrained { .. }]), "once");
        stage.record();
        assert_eq!(stage.state.world.policy.drains[&agent].state, DrainState::Drained);

        stage.tell(ask(Ask::Reactivate(agent.clone())));
        assert_eq!(to_allocator(&stage.record()), ["activate agent m-S0"]);
        assert!(stage.state.world.policy.drains.is_empty());
    }

    #[test]
    fn an_agent_may_be_gone_once_it_is_empty() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.tell(drain(&agent, true));
        stage.record();
        acknowledge(&mut stage, &framework, &agent);
        stage.record();
        assert!(stage.state.world.gone.contains_key(&agent));
    }

    #[test]
    fn an_agent_put_aside_is_not_offered_though_it_comes_back() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.tell(ask(Ask::Deactivate(agent.clone())));
        stage.record();
        assert!(events(&stage.allocate(&framework, &agent, "cpus:1")).is_empty());
        stage.tell(Input::AgentExited { upid: crate::testing::upid(1) });
        assert!(to_allocator(&stage.reregister(1, &agent)).is_empty(), "it stays inactive");
    }

    #[test]
    fn agents_nobody_knows_are_refused() {
        let mut stage = Stage::new();
        let nope: AgentId = "nope".into();
        for input in
            [drain(&nope, false), ask(Ask::Deactivate(nope.clone())), ask(Ask::Reactivate(nope.clone()))]
        {
            assert_eq!(stage.tell(input).to_string().trim(), "answer: 400 Bad Request Unknown agent");
        }
        let agent = stage.agent(1, "cpus:1");
        let said = stage.tell(ask(Ask::Reactivate(agent))).to_string();
        assert_eq!(said.trim(), "answer: 400 Bad Request Agent is not deactivated");
        assert!(stage.asked.is_empty());
    }
}

//! What the allocator gave away becomes offers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::event::Event;
use model::{Address, AgentId, Filters, FrameworkId, Offer, OfferId, Time, Url};

use super::ask;
use crate::alarms::Alarm;
use crate::allocator::Allocation;
use crate::effects::{Effect, Effects};
use crate::state::{Agent, State};

/// Makes one offer per allocation and sends each framework all of its own in one event.
///
/// An allocation may have crossed a loss on its way: what cannot be offered any more goes back, except that
/// what was allocated from an earlier stay of the agent was forgotten with that stay. An agent with as many executors as it may
/// run is not offered, as if the framework had declined.
/// Who is offered something of a machine that is planned to be away is asked to leave it, too.
/// Source: scheduler semantics §3.
pub(crate) fn send(state: &mut State, allocations: Vec<Allocation>, now: Time) -> Effects {
    let mut effects = Effects::none();
    let mut offered: BTreeMap<FrameworkId, Vec<Arc<Offer>>> = BTreeMap::new();
    for allocation in allocations {
        let Some(agent) = state.agent(&allocation.agent) else { continue };
        if agent.incarnation != allocation.incarnation {
            continue;
        }
        let reader = state.framework(&allocation.framework).filter(|framework| framework.connected());
        let Some(framework) = reader.filter(|_| state.world.active(agent)) else {
            effects.push(give_back(allocation, None));
            continue;
        };
        if state.settings.max_executors_per_agent.is_some_and(|most| state.world.executors_on(agent) >= most)
        {
            effects.push(give_back(allocation, Some(Filters::DEFAULT_REFUSE)));
            continue;
        }
        let (framework, agent) = (framework.id.clone(), agent.id.clone());
        let id = state.next_offer_id();
        let offer = offer(state, &agent, id, framework, allocation.clone());
        match state.add_offer(offer) {
            Some(offer) => {
                if let Some(after) = state.settings.offer_timeout {
                    effects.push(Effect::Alarm { after, alarm: Alarm::Offer(offer.id.clone()) });
                }
                offered.entry(offer.framework_id.clone()).or_default().push(offer);
            }
            None => effects.push(give_back(allocation, None)),
        }
    }
    let mut planned = BTreeSet::new();
    for (id, offers) in offered {
        let away = offers.iter().filter(|offer| offer.unavailability.is_some());
        planned.extend(away.map(|offer| (id.clone(), offer.agent_id.clone())));
        let framework = state.framework(&id).expect("it was connected above");
        effects.tell(framework, Event::Offers(offers));
    }
    for (framework, agent) in planned {
        effects.extend(ask(state, &framework, &agent, now));
    }
    effects
}

/// Gives back what was allocated while nothing may be offered. It is refused for a moment, so that it is not allocated
/// again at once.
pub(crate) fn withhold(state: &State, allocations: Vec<Allocation>) -> Effects {
    const MOMENT: Duration = Duration::from_millis(250);
    let here = |allocation: &Allocation| {
        state.agent(&allocation.agent).is_some_and(|agent| agent.incarnation == allocation.incarnation)
    };
    allocations.into_iter().filter(here).map(|it| give_back(it, Some(MOMENT))).collect()
}

/// An offer of the agent's.
fn offer(
    state: &State,
    agent: &AgentId,
    id: OfferId,
    framework: FrameworkId,
    allocation: Allocation,
) -> Offer {
    let agent = state.agent(agent).expect("the caller found it");
    let ip = agent.upid.address().ip().to_string();
    let on = agent.used.get(&framework);
    Offer {
        id,
        executor_ids: on.map(|used| used.executors.keys().cloned().collect()).unwrap_or_default(),
        framework_id: framework,
        agent_id: agent.id.clone(),
        hostname: agent.info.hostname.clone(),
        url: Some(url(state, agent)),
        domain: agent.info.domain.clone(),
        resources: allocation.resources,
        attributes: agent.info.attributes.clone(),
        unavailability: state.world.policy.unavailability(&agent.info, &ip),
        role: allocation.role,
    }
}

/// Where the agent answers. Source: scheduler semantics §3, `url`.
pub(crate) fn url(state: &State, agent: &Agent) -> Url {
    let address = agent.upid.address();
    Url {
        scheme: if state.world.identity.tls { "https" } else { "http" }.to_owned(),
        address: Address {
            hostname: Some(agent.info.hostname.clone()),
            ip: Some(address.ip().to_string()),
            port: address.port(),
        },
        path: Some(format!("/{}", agent.upid.id())),
        query: Vec::new(),
        fragment: None,
    }
}

fn give_back(allocation: Allocation, refuse: Option<Duration>) -> Effect {
    Effect::recover(&allocation.framework, &allocation.agent, allocation.resources, refuse)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{CommandInfo, ExecutorInfo, Role, TaskInfo, TaskState};

    use crate::allocator::Allocation;
    use crate::config::Settings;
    use crate::messages::Input;
    use crate::testing::{ROLE, Stage, bag, events, to_allocator, upid};

    #[test]
    fn offers_made_at_once_travel_in_one_event() {
        let mut stage = Stage::new();
        let (one, two) = (stage.agent(1, "cpus:1"), stage.agent(2, "cpus:2"));
        let framework = stage.framework();
        let give = |agent: &model::AgentId, incarnation, cpus: &str| Allocation {
            framework: framework.clone(),
            role: Role::from(ROLE),
            agent: agent.clone(),
            incarnation,
            resources: bag(cpus).allocate(&Role::from(ROLE)),
        };
        let effects = stage.tell(Input::Allocated(vec![give(&one, 1, "cpus:1"), give(&two, 2, "cpus:2")]));
        let told = "s1 <- OFFERS m-O0 of m-S0: cpus(allocated: web):1 m-O1 of m-S1: cpus(allocated: web):2";
        assert_eq!(events(&effects), [told]);
    }

    #[test]
    fn an_offer_says_whether_its_agent_is_reached_over_tls() {
        for (tls, scheme) in [(false, "http"), (true, "https")] {
            let mut stage = Stage::new();
            Arc::make_mut(&mut stage.state.world.identity).tls = tls;
            let (agent, framework) = (stage.agent(1, "cpus:1"), stage.framework());
            let offer = stage.offer(&framework, &agent, "cpus:1");
            let url = stage.state.world.offers[&offer].url.as_ref().unwrap();
            assert_eq!(url.scheme, scheme);
        }
    }

    #[test]
    fn an_agent_with_as_many_executors_as_it_may_run_is_not_offered() {
        let settings = Settings { max_executors_per_agent: Some(2), ..Settings::default() };
        let mut stage = Stage::with(settings);
        let (agent, framework) = (stage.agent(1, "cpus:8"), stage.framework());
        stage.running(&framework, &agent, "t1");
        let offer = stage.offer(&framework, &agent, "cpus:1");
        let executor =
            Some(ExecutorInfo { command: Some(CommandInfo::shell("true")), ..ExecutorInfo::new("e1") });
        let task = TaskInfo { executor, ..TaskInfo::new("t2", agent.clone(), bag("cpus:1")) };
        stage.launch(&framework, &offer, vec![task]);
        let effects = stage.allocate(&framework, &agent, "cpus:1");
        assert_eq!(
            to_allocator(&effects),
            ["recover cpus(allocated: web):1 on m-S0 from m-0000, refused 5s"]
        );
        assert!(events(&effects).is_empty());
        stage.update(&framework, &agent, "t1", TaskState::Finished);
        assert!(!events(&stage.allocate(&framework, &agent, "cpus:1")).is_empty(), "one has ended");
    }

    #[test]
    fn what_cannot_be_offered_any_more_goes_back() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:1"), stage.framework());
        stage.tell(Input::AgentExited { upid: upid(1) });
        let effects = stage.allocate(&framework, &agent, "cpus:1");
        assert_eq!(to_allocator(&effects), ["recover cpus(allocated: web):1 on m-S0 from m-0000"]);
        assert!(events(&effects).is_empty());
    }
}

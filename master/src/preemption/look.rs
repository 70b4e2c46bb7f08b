//! Whoever has asked in vain for long enough gets a plan, and who gives way is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::event::Event;
use model::{
    AgentId, FrameworkId, InverseOffer, Quantities, Resources, Role, Task, TaskId, Time, Unavailability,
};

use super::plan::{Claim, Held, Place, Plan, plan};
use super::rank::outranked;
use super::wishes::{Amount, Notice, Preemption, given_to_anybody, look_later};
use crate::alarms::Alarm;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::{Agent, State};

/// As many frameworks get a plan in one look: each takes a walk over all agents.
const PLANS_MAX: usize = 8;

/// Plans for those who have waited, heavier roles first. An agent that somebody was told to leave is left alone meanwhile.
pub(crate) fn look(state: &mut State, now: Time) -> Effects {
    state.preemptions.looks = false;
    let Some(rules) = state.settings.preemption else { return Effects::none() };
    let mut effects = Effects::none();
    for (framework, role) in waiting(state, rules, now).into_iter().take(PLANS_MAX) {
        let amounts = state.preemptions.wishes[&framework].amounts.clone();
        let planned = amounts.iter().find_map(|Amount { agent, wanted }| {
            plan(wanted, places(state, &framework, &role, agent.as_ref(), wanted))
        });
        if let Some(planned) = planned {
            tracing::info!(%framework, %role, agent = %planned.agent, claims = planned.gives_way.len(), "others make room");
            effects.extend(carry_out(state, planned, framework.clone(), rules, now));
        }
        // It waits anew: for those who go, or until more of its world has changed.
        if let Some(wish) = state.preemptions.wishes.get_mut(&framework) {
            wish.since = now + rules.grace;
        }
    }
    effects.extend(look_later(state));
    effects
}

/// Who has waited long enough, with the heaviest of the roles it wants offers for.
fn waiting(state: &State, rules: Preemption, now: Time) -> Vec<(FrameworkId, Role)> {
    let weight = |role: &Role| weight(state, &Role::new(role.top()));
    let mut waiting: Vec<(FrameworkId, Role)> = state
        .preemptions
        .wishes
        .iter()
        .filter(|(_, wish)| wish.since + rules.wait <= now)
        .filter_map(|(id, _)| {
            let framework = state.framework(id).filter(|framework| framework.connected())?;
            let roles = framework.info.subscribed_roles().into_iter();
            let wanted = roles.filter(|role| !framework.suppressed.contains(role));
            Some((id.clone(), wanted.max_by(|one, other| weight(one).total_cmp(&weight(other)))?))
        })
        .collect();
    waiting.sort_by(|one, other| weight(&other.1).total_cmp(&weight(&one.1)));
    waiting
}

fn weight(state: &State, role: &Role) -> f64 {
    state.world.weights.get(role).copied().unwrap_or(1.0)
}

/// The agents that may be offered and have that much in all, with what the role outranks there.
fn places<'a>(
    state: &'a State,
    framework: &'a FrameworkId,
    role: &'a Role,
    only: Option<&'a AgentId>,
    wanted: &'a Quantities,
) -> impl Iterator<Item = Place> + 'a {
    let candidates = state.world.agents.values().filter(move |agent| {
        only.is_none_or(|only| agent.id == *only)
            && state.world.active(agent)
            && !state.preemptions.notices.contains_key(&agent.id)
            && given_to_anybody(&agent.total).contains(wanted)
    });
    candidates.map(move |agent| {
        let mut place = Place {
            agent: agent.id.clone(),
            free: given_to_anybody(&agent.free),
            claims: tasks(state, agent, role),
        };
        for offer in agent.offers.iter().filter_map(|id| state.world.offers.get(id)) {
            let amounts = given_to_anybody(&offer.resources);
            if offer.framework_id == *framework {
                place.free += &amounts;
            } else if let Some(weight) = outranked(&offer.role, role, |role| weight(state, role)) {
                place.claims.push(Claim {
                    held: Held::Offer(offer.id.clone()),
                    amounts,
                    weight,
                    since: None,
                });
            }
        }
        place
    })
}

/// The tasks on an agent that the role outranks.
fn tasks(state: &State, agent: &Agent, by: &Role) -> Vec<Claim> {
    let known = agent.used.iter().filter_map(|(id, used)| Some((state.framework(id)?, used)));
    let tasks =
        known.flat_map(|(framework, used)| used.tasks.iter().filter_map(|id| framework.tasks.get(id)));
    let claim = |task: &Arc<Task>| {
        let role = task.resources.iter().find_map(|resource| resource.allocation.as_ref())?;
        let weight = outranked(role, by, |role| weight(state, role))?;
        let held = Held::Task(task.framework_id.clone(), task.id.clone());
        let since = task.statuses.first().and_then(|status| status.timestamp);
        Some(Claim { held, amounts: given_to_anybody(&task.resources), weight, since })
    };
    tasks.filter(|task| !task.state.is_terminal()).filter_map(claim).collect()
}

/// Offers are taken back at once; who has tasks is told until when they may run.
fn carry_out(state: &mut State, planned: Plan, wishes: FrameworkId, rules: Preemption, now: Time) -> Effects {
    let Plan { agent, gives_way } = planned;
    let mut effects = Effects::none();
    let mut leaving: BTreeMap<FrameworkId, Vec<TaskId>> = BTreeMap::new();
    for claim in gives_way {
        match claim.held {
            Held::Offer(offer) => effects.extend(offers::rescind(state, &offer)),
            Held::Task(framework, task) => leaving.entry(framework).or_default().push(task),
        }
    }
    if leaving.is_empty() {
        return effects;
    }
    let mut notice = Notice { wishes, tasks: Vec::new(), asked: Vec::new() };
    for (framework, tasks) in leaving {
        let unavailability = Unavailability { start: now + rules.grace, duration: None };
        if let Some(offer) = inverse_offer(state, &agent, &framework, &tasks, unavailability) {
            notice.asked.push(offer.id.clone());
            state.touch();
            state.world.inverse_offers.insert(offer.id.clone(), offer.clone());
            let framework = state.framework(&framework).expect("its tasks were found");
            effects.tell(framework, Event::InverseOffers(vec![offer]));
        }
        notice.tasks.extend(tasks.into_iter().map(|task| (framework.clone(), task)));
    }
    effects.push(Effect::Alarm { after: rules.grace, alarm: Alarm::PreemptionOverdue(agent.clone()) });
    state.preemptions.notices.insert(agent, notice);
    effects
}

/// What those have to give back that a framework's tasks hold; nobody is asked who is away.
fn inverse_offer(
    state: &mut State,
    agent: &AgentId,
    framework: &FrameworkId,
    tasks: &[TaskId],
    unavailability: Unavailability,
) -> Option<Arc<InverseOffer>> {
    let holder = state.framework(framework).filter(|framework| framework.connected())?;
    let held = tasks.iter().filter_map(|task| holder.tasks.get(task)).map(|task| &task.resources);
    let resources: Resources = held.sum();
    let url = Some(offers::url(state, state.agent(agent)?));
    let (framework_id, agent_id) = (framework.clone(), Some(agent.clone()));
    let id = state.next_offer_id();
    Some(Arc::new(InverseOffer { id, framework_id, agent_id, url, unavailability, resources }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::call::{Call, Request, ResourceRequest};
    use model::{FrameworkInfo, Role, TaskState};

    use super::super::Preemption;
    use crate::alarms::Alarm;
    use crate::config::Settings;
    use crate::effects::Effects;
    use crate::messages::{Input, Woken};
    use crate::testing::{Stage, bag, events, task, to_agents, to_allocator};

    /// A light framework in the role of the tests with the tasks of one agent, and a heavy one that asks for something.
    struct Scene {
        stage: Stage,
        light: model::FrameworkId,
        heavy: model::FrameworkId,
        agent: model::AgentId,
    }

    fn scene() -> Scene {
        let rules = Preemption { wait: Duration::from_secs(30), grace: Duration::from_secs(10) };
        let mut stage = Stage::with(Settings { preemption: Some(rules), ..Settings::default() });
        let (agent, light) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.state.world.weights.insert("prod".into(), 2.0);
        let mut info = FrameworkInfo::new("heavy", "nobody");
        info.capabilities = [model::FrameworkCapability::MultiRole].into_iter().collect();
        info.roles = vec![Role::from("prod")];
        stage.subscribe(info);
        let heavy = stage.state.reader(&stage.stream()).expect("it has subscribed").clone();
        Scene { stage, light, heavy, agent }
    }

    impl Scene {
        fn run(&mut self, id: &str, resources: &str) {
            let offer = self.stage.offer(&self.light, &self.agent, resources);
            self.stage.launch(&self.light, &offer, vec![task(id, &self.agent, resources)]);
            self.stage.update(&self.light, &self.agent, id, TaskState::Running);
        }

        fn request(&mut self, resources: &str) -> Effects {
            let requests = vec![ResourceRequest { agent_id: None, resources: bag(resources) }];
            self.stage.call(Call::Request(Request { framework_id: self.heavy.clone(), requests }))
        }

        fn wake(&mut self, seconds: u64, alarm: Alarm) -> Effects {
            self.stage.wait(seconds);
            self.stage.tell(Input::Woke(Woken(alarm)))
        }

        fn overdue(&mut self, seconds: u64) -> Effects {
            self.wake(seconds, Alarm::PreemptionOverdue(self.agent.clone()))
        }
    }

    #[test]
    fn tasks_of_a_lighter_role_are_told_to_go_and_ended_after_the_grace() {
        let mut scene = scene();
        scene.run("t1", "cpus:1");
        scene.run("t2", "cpus:3");
        assert!(scene.request("cpus:2").to_string().contains("in 30s: preemption"));
        let told = scene.wake(30, Alarm::Preemption);
        assert_eq!(events(&told), ["s1 <- INVERSE_OFFERS m-O2 of m-S0"]);
        assert!(told.to_string().contains("in 10s: end of preemption on m-S0"));
        assert!(to_agents(&told).is_empty());
        assert!(scene.wake(10, Alarm::Preemption).to_string().lines().all(|line| line.starts_with("in 30s")));
        let ended = scene.overdue(0);
        assert_eq!(events(&ended), ["s1 <- RESCIND_INVERSE_OFFER m-O2"]);
        assert_eq!(to_agents(&ended), ["slave(1)@127.0.0.1:6001 <- kill task t2"]);
    }

    #[test]
    fn nobody_goes_before_the_time_or_for_whom_it_does_not_outrank() {
        let mut scene = scene();
        scene.run("t1", "cpus:4");
        scene.request("cpus:2");
        assert!(events(&scene.wake(29, Alarm::Preemption)).is_empty());
        scene.request("cpus:2");
        assert!(!events(&scene.wake(1, Alarm::Preemption)).is_empty(), "who repeats itself has waited");
        let mut scene = self::scene();
        scene.stage.state.world.weights.insert("prod".into(), 1.0);
        scene.run("t1", "cpus:4");
        scene.request("cpus:2");
        assert!(events(&scene.wake(30, Alarm::Preemption)).is_empty());
    }

    #[test]
    fn offers_are_taken_back_before_anybody_is_told_to_go() {
        let mut scene = scene();
        scene.run("t1", "cpus:1");
        scene.stage.offer(&scene.light.clone(), &scene.agent.clone(), "cpus:3");
        scene.request("cpus:2");
        let told = scene.wake(30, Alarm::Preemption);
        assert_eq!(events(&told), ["s1 <- RESCIND m-O1"]);
        assert_eq!(to_allocator(&told), ["recover cpus(allocated: web):3 on m-S0 from m-0000"]);
    }

    #[test]
    fn who_got_something_lets_the_others_stay() {
        let mut scene = scene();
        scene.run("t1", "cpus:3");
        scene.request("cpus:2");
        scene.wake(30, Alarm::Preemption);
        let call = Call::Request(Request { framework_id: scene.heavy.clone(), requests: Vec::new() });
        scene.stage.call(call);
        let ended = scene.overdue(10);
        assert_eq!(events(&ended), ["s1 <- RESCIND_INVERSE_OFFER m-O1"]);
        assert!(to_agents(&ended).is_empty());
    }

    #[test]
    fn a_task_that_has_gone_by_itself_is_not_ended_again() {
        let mut scene = scene();
        scene.run("t1", "cpus:3");
        scene.request("cpus:2");
        scene.wake(30, Alarm::Preemption);
        scene.stage.update(&scene.light.clone(), &scene.agent.clone(), "t1", TaskState::Killed);
        assert!(to_agents(&scene.overdue(10)).is_empty());
    }

    #[test]
    fn without_the_flag_nobody_is_looked_at() {
        let mut scene = scene();
        scene.stage.state.settings = Settings::default().into();
        scene.run("t1", "cpus:4");
        assert!(!scene.request("cpus:2").to_string().contains("preemption"));
    }
}

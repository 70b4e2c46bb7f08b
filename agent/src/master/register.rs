//! Asking to be taken in, again and again.

use std::net::SocketAddr;
use std::time::Duration;

use api::classic::build::API_VERSION;
use detector::Found;
use libprocess::Upid;
use libprocess::toolbox::Backoff;
use model::messages::{RegisterAgent, ReregisterAgent, RunningExecutor};
use model::{AgentCapabilities, AgentCapability};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects, ToMaster};
use crate::operations;
use crate::state::{Life, Link, State};

/// The longest wait between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How long an agent waits, at most, before it leaves a master that is gone for the next; twice as long each time.
const GONE_MIN: Duration = Duration::from_millis(100);

/// The most of that, for an agent of one master and of several. Asking in vain costs a refused connection.
const GONE_MAX: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(1)];

/// How long an agent that has lost one of several masters waits at most: another is about to lead.
const LOST_MAX: Duration = Duration::from_millis(250);

/// How often an agent is sent on before it waits: two masters may name each other.
const SENT_ON_MAX: u32 = 5;

/// Looks for a master, the first of the list first; one that was lost is tried last.
///
/// At its start an agent asks at once; one that lost its master waits a random while first, since all others lost it
/// too.
/// Source: Mesos agent recovery; the wait at the start is left out.
pub(crate) fn look(state: &mut State, lost: bool) -> Effects {
    operations::abandon(state);
    let before = state.link.master().filter(|_| lost).cloned();
    let Some(master) = after(state, before.as_ref()) else { return Effects::new() };
    state.link = Link::Registering { master: master.clone(), attempt: 0, sent_on: 0, gone: 0 };
    let mut effects = vec![Effect::Link(master)];
    if lost {
        let factor = state.settings.registration_backoff_factor;
        let wait = if several(state) { factor.min(LOST_MAX) } else { factor };
        effects.push(Effect::Wake(Alarm::Register { attempt: 0 }, Delay::Within(wait)));
    } else {
        effects.extend(attempt(state, 0));
    }
    effects
}

/// Nobody answered: the next master of the list is asked.
pub(crate) fn again(state: &mut State, attempt_due: u32) -> Effects {
    let Link::Registering { master, attempt: made, gone, .. } = &state.link else { return Effects::new() };
    if *made != attempt_due {
        return Effects::new();
    }
    // After a loss the next one was chosen before the wait.
    let next = if attempt_due == 0 { Some(master.clone()) } else { after(state, Some(master)) };
    let Some(next) = next else { return Effects::new() };
    state.link = Link::Registering { master: next.clone(), attempt: attempt_due, sent_on: 0, gone: *gone };
    // Linked anew even if it is the same one: it may have come up since.
    let mut effects = vec![Effect::Link(next)];
    effects.extend(attempt(state, attempt_due));
    effects
}

/// The master that was asked does not lead. One that knows no leader says so again once it does, so it is waited for.
pub(crate) fn leader_is(state: &mut State, from: &Upid, leader: Option<SocketAddr>) -> Effects {
    let Link::Registering { master, attempt: made, sent_on, .. } = &mut state.link else {
        return Effects::new();
    };
    let Some(leader) = leader.filter(|_| is(master, from) && *sent_on < SENT_ON_MAX) else {
        return Effects::new();
    };
    *sent_on += 1;
    let (made, next) = (*made, Upid::new("master", leader));
    let mut effects = Effects::new();
    if !is(master, &next) {
        *master = next.clone();
        effects.push(Effect::Link(next));
    }
    effects.extend(attempt(state, made));
    effects
}

/// Masters are to be found elsewhere than before.
///
/// A list is what is asked next time. A leader that has said so itself is turned to now, and leaves the one that was
/// spoken to: that one has been deposed and may not know it yet.
pub(crate) fn found(state: &mut State, found: &Found) -> Effects {
    state.masters = upids(found.addresses());
    let elsewhere = |master: &Upid| matches!(found, Found::Leader(leader) if master.address() != *leader);
    match &state.link {
        Link::Idle if state.life == Life::Running => look(state, false),
        Link::Registering { master, .. } | Link::Registered { master, .. } if elsewhere(master) => {
            tracing::info!(from = %master, to = ?found, "another master leads");
            look(state, true)
        }
        _ => Effects::new(),
    }
}

/// Masters at these addresses.
pub(crate) fn upids(addresses: &[SocketAddr]) -> Vec<Upid> {
    addresses.iter().map(|address| Upid::new("master", *address)).collect()
}

fn several(state: &State) -> bool {
    state.settings.several_masters || state.masters.len() > 1
}

/// The connection to a master broke, or it ended.
pub(crate) fn lost(state: &mut State, peer: &Upid) -> Effects {
    let most = GONE_MAX[usize::from(several(state))];
    match &mut state.link {
        Link::Registered { master, .. } if is(master, peer) => {
            tracing::warn!(%master, "master lost");
            look(state, true)
        }
        // The one that is asked is gone, or was never there: the next is asked before this attempt would be over.
        Link::Registering { master, attempt, gone, .. } if is(master, peer) => {
            let wait = GONE_MIN.saturating_mul(1 << (*gone).min(16)).min(most);
            *gone += 1;
            *attempt += 1;
            vec![Effect::Wake(Alarm::Register { attempt: *attempt }, Delay::Within(wait))]
        }
        _ => Effects::new(),
    }
}

/// The master to ask after this one; the first if there was none, or it is not of the list.
fn after(state: &State, before: Option<&Upid>) -> Option<Upid> {
    let masters = &state.masters;
    let next =
        before.and_then(|before| masters.iter().position(|master| is(master, before))).map_or(0, |at| at + 1);
    masters.get(next).or(masters.first()).cloned()
}

/// Whether two addresses mean the same process, whichever life of it.
pub(crate) fn is(master: &Upid, peer: &Upid) -> bool {
    master.id() == peer.id() && master.address() == peer.address()
}

/// Whether a master may be answering the agent, which has asked others since.
pub(crate) fn was_asked(state: &State, master: &Upid) -> bool {
    matches!(state.link, Link::Registering { .. }) && state.masters.iter().any(|known| is(known, master))
}

fn attempt(state: &mut State, attempt: u32) -> Effects {
    let factor = state.settings.registration_backoff_factor;
    let next = attempt + 1;
    if let Link::Registering { attempt, .. } = &mut state.link {
        *attempt = next;
    }
    let wait = Backoff::new(factor, BACKOFF_MAX.max(factor)).ceiling(next + 1);
    vec![
        Effect::ToMaster(request(state)),
        Effect::Wake(Alarm::Register { attempt: next }, Delay::Within(wait)),
    ]
}

/// What a master is asked: to give an id, or to take in all that runs.
pub(crate) fn request(state: &State) -> ToMaster {
    let info = state.info();
    let version = API_VERSION.to_owned();
    let capabilities = capabilities();
    if state.id.is_none() {
        let total = state.total.clone();
        return ToMaster::Register(Box::new(RegisterAgent { info, version, capabilities, total }));
    }
    let frameworks = state.frameworks.values().map(|framework| framework.info.as_ref().clone()).collect();
    let executors = state
        .executors()
        .filter(|executor| !executor.generated && !executor.is_ended())
        .map(|executor| RunningExecutor {
            framework_id: executor.framework.clone(),
            executor: executor.info.as_ref().clone(),
        })
        .collect();
    let mut tasks = Vec::new();
    for executor in state.executors() {
        tasks.extend(
            executor.queued_tasks().map(|info| model::Task::staging(info, executor.framework.clone())),
        );
        tasks.extend(
            executor.tasks.values().chain(executor.terminated.values()).map(|task| task.as_ref().clone()),
        );
    }
    ToMaster::Reregister(Box::new(ReregisterAgent {
        info,
        version,
        capabilities,
        frameworks,
        executors,
        tasks,
        total: state.total.clone(),
        // What is not on disk yet is told of as soon as it is.
        operations: state.operations.values().map(|outcome| outcome.operation.clone()).collect(),
    }))
}

/// What this agent knows how to do. Resource providers are not among it yet, but masters insist on the name.
pub(crate) fn capabilities() -> AgentCapabilities {
    AgentCapability::ALL.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Input, Search};
    use crate::state::Settings;
    use crate::testing::{World, settings};

    fn at(port: u16) -> Upid {
        Upid::new("master", ([127, 0, 0, 1], port).into())
    }

    /// An agent of three masters that has lost the first.
    fn orphan() -> World {
        let mut world = World::with(Settings { several_masters: true, ..settings() });
        world.state.masters = vec![at(5050), at(5060), at(5070)];
        world.hear(Input::Restored(Vec::new()));
        let found =
            crate::containerizer::ContainerEvent::Recovered { running: Vec::new(), orphans: Vec::new() };
        world.hear(Input::Container(found));
        world.register();
        let told = world.hear(Input::Lost(at(5050)));
        assert_eq!(told, ["link master@127.0.0.1:5060", "wake within 250ms: Register { attempt: 0 }"]);
        world
    }

    #[test]
    fn a_lost_master_is_tried_last() {
        let mut world = orphan();
        let told = world.hear(Input::Woke(Alarm::Register { attempt: 0 }));
        assert_eq!(told[0], "link master@127.0.0.1:5060");
        assert_eq!(world.hear(Input::Lost(at(5060))), ["wake within 100ms: Register { attempt: 2 }"]);
        let told = world.hear(Input::Woke(Alarm::Register { attempt: 2 }));
        assert_eq!(told[0], "link master@127.0.0.1:5070");
        assert!(world.hear(Input::Woke(Alarm::Register { attempt: 1 })).is_empty(), "overtaken");
    }

    #[test]
    fn a_master_that_does_not_lead_sends_on() {
        let mut world = orphan();
        world.hear(Input::Woke(Alarm::Register { attempt: 0 }));
        let is = |leader| Input::LeaderIs { from: at(5060), leader };
        assert!(world.hear(is(None)).is_empty(), "it will say more");
        let told = world.hear(is(Some(([127, 0, 0, 1], 5090).into())));
        assert_eq!(told[0], "link master@127.0.0.1:5090");
        assert!(told[1].starts_with("to master: reregister"), "{told:?}");
        assert!(world.hear(is(Some(([127, 0, 0, 1], 5070).into()))).is_empty(), "nobody asked it any more");
    }

    #[test]
    fn masters_that_name_each_other_are_not_followed_for_ever() {
        let mut world = orphan();
        world.hear(Input::Woke(Alarm::Register { attempt: 0 }));
        let mut asked = 0;
        for turn in 0..20 {
            let (from, leader) = if turn % 2 == 0 { (5060, 5070) } else { (5070, 5060) };
            let leader = Some(([127, 0, 0, 1], leader).into());
            asked += usize::from(!world.hear(Input::LeaderIs { from: at(from), leader }).is_empty());
        }
        assert_eq!(asked, 5);
    }

    #[test]
    fn one_that_begins_to_lead_is_asked_again() {
        let mut world = orphan();
        world.hear(Input::Woke(Alarm::Register { attempt: 0 }));
        let leader = Some(([127, 0, 0, 1], 5060).into());
        let told = world.hear(Input::LeaderIs { from: at(5060), leader });
        assert!(told[0].starts_with("to master: reregister"), "{told:?}");
    }

    fn found(world: &mut World, found: Found) -> Vec<String> {
        world.hear(Input::Found(found, Search::default()))
    }

    #[test]
    fn an_agent_that_knows_no_master_asks_the_first_that_is_found() {
        let mut world = World::with(Settings { several_masters: true, ..settings() });
        world.state.masters.clear();
        world.hear(Input::Restored(Vec::new()));
        let containers =
            crate::containerizer::ContainerEvent::Recovered { running: Vec::new(), orphans: Vec::new() };
        assert!(world.hear(Input::Container(containers)).iter().all(|told| !told.starts_with("link")));
        let told = found(&mut world, Found::Leader(at(5060).address()));
        assert_eq!(told[0], "link master@127.0.0.1:5060");
        assert!(told[1].starts_with("to master: register"), "{told:?}");
    }

    #[test]
    fn a_leader_that_says_so_itself_is_turned_to_and_a_list_only_remembered() {
        let mut world = World::registered();
        let other = at(5060).address();
        assert!(found(&mut world, Found::Candidates(vec![other])).is_empty());
        assert!(found(&mut world, Found::Leader(at(5050).address())).is_empty(), "it is registered there");
        let told = found(&mut world, Found::Leader(other));
        assert_eq!(told, ["link master@127.0.0.1:5060", "wake within 1s: Register { attempt: 0 }"]);
    }
}

//! A scheduler comes, or comes back, to read its events.

use std::sync::Arc;
use std::time::Duration;

use libprocess::Upid;
use model::call::Subscribe;
use model::event::Event;
use model::messages::UpdateFramework;
use model::{FrameworkId, StreamId, Time};

use super::judge::{Wanted, judge};
use crate::alarms::Slot;
use crate::allocator;
use crate::authorization;
use crate::effects::{Effect, Effects};
use crate::frameworks::for_allocator;
use crate::legacy::{self, Driver, Standing};
use crate::messages::Outlet;
use crate::offers;
use crate::state::{Connection, Framework, State};

/// How often a stream carries a heartbeat. Told to every scheduler.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a scheduler hears whose place another has taken.
const FAILED_OVER: &str = "Framework failed over";

/// Who reads the events of a framework from now on.
struct Reader {
    stream: StreamId,
    driver: Option<Upid>,
}

/// Gives the stream to the framework: to a new one under a new id, to a known or forgotten one under its own.
///
/// The stream is open by then, so a refusal is an ERROR on it and its end.
/// Source: scheduler semantics §2.
pub(crate) fn subscribe(
    state: &mut State,
    call: Subscribe,
    principal: Option<String>,
    (stream, outlet, driver): (StreamId, Outlet, Option<Driver>),
    now: Time,
) -> Effects {
    let mut effects = Effects::from(Effect::Open { stream: stream.clone(), outlet });
    let reader = Reader { stream, driver: driver.as_ref().map(|driver| driver.pid.clone()) };
    match driver.map(|driver| legacy::standing(state, call.framework_id.as_ref(), &driver)) {
        None | Some(Standing::Welcome) => {}
        Some(Standing::Replaced) => return refused(effects, reader, FAILED_OVER.to_owned()),
        Some(Standing::Subscribed { framework, stream }) => {
            effects.push(Effect::Event { stream, event: welcome(state, &framework) });
            effects.push(Effect::Close { stream: reader.stream });
            return effects;
        }
    }
    let mut info = call.framework;
    if let Ok(info) = &mut info
        && info.principal.is_none()
    {
        info.principal = principal;
    }
    let known = call.framework_id.as_ref().and_then(|id| state.framework(id));
    let wanted = judge(state, info, call.suppressed_roles, call.constraints).and_then(|wanted| {
        match known.is_some_and(|known| known.info.principal != wanted.info.principal) {
            true => Err("Changing framework's principal is not allowed.".to_owned()),
            false => Ok(wanted),
        }
    });
    let wanted = wanted.and_then(|wanted| {
        let rights = state.settings.policy.rights_of(wanted.info.principal.as_deref());
        authorization::register(&rights, &wanted.info).map(|()| wanted)
    });
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(message) => return refused(effects, reader, message),
    };
    match call.framework_id {
        None => {
            state.world.tally.messages_register_framework += 1;
            let id = state.next_framework_id();
            add(state, id, wanted, reader, now, &mut effects);
        }
        Some(id) => {
            state.world.tally.messages_reregister_framework += 1;
            match state.framework(&id).is_some() {
                true => resume(state, &id, wanted, reader, now, &mut effects),
                false => add(state, id, wanted, reader, now, &mut effects),
            }
        }
    }
    effects
}

/// Says why it may not, and ends the stream.
fn refused(mut effects: Effects, reader: Reader, message: String) -> Effects {
    effects.push(Effect::Event { stream: reader.stream.clone(), event: Event::Error { message } });
    effects.push(Effect::Close { stream: reader.stream });
    effects
}

/// A framework this master has not seen. One with an id was another master's, or ran nothing when that one was lost.
fn add(
    state: &mut State,
    id: FrameworkId,
    wanted: Wanted,
    Reader { stream, driver }: Reader,
    now: Time,
    effects: &mut Effects,
) {
    let Wanted { mut info, suppressed, constraints } = wanted;
    info.id = Some(id.clone());
    let connection = Connection::Connected { stream };
    let mut framework =
        Framework { suppressed, constraints, driver, ..Framework::new(id, Arc::new(info), connection, now) };
    framework.counts.call("SUBSCRIBE");
    greet(state, &framework, effects);
    effects.push(Effect::Allocator(allocator::Input::AddFramework {
        framework: for_allocator(&framework),
        used: Vec::new(),
        active: true,
    }));
    state.add_framework(framework);
}

/// A framework that is known. Whoever read its events until now is told and sent away; its offers are void.
///
/// User and checkpointing stay what they were: agents have acted on them.
fn resume(
    state: &mut State,
    id: &FrameworkId,
    wanted: Wanted,
    Reader { stream, driver }: Reader,
    now: Time,
    effects: &mut Effects,
) {
    let before = state.connect(id, Connection::Connected { stream }).expect("the caller found it");
    let framework = state.framework_mut(id).expect("it was there above");
    if let Connection::Connected { stream } = &before {
        // A driver that comes back is not told that it took its own place.
        if driver.is_none() || framework.driver != driver {
            let event = Event::Error { message: FAILED_OVER.to_owned() };
            effects.push(Effect::Event { stream: stream.clone(), event });
        }
        effects.push(Effect::Close { stream: stream.clone() });
    }
    effects.push(Effect::Disarm(Slot::Failover(id.clone())));
    let Wanted { mut info, suppressed, constraints } = wanted;
    info.id = Some(id.clone());
    info.user = framework.info.user.clone();
    info.checkpoint = framework.info.checkpoint;
    framework.info = Arc::new(info);
    framework.driver = driver;
    framework.suppressed = suppressed;
    framework.constraints = constraints;
    framework.reregistered = Some(now);
    framework.counts.call("SUBSCRIBE");
    let framework = framework.clone();

    state.note_framework(id);
    greet(state, &framework, effects);
    effects.push(Effect::Allocator(allocator::Input::UpdateFramework(for_allocator(&framework))));
    offers::discard(state, id, effects);
    if !matches!(before, Connection::Connected { .. }) {
        effects.push(Effect::Allocator(allocator::Input::ActivateFramework(id.clone())));
    }
    // Offers were made anew by the allocator's leave; these are the master's own.
    for agent in &framework.agents {
        effects.extend(offers::ask(state, id, agent, now));
    }
    tell_agents(state, &framework, effects);
}

/// The first two events of every stream.
fn greet(state: &State, framework: &Framework, effects: &mut Effects) {
    effects.tell(framework, welcome(state, &framework.id));
    effects.tell(framework, Event::Heartbeat);
}

fn welcome(state: &State, framework: &FrameworkId) -> Event {
    let (framework_id, master) = (framework.clone(), Some(state.world.identity.info()));
    Event::Subscribed { framework_id, heartbeat_interval: HEARTBEAT, master }
}

/// Tells the agents that run something of the framework what it says of itself now.
pub(super) fn tell_agents(state: &State, framework: &Framework, effects: &mut Effects) {
    for agent in framework.agents.iter().filter_map(|agent| state.agent(agent)) {
        let info = framework.info.as_ref().clone();
        effects.send(agent, UpdateFramework { epoch: state.epoch(), framework: info });
    }
}

#[cfg(test)]
mod tests {
    use model::{FrameworkInfo, Role};

    use crate::state::Connection;
    use crate::testing::{ROLE, Stage, events, to_allocator};

    #[test]
    fn a_new_framework_gets_an_id_and_hears_that_it_is_subscribed() {
        let mut stage = Stage::new();
        let mut info = FrameworkInfo::new("f", "nobody");
        info.role = Some(Role::from(ROLE));

        let effects = stage.subscribe(info);

        assert_eq!(events(&effects), ["s1 <- SUBSCRIBED m-0000", "s1 <- HEARTBEAT"]);
        assert_eq!(to_allocator(&effects), ["add framework m-0000"]);
    }

    #[test]
    fn a_framework_that_subscribes_again_takes_over_and_its_offers_are_void() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.offer(&framework, &agent, "cpus:4");
        let info = FrameworkInfo::clone(&stage.state.framework(&framework).unwrap().info);

        let effects = stage.subscribe(info);

        assert_eq!(
            events(&effects),
            ["s1 <- ERROR: Framework failed over", "s2 <- SUBSCRIBED m-0000", "s2 <- HEARTBEAT"]
        );
        assert_eq!(
            to_allocator(&effects),
            ["update framework m-0000", "recover cpus(allocated: web):4 on m-S0 from m-0000"]
        );
        assert!(stage.state.world.offers.is_empty());
    }

    #[test]
    fn a_framework_of_another_master_keeps_its_id() {
        let mut stage = Stage::new();
        let mut info = FrameworkInfo::new("f", "nobody");
        info.role = Some(Role::from(ROLE));
        info.id = Some("old-0007".into());
        assert_eq!(events(&stage.subscribe(info))[0], "s1 <- SUBSCRIBED old-0007");
    }

    #[test]
    fn user_and_checkpoint_stay_what_they_were() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let mut info = FrameworkInfo::clone(&stage.state.framework(&framework).unwrap().info);
        (info.user, info.checkpoint, info.name) = ("other".to_owned(), false, "renamed".to_owned());

        stage.subscribe(info);

        let info = &stage.state.framework(&framework).unwrap().info;
        assert_eq!((info.user.as_str(), info.checkpoint, info.name.as_str()), ("nobody", true, "renamed"));
    }

    #[test]
    fn a_framework_with_an_impossible_role_hears_an_error_and_the_end() {
        let mut stage = Stage::new();
        let mut info = FrameworkInfo::new("f", "nobody");
        info.role = Some(Role::from("a//b"));

        let effects = stage.subscribe(info);

        let heard = events(&effects);
        assert!(heard[0].starts_with("s1 <- ERROR: "), "{heard:?}");
        assert_eq!(effects.iter().last().unwrap().to_string(), "close s1");
        assert!(stage.state.world.frameworks.is_empty());
    }

    #[test]
    fn whoever_takes_over_is_connected() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let info = FrameworkInfo::clone(&stage.state.framework(&framework).unwrap().info);
        stage.subscribe(info);
        let expected = Connection::Connected { stream: stage.stream() };
        assert_eq!(stage.state.framework(&framework).unwrap().connection, expected);
    }
}

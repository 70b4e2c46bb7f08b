//! A scheduler comes, or comes back, to read its events.

use std::sync::Arc;
use std::time::Duration;

use model::call::Subscribe;
use model::event::Event;
use model::messages::UpdateFramework;
use model::{FrameworkId, StreamId, Time};

use super::judge::{Wanted, judge};
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::frameworks::for_allocator;
use crate::messages::Outlet;
use crate::offers;
use crate::state::{Connection, Framework, State};

/// How often a stream carries a heartbeat. Told to every scheduler.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// Gives the stream to the framework: to a new one under a new id, to a known or forgotten one under its own.
///
/// The stream is open by then, so a refusal is an ERROR on it and its end.
/// Source: scheduler semantics §2.
pub(crate) fn subscribe(
    state: &mut State,
    call: Subscribe,
    principal: Option<String>,
    stream: StreamId,
    outlet: Outlet,
    now: Time,
) -> Effects {
    let mut effects = Effects::from(Effect::Open { stream: stream.clone(), outlet });
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
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(message) => {
            effects.push(Effect::Event { stream: stream.clone(), event: Event::Error { message } });
            effects.push(Effect::Close { stream });
            return effects;
        }
    };
    match call.framework_id {
        None => {
            state.world.tally.messages_register_framework += 1;
            let id = state.next_framework_id();
            add(state, id, wanted, stream, now, &mut effects);
        }
        Some(id) => {
            state.world.tally.messages_reregister_framework += 1;
            match state.framework(&id).is_some() {
                true => resume(state, &id, wanted, stream, now, &mut effects),
                false => add(state, id, wanted, stream, now, &mut effects),
            }
        }
    }
    effects
}

/// A framework this master has not seen. One with an id was another master's, or ran nothing when that one was lost.
fn add(
    state: &mut State,
    id: FrameworkId,
    wanted: Wanted,
    stream: StreamId,
    now: Time,
    effects: &mut Effects,
) {
    let Wanted { mut info, suppressed, constraints } = wanted;
    info.id = Some(id.clone());
    let connection = Connection::Connected { stream };
    let framework =
        Framework { suppressed, constraints, ..Framework::new(id, Arc::new(info), connection, now) };
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
    stream: StreamId,
    now: Time,
    effects: &mut Effects,
) {
    let before = state.connect(id, Connection::Connected { stream }).expect("the caller found it");
    if let Connection::Connected { stream } = &before {
        let event = Event::Error { message: "Framework failed over".to_owned() };
        effects.push(Effect::Event { stream: stream.clone(), event });
        effects.push(Effect::Close { stream: stream.clone() });
    }
    let framework = state.framework_mut(id).expect("it was there above");
    let Wanted { mut info, suppressed, constraints } = wanted;
    info.id = Some(id.clone());
    info.user = framework.info.user.clone();
    info.checkpoint = framework.info.checkpoint;
    framework.info = Arc::new(info);
    framework.suppressed = suppressed;
    framework.constraints = constraints;
    framework.reregistered = Some(now);
    let framework = framework.clone();

    greet(state, &framework, effects);
    effects.push(Effect::Allocator(allocator::Input::UpdateFramework(for_allocator(&framework))));
    offers::discard(state, id, effects);
    if !matches!(before, Connection::Connected { .. }) {
        effects.push(Effect::Allocator(allocator::Input::ActivateFramework(id.clone())));
    }
    tell_agents(state, &framework, effects);
}

/// The first two events of every stream.
fn greet(state: &State, framework: &Framework, effects: &mut Effects) {
    let master = Some(state.world.identity.info());
    let framework_id = framework.id.clone();
    effects.tell(framework, Event::Subscribed { framework_id, heartbeat_interval: HEARTBEAT, master });
    effects.tell(framework, Event::Heartbeat);
}

/// Tells the agents that run something of the framework what it says of itself now.
pub(super) fn tell_agents(state: &State, framework: &Framework, effects: &mut Effects) {
    for agent in framework.agents.iter().filter_map(|agent| state.agent(agent)) {
        let info = framework.info.as_ref().clone();
        effects.send(agent, UpdateFramework { epoch: state.epoch(), framework: info });
    }
}

//! The table of behaviour: everything that can happen to a master, and the rule that answers it.

use model::Time;
use model::event::Event;

use crate::effects::{Effect, Effects};
use crate::messages::{Input, Woken};
use crate::state::State;
use crate::{agents, alarms, calls, frameworks, offers, operations, operator, reign, tasks};

/// Everything that can happen to a master, and the rule that answers it.
pub(crate) fn decide(state: &mut State, input: Input, now: Time) -> Effects {
    let input = match input {
        Input::Follows { leader } => return reign::follows(state, leader),
        Input::Leads { epoch } => return reign::leads(state, epoch, now),
        Input::Suspended(true) => return reign::suspended(state),
        Input::Suspended(false) => return reign::resumed(state),
        Input::Registrar(_) => input,
        _ if !state.world.leading => return agents::not_leading(state, input),
        _ => input,
    };
    let mut effects = rule(state, input, now);
    effects.extend(operator::drained(state, now));
    let happened = state.take_happened();
    if !happened.is_empty() {
        effects.push(Effect::Happened(happened.into()));
    }
    for effect in effects.iter() {
        if let Effect::Event { stream, event } = effect {
            state.count_event(stream, event);
        }
    }
    effects
}

/// The table itself.
fn rule(state: &mut State, input: Input, now: Time) -> Effects {
    match input {
        Input::Subscribe { call, principal, stream, outlet, driver } => {
            calls::subscribe(state, *call, principal, (stream, outlet, driver), now)
        }
        Input::Call { call, caller, asker } => calls::call(state, *call, &caller, asker, now),
        Input::Ready { asker } => Effect::Answer { asker, answer: Ok(()) }.into(),
        Input::StreamClosed { stream } => frameworks::disconnected(state, &stream, now),
        Input::Beat { stream } => {
            state.count_event(&stream, &Event::Heartbeat);
            Effects::none()
        }
        Input::Teardown { framework, asker } => calls::operator_teardown(state, &framework, asker, now),
        Input::KillTask { framework, task, asker } => {
            calls::operator_kill(state, framework, task, asker, now)
        }
        Input::Operator { ask, asker } => operator::hear(state, *ask, asker, now),
        Input::Watch { stream, watcher } => operator::watch(state, stream, watcher),
        Input::WatchClosed { stream } => operator::unwatch(state, stream),
        Input::UpdateOperation { from, body } => operations::update(state, &from, *body),
        Input::Register { from, principal, body } if agents::may(state, &from, principal.as_ref()) => {
            agents::register(state, from, body, now)
        }
        Input::Reregister { from, principal, body } if agents::may(state, &from, principal.as_ref()) => {
            agents::reregister(state, from, body, now)
        }
        // It is not told, and tries again: it may be allowed by then.
        Input::Register { .. } | Input::Reregister { .. } => Effects::none(),
        Input::Unregister { from, body } => agents::unregister(state, &from, &body, now),
        Input::Update { from, body } => tasks::update(state, &from, *body),
        Input::ExecutorExited { from, body } => agents::executor_exited(state, &from, body),
        Input::ExecutorMessage { from, body } => agents::executor_message(state, &from, body),
        Input::Oversubscribed { from, body } => agents::oversubscribed(state, &from, body),
        Input::Pong { from, body } => agents::pong(state, &from, &body),
        Input::AgentExited { upid } => agents::exited(state, &upid, now),
        Input::Allocated(allocations) => offers::send(state, allocations, now),
        Input::Registrar(report) => agents::reported(state, report, now),
        Input::Woke(Woken(alarm)) => alarms::woke(state, alarm, now),
        Input::Follows { .. } | Input::Leads { .. } | Input::Suspended(_) => {
            unreachable!("who leads was settled before")
        }
    }
}

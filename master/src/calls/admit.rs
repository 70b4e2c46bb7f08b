//! Whether a call is heard at all, and which rule hears it.

use model::call::{Call, Reconcile};
use model::{FrameworkId, StreamId, Time};

use super::{
    accept, acknowledge, decline, kill, message, operations, reconcile, revive, shutdown, suppress, teardown,
    update_framework,
};
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::{Asker, Caller};
use crate::offers;
use crate::state::State;

/// Hears a call of whoever reads the framework's stream, and answers at once: 202 says "heard", not "done".
///
/// Source: Mesos scheduler HTTP API, the order of checks.
pub(crate) fn call(state: &mut State, call: Call, caller: &Caller, asker: Asker, now: Time) -> Effects {
    if let Err(rejected) = admit(state, call.framework_id(), caller) {
        return Effect::Answer { asker, answer: Err(rejected) }.into();
    }
    if let Some(framework) = call.framework_id().cloned().and_then(|id| state.framework_mut(&id)) {
        framework.counts.call(call.name());
    }
    let (mut effects, answer) = match hear(state, call, now) {
        Ok(effects) => (effects, Ok(())),
        Err(rejected) => (Effects::none(), Err(rejected)),
    };
    effects.push(Effect::Answer { asker, answer });
    effects
}

/// Whether the caller reads the stream of the framework it speaks for.
fn admit(state: &State, id: Option<&FrameworkId>, caller: &Caller) -> Result<(), Rejected> {
    let framework = id.and_then(|id| state.framework(id)).ok_or(Rejected::UnknownFramework)?;
    if let (Some(principal), Some(expected)) = (&caller.principal, &framework.info.principal)
        && principal != expected
    {
        return Err(Rejected::WrongPrincipal { principal: principal.clone(), expected: expected.clone() });
    }
    let reads: StreamId = framework.stream().ok_or(Rejected::NotSubscribed)?;
    if let Some(driver) = &caller.driver {
        return framework.is_driven_by(driver).then_some(()).ok_or(Rejected::NotSubscribed);
    }
    if framework.driver.is_some() {
        return Err(Rejected::NotSubscribed);
    }
    match &caller.stream {
        None => Err(Rejected::NoStream),
        Some(given) if *given != reads => {
            Err(Rejected::WrongStream { given: given.clone(), framework: framework.id.clone() })
        }
        Some(_) => Ok(()),
    }
}

/// One line per call.
fn hear(state: &mut State, call: Call, now: Time) -> Result<Effects, Rejected> {
    Ok(match call {
        // The edge opens a stream for it; it cannot come here.
        Call::Subscribe(_) => Effects::none(),
        Call::Teardown(call) => teardown::teardown(state, &call.framework_id, now),
        Call::Accept(call) => accept::accept(state, call, now),
        Call::Decline(call) => decline::decline(state, call),
        Call::AcceptInverseOffers(call) => offers::answer_inverse(state, call, true, now),
        Call::DeclineInverseOffers(call) => offers::answer_inverse(state, call, false, now),
        Call::Revive(call) => revive::revive(state, call),
        Call::Suppress(call) => suppress::suppress(state, call),
        Call::Kill(call) => kill::kill(state, call, now),
        Call::Shutdown(call) => shutdown::shutdown(state, call),
        Call::Acknowledge(call) => acknowledge::acknowledge(state, call),
        Call::AcknowledgeOperationStatus(call) => operations::acknowledge(state, &call),
        Call::Reconcile(Reconcile { framework_id, tasks }) => {
            reconcile::reconcile(state, &framework_id, &tasks, now)
        }
        Call::ReconcileOperations(call) => operations::reconcile(state, &call),
        Call::Message(call) => message::message(state, call),
        Call::Request(call) => operations::request(state, call, now),
        Call::UpdateFramework(call) => update_framework::update_framework(state, call)?,
    })
}

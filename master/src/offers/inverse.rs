//! Inverse offers: frameworks are asked to leave agents whose machines will be away. What they answer is for operators to
//! read; nothing is taken from them.

use std::sync::Arc;
use std::time::Duration;

use model::call::AnswerInverseOffers;
use model::event::Event;
use model::{AgentId, FrameworkId, InverseOffer, OfferId, Resources, Time};

use super::send::url;
use crate::alarms::Alarm;
use crate::effects::{Effect, Effects};
use crate::state::{Answered, State};

/// The least time between an answer and the next question.
const ASK_AGAIN_MIN: Duration = Duration::from_secs(1);

/// Asks every framework that has something on the agent, or is offered something there, if its machine is planned to be away.
/// One question per framework and agent is open at a time.
///
/// Source: scheduler semantics §11.
pub(crate) fn send_inverse(state: &mut State, id: &AgentId, now: Time) -> Effects {
    let Some(agent) = state.agent(id) else { return Effects::none() };
    let on: Vec<FrameworkId> = agent.used.keys().cloned().collect();
    let mut effects = Effects::none();
    for framework in on {
        effects.extend(ask(state, &framework, id, now));
    }
    effects
}

/// Asks one framework about one agent, unless it refused to be asked for longer.
pub(crate) fn ask(state: &mut State, framework: &FrameworkId, id: &AgentId, now: Time) -> Effects {
    let Some(agent) = state.agent(id).filter(|agent| agent.connected()) else { return Effects::none() };
    let ip = agent.upid.address().ip().to_string();
    let Some(unavailability) = state.world.policy.unavailability(&agent.info, &ip) else {
        return Effects::none();
    };
    let reads = state.framework(framework).is_some_and(|framework| framework.connected());
    let open = state
        .world
        .inverse_offers
        .values()
        .any(|offer| offer.framework_id == *framework && offer.agent_id.as_ref() == Some(id));
    let mut offers = agent.offers.iter().filter_map(|offer| state.world.offers.get(offer));
    let has = agent.used.contains_key(framework) || offers.any(|offer| offer.framework_id == *framework);
    let answer = state.world.inverse_answers.get(&(id.clone(), framework.clone()));
    if !reads || open || !has || answer.is_some_and(|answer| answer.holds_until > now) {
        return Effects::none();
    }
    let offer = InverseOffer {
        id: OfferId::from(""),
        framework_id: framework.clone(),
        agent_id: Some(id.clone()),
        url: Some(url(state, agent)),
        unavailability,
        resources: Resources::new(),
    };
    let offer = Arc::new(InverseOffer { id: state.next_offer_id(), ..offer });
    state.touch();
    state.world.inverse_offers.insert(offer.id.clone(), offer.clone());
    let mut effects = Effects::none();
    if let Some(framework) = state.framework(framework) {
        effects.tell(framework, Event::InverseOffers(vec![offer]));
    }
    effects
}

/// A framework says whether it will leave. It is asked again when its filter is over.
pub(crate) fn answer_inverse(
    state: &mut State,
    call: AnswerInverseOffers,
    accepted: bool,
    now: Time,
) -> Effects {
    let mut effects = Effects::none();
    for id in call.inverse_offer_ids {
        let known = state.world.inverse_offers.get(&id);
        let Some(offer) = known.filter(|offer| offer.framework_id == call.framework_id).cloned() else {
            continue;
        };
        state.touch();
        state.world.inverse_offers.remove(&id);
        let Some(agent) = offer.agent_id.clone() else { continue };
        let refuse = call.filters.refuse.max(ASK_AGAIN_MIN);
        let answered = Answered { accepted, at: now, holds_until: now + refuse };
        state.world.inverse_answers.insert((agent.clone(), call.framework_id.clone()), answered);
        let alarm = Alarm::InverseOffer { framework: call.framework_id.clone(), agent };
        effects.push(Effect::Alarm { after: refuse, alarm });
    }
    effects
}

/// Takes back what was asked about an agent, and forgets what was answered.
pub(crate) fn rescind_inverse(state: &mut State, id: &AgentId) -> Effects {
    let of = |offer: &Arc<InverseOffer>| offer.agent_id.as_ref() == Some(id);
    let out: Vec<Arc<InverseOffer>> =
        state.world.inverse_offers.values().filter(|offer| of(offer)).cloned().collect();
    let mut effects = Effects::none();
    state.touch();
    for offer in out {
        state.world.inverse_offers.remove(&offer.id);
        if let Some(framework) = state.framework(&offer.framework_id) {
            effects.tell(framework, Event::RescindInverseOffer { inverse_offer_id: offer.id.clone() });
        }
    }
    let answered: Vec<_> =
        state.world.inverse_answers.keys().filter(|(agent, _)| agent == id).cloned().collect();
    for key in answered {
        state.world.inverse_answers.remove(&key);
    }
    effects
}

/// Forgets what a framework was asked, and how long it did not want to be asked again: it is away, or begins anew.
pub(crate) fn discard_inverse(state: &mut State, id: &FrameworkId) {
    allow_asking(state, id);
    let out: Vec<OfferId> = state
        .world
        .inverse_offers
        .values()
        .filter(|offer| offer.framework_id == *id)
        .map(|offer| offer.id.clone())
        .collect();
    out.iter().for_each(|offer| drop(state.world.inverse_offers.remove(offer)));
}

/// The framework may be asked again about every agent.
pub(crate) fn allow_asking(state: &mut State, id: &FrameworkId) {
    let of = |(key, _): &(&(AgentId, FrameworkId), &Answered)| key.1 == *id;
    let keys: Vec<_> = state.world.inverse_answers.iter().filter(of).map(|(key, _)| key.clone()).collect();
    for key in keys {
        if let Some(answered) = state.world.inverse_answers.get_mut(&key) {
            answered.holds_until = Time::START;
        }
    }
}

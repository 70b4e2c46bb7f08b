//! What frameworks lack, and who was told to go.

use std::collections::BTreeMap;
use std::time::Duration;

use model::call::ResourceRequest;
use model::{AgentId, FrameworkId, OfferId, Quantities, Resources, TaskId, Time};

use crate::alarms::Alarm;
use crate::effects::{Effect, Effects};
use crate::state::State;

/// As many amounts of one REQUEST are looked at.
const AMOUNTS_MAX: usize = 64;

/// How long who is outranked is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// How long somebody asks in vain first.
    pub wait: Duration,
    /// How long who is told to go may take.
    pub grace: Duration,
}

/// What a master knows of it. It outlives no master: who still lacks something asks again.
#[derive(Debug, Default)]
pub(crate) struct Preemptions {
    pub(super) wishes: BTreeMap<FrameworkId, Wish>,
    /// One at a time for each agent.
    pub(super) notices: BTreeMap<AgentId, Notice>,
    /// Whether an alarm is set.
    pub(super) looks: bool,
}

/// What a framework asked for with its last REQUEST, and has not launched anything since.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub(super) amounts: Vec<Amount>,
    /// Not to be looked at before it is so old.
    pub(super) since: Time,
}

/// So much on one agent, be it any or this one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amount {
    pub(super) agent: Option<AgentId>,
    pub(super) wanted: Quantities,
}

/// Who was told to leave an agent.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    /// For whom.
    pub(super) wishes: FrameworkId,
    pub(super) tasks: Vec<(FrameworkId, TaskId)>,
    pub(super) asked: Vec<OfferId>,
}

impl Preemptions {
    /// The framework has launched something, or has ended: it lacks nothing it has not asked for again.
    pub(crate) fn forget(&mut self, framework: &FrameworkId) {
        self.wishes.remove(framework);
    }
}

/// A framework asks for resources, in place of what it asked for before. Who repeats itself has waited all the same.
pub(crate) fn wished(
    state: &mut State,
    framework: &FrameworkId,
    requests: &[ResourceRequest],
    now: Time,
) -> Effects {
    if state.settings.preemption.is_none() {
        return Effects::none();
    }
    let amount = |request: &ResourceRequest| Amount {
        agent: request.agent_id.clone(),
        wanted: given_to_anybody(&request.resources),
    };
    let amounts = requests.iter().take(AMOUNTS_MAX).map(amount);
    let amounts: Vec<Amount> = amounts.filter(|amount| !amount.wanted.is_empty()).collect();
    let wishes = &mut state.preemptions.wishes;
    match wishes.get(framework) {
        _ if amounts.is_empty() => drop(wishes.remove(framework)),
        Some(before) if before.amounts == amounts => {}
        _ => drop(wishes.insert(framework.clone(), Wish { amounts, since: now })),
    }
    look_later(state)
}

/// The scalars that are kept for nobody and would stay: what can change hands between roles.
pub(super) fn given_to_anybody(resources: &Resources) -> Quantities {
    resources
        .filter(|resource| resource.is_unreserved() && !resource.revocable && !resource.shared)
        .scalar_quantities()
}

/// Looks again when whoever has asked last will have waited long enough.
pub(super) fn look_later(state: &mut State) -> Effects {
    match state.settings.preemption {
        Some(Preemption { wait, .. }) if !state.preemptions.looks && !state.preemptions.wishes.is_empty() => {
            state.preemptions.looks = true;
            Effect::Alarm { after: wait, alarm: Alarm::Preemption }.into()
        }
        _ => Effects::none(),
    }
}

//! What operators ask that changes something, one file per kind of call.
//!
//! What outlives a master is written down first: [`record`] sends it to the registrar, [`recorded`] carries on when it is
//! written, and answers whoever asked.

mod convert;
mod drain;
mod gone;
mod maintenance;
mod quota;
#[cfg(test)]
mod refusals;
mod watch;
mod weights;

use std::sync::Arc;

use model::{AgentId, Conversion, DrainConfig, MachineId, Quantities, Quota, Role, Time, Weight, Window};

use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::registrar::{Delta, Refused, Registry};
use crate::state::State;

pub(crate) use drain::drained;
pub(crate) use watch::{unwatch, watch};

/// What an operator asks for.
#[expect(clippy::large_enum_variant, reason = "it travels in a box, whichever it is")]
#[derive(Clone, Debug)]
pub enum Ask {
    /// What an agent has is to become something else.
    Convert {
        /// Which agent.
        agent: AgentId,
        /// What goes, and what comes.
        conversion: Conversion,
        /// Who asks, if it was proved.
        principal: Option<String>,
    },
    /// Roles are to weigh this much.
    UpdateWeights(Vec<(Role, f64)>),
    /// Roles are to have these quotas.
    UpdateQuota {
        /// One per role.
        quotas: Vec<Quota>,
        /// Whatever the cluster holds and uses.
        force: bool,
    },
    /// A role without quota is to have one, in the old way.
    SetQuota {
        /// Which role.
        role: Role,
        /// What it is promised, and at most has.
        guarantee: Quantities,
        /// Whatever the cluster holds.
        force: bool,
    },
    /// A role is to have no quota any more.
    RemoveQuota {
        /// Which role.
        role: Role,
        /// How the answer begins if it has none.
        what: String,
    },
    /// An agent will never be back.
    MarkGone(AgentId),
    /// An agent is to be emptied.
    Drain {
        /// Which agent.
        agent: AgentId,
        /// How.
        config: DrainConfig,
    },
    /// Nothing of an agent is to be offered.
    Deactivate(AgentId),
    /// An agent is to be offered again.
    Reactivate(AgentId),
    /// When machines will be away.
    UpdateSchedule(Vec<Window>),
    /// Machines are away now.
    StartMaintenance(Vec<MachineId>),
    /// Machines are back.
    StopMaintenance(Vec<MachineId>),
}

/// One line per call.
pub(crate) fn hear(state: &mut State, ask: Ask, asker: Asker, now: Time) -> Effects {
    match ask {
        Ask::Convert { agent, conversion, principal } => {
            convert::convert(state, &agent, conversion, principal.as_deref(), asker)
        }
        Ask::UpdateWeights(weights) => weights::update_weights(state, &weights, asker),
        Ask::UpdateQuota { quotas, force } => quota::update_quota(state, quotas, force, asker),
        Ask::SetQuota { role, guarantee, force } => quota::set_quota(state, role, guarantee, force, asker),
        Ask::RemoveQuota { role, what } => quota::remove_quota(state, role, &what, asker),
        Ask::MarkGone(agent) => gone::mark_gone(state, &agent, asker, now),
        Ask::Drain { agent, config } => drain::drain(state, agent, config, asker),
        Ask::Deactivate(agent) => drain::deactivate(state, agent, asker),
        Ask::Reactivate(agent) => drain::reactivate(state, agent, asker),
        Ask::UpdateSchedule(windows) => maintenance::update_schedule(state, windows, asker),
        Ask::StartMaintenance(machines) => maintenance::start(state, machines, asker),
        Ask::StopMaintenance(machines) => maintenance::stop(state, machines, asker),
    }
}

/// Has a decree written down; whoever asked for it waits until it is.
pub(crate) fn record(state: &mut State, delta: Delta, asker: Asker) -> Effects {
    state.decrees.push_back(asker);
    Effect::Record(delta).into()
}

/// A decree is written, or does not fit. The registrar answers in the order in which it was asked.
pub(crate) fn recorded(
    state: &mut State,
    delta: &Delta,
    outcome: Result<bool, Refused>,
    now: Time,
) -> Effects {
    let asker = state.decrees.pop_front().unwrap_or_default();
    if let Delta::MarkDrained { id } = delta {
        state.emptied.remove(id);
    }
    if let Err(refused) = outcome {
        let answer = Err(Rejected::Conflict(refused.to_string()));
        return Effect::Answer { asker, answer }.into();
    }
    let before = state.world.policy.schedule.clone();
    state.decree(delta);
    let mut effects = match delta {
        Delta::UpdateWeights { weights } => weights::updated(state, weights),
        Delta::UpdateQuota { quotas } => quota::updated(state, quotas),
        Delta::UpdateSchedule { .. } => maintenance::replanned(state, &before, now),
        Delta::StopMaintenance { .. } => maintenance::replanned(state, &before, now),
        Delta::StartMaintenance { machines } => maintenance::started(state, machines, now),
        Delta::DrainAgent { id, .. } | Delta::DeactivateAgent { id } => drain::put_aside(state, id, now),
        Delta::ReactivateAgent { id } => drain::take_up(state, id),
        _ => Effects::none(),
    };
    effects.push(Effect::Answer { asker, answer: Ok(()) });
    effects
}

/// The decrees of the masters before. Weights of the flags only count where none were ever written.
///
/// Source: scheduler semantics §14.
pub(crate) fn recovered(state: &mut State, registry: &Registry) -> Effects {
    state.world.policy = Arc::new(registry.policy.clone());
    let mut effects = Effects::none();
    if !registry.weights.is_empty() {
        let flags = std::mem::take(&mut state.world.weights);
        let one = |role: &Role| Weight::new(role.clone(), Weight::DEFAULT).expect("one is positive");
        let mut weights: Vec<Weight> = registry.weights.values().cloned().collect();
        weights.extend(flags.keys().filter(|role| !registry.weights.contains_key(*role)).map(one));
        let named = registry.weights.iter();
        state.world.weights = named.map(|(role, weight)| (role.clone(), weight.weight())).collect();
        effects.push(Effect::Allocator(allocator::Input::UpdateWeights(weights)));
    }
    if !registry.policy.quotas.is_empty() {
        let quotas = registry.policy.quotas.values().cloned().collect();
        effects.push(Effect::Allocator(allocator::Input::UpdateQuotas(quotas)));
    }
    effects
}

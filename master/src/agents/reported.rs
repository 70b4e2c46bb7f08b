//! The registrar has read, or written: what waited for it goes on.

use std::sync::Arc;

use model::{AgentId, Time};

use super::{add, disown, readmit, recovery, resume};
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::operator;
use crate::registrar::{Delta, Refused, Report};
use crate::state::{Admission, Disowned, State};

/// Carries on with what was waiting.
pub(crate) fn reported(state: &mut State, report: Report, now: Time) -> Effects {
    match report {
        Report::Recovered(registry) => recovery::recovered(state, registry),
        Report::Recorded { delta, outcome } => recorded(state, &delta, outcome, now),
        Report::Pruned(delta) => {
            state.decree(&delta);
            if let Delta::Prune { unreachable, gone } = &*delta {
                for id in unreachable {
                    state.world.unreachable.remove(id);
                    state.left_behind.remove(id);
                }
                for id in gone {
                    state.world.gone.remove(id);
                }
            }
            Effects::none()
        }
    }
}

fn recorded(state: &mut State, delta: &Arc<Delta>, outcome: Result<bool, Refused>, now: Time) -> Effects {
    let Some(id) = agent(delta) else { return operator::recorded(state, delta, outcome, now) };
    let Some(admission) = state.admissions.take(id) else { return Effects::none() };
    if let Err(refused) = outcome {
        tracing::warn!(agent = %id, %refused, "the registry refused a change");
        return match admission {
            Admission::Disowning(Disowned::Gone, asker) => {
                let answer = Err(Rejected::Conflict(refused.to_string()));
                Effect::Answer { asker, answer }.into()
            }
            _ => Effects::none(),
        };
    }
    match (admission, &**delta) {
        (Admission::Admitting { upid, message }, Delta::AdmitAgent { info, .. }) => {
            add::admitted(state, id, info.clone(), upid, *message, now)
        }
        (Admission::Readmitting { upid, message }, Delta::MarkReachable { info, .. }) => {
            readmit::readmitted(state, id, info.clone(), upid, *message, now)
        }
        (Admission::Updating { upid, message }, Delta::UpdateAgent { info, .. }) => {
            resume::resume(state, id, info.clone(), upid, *message, now)
        }
        (Admission::Disowning(why, asker), delta) => {
            let at = match delta {
                Delta::MarkUnreachable { at, .. } | Delta::MarkGone { at, .. } => *at,
                _ => now,
            };
            state.decree(delta);
            let mut effects = disown::finish(state, id, why, at, now);
            if why == Disowned::Gone {
                effects.push(Effect::Answer { asker, answer: Ok(()) });
            }
            effects
        }
        _ => Effects::none(),
    }
}

/// The agent a change is about.
fn agent(delta: &Delta) -> Option<&AgentId> {
    match delta {
        Delta::AdmitAgent { id, .. }
        | Delta::UpdateAgent { id, .. }
        | Delta::RemoveAgent { id }
        | Delta::MarkUnreachable { id, .. }
        | Delta::MarkReachable { id, .. }
        | Delta::MarkGone { id, .. } => Some(id),
        // Decrees of operators, even those about agents, wait in a line of their own.
        _ => None,
    }
}

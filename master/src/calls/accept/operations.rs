//! The call as a whole.

use model::call::Accept;
use model::{AgentId, FrameworkId, OperationKind, Resources, Role, Time};

use super::launch::launch;
use super::launch_group::launch_group;
use super::{refuse, take};
use crate::effects::{Effect, Effects};
use crate::state::State;

/// Where an ACCEPT stands: what it may still use, and what it has brought about so far.
pub(super) struct Accepting<'a> {
    pub(super) state: &'a mut State,
    pub(super) framework: FrameworkId,
    pub(super) agent: AgentId,
    /// The role all its offers were made in.
    pub(super) role: Role,
    /// What the operations so far have left.
    pub(super) left: Resources,
    pub(super) effects: Effects,
    pub(super) now: Time,
}

/// Takes the offers, carries out the operations one after the other on what is left, and gives back the rest
/// as if it were declined.
///
/// An operation that fails is skipped and its framework told; those after it go on.
/// Source: scheduler semantics §4.
pub(crate) fn accept(state: &mut State, call: Accept, now: Time) -> Effects {
    count(state, &call);
    let refuse = Some(call.filters.refuse);
    let taken = match take::take(state, &call.framework_id, &call.offer_ids) {
        Ok(taken) => taken,
        Err(void) => {
            let mut effects: Effects =
                void.taken.iter().map(|offer| Effect::recover_offer(offer, None)).collect();
            refuse::all(state, &call, &void.message, now, &mut effects);
            return effects;
        }
    };
    let mut accepting = Accepting {
        state,
        framework: call.framework_id,
        agent: taken.agent,
        role: taken.role,
        left: taken.resources,
        effects: Effects::none(),
        now,
    };
    for operation in call.operations {
        if let Some(framework) = accepting.state.framework_mut(&accepting.framework) {
            framework.counts.operation(operation.kind.name());
        }
        match operation.kind {
            OperationKind::Launch(tasks) => launch(&mut accepting, operation.id.as_ref(), tasks),
            OperationKind::LaunchGroup(group) => launch_group(&mut accepting, operation.id.as_ref(), group),
            OperationKind::Convert(conversion) => {
                let message = format!("{} is not supported yet", conversion.name());
                accepting.refuse_operation(operation.id, message);
            }
            OperationKind::Invalid { message, .. } => accepting.refuse_operation(operation.id, message),
        }
    }
    let Accepting { framework, agent, left, mut effects, .. } = accepting;
    if !left.is_empty() {
        effects.push(Effect::recover(&framework, &agent, left, refuse));
    }
    effects
}

/// Counts the call as a launch, or as a decline if it launches nothing.
fn count(state: &mut State, call: &Accept) {
    let launches = call.operations.iter().any(|operation| match &operation.kind {
        OperationKind::Launch(tasks) => !tasks.is_empty(),
        OperationKind::LaunchGroup(_) => true,
        OperationKind::Convert(_) | OperationKind::Invalid { .. } => false,
    });
    match launches {
        true => state.world.tally.messages_launch_tasks += 1,
        false if call.operations.is_empty() => state.world.tally.messages_decline_offers += 1,
        false => {}
    }
}

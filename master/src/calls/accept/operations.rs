//! The call as a whole.

use std::time::Duration;

use model::call::Accept;
use model::{AgentId, FrameworkId, OperationKind, Resources, Role, Time};
use security::Rights;

use super::convert::convert;
use super::launch::launch;
use super::launch_group::launch_group;
use super::{refuse, take};
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::State;

/// Where an ACCEPT stands: what it may still use, and what it has brought about so far.
pub(super) struct Accepting<'a> {
    pub(super) state: &'a mut State,
    pub(super) framework: FrameworkId,
    pub(super) agent: AgentId,
    /// The role all its offers were made in.
    pub(super) role: Role,
    /// What the operations so far have left. What is shared stays in it, however many tasks use it.
    pub(super) left: Resources,
    /// What is shared and tasks use, once for each of them.
    pub(super) shared: Resources,
    /// What the framework may do.
    pub(super) rights: Rights,
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
    let principal = state.framework(&call.framework_id).and_then(|known| known.info.principal.clone());
    let rights = state.settings.policy.rights_of(principal.as_deref());
    let mut accepting = Accepting {
        state,
        rights,
        framework: call.framework_id,
        agent: taken.agent,
        role: taken.role,
        left: taken.resources.clone(),
        shared: Resources::new(),
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
            OperationKind::Convert(conversion) => convert(&mut accepting, operation.id, conversion),
            OperationKind::Invalid { name, message } => {
                accepting.refuse_operation(name, operation.id, message)
            }
        }
    }
    accepting.give_back(&taken.resources, refuse)
}

impl Accepting<'_> {
    /// Notes that a task or an executor uses this.
    pub(super) fn use_up(&mut self, resources: &Resources) {
        match resources.iter().any(|resource| resource.shared) {
            true => {
                self.left -= &resources.non_shared();
                self.shared += &resources.shared();
            }
            false => self.left -= resources,
        }
    }

    /// Gives back what is left: what was offered as if it were declined, what was made of it without a filter.
    fn give_back(self, offered: &Resources, refuse: Option<Duration>) -> Effects {
        let Accepting { state, framework, agent, now, mut left, shared, mut effects, .. } = self;
        if !shared.is_empty() {
            // The allocator gave each shared thing once; it hears of those who use it besides.
            let more = shared.clone() - &left.shared();
            left -= &shared;
            if !more.is_empty() {
                effects.push(Effect::convert(&framework, &agent, Resources::new(), more));
            }
        }
        effects.extend(offers::ask(state, &framework, &agent, now));
        let made = left.clone() - offered;
        left -= &made;
        if !made.is_empty() {
            effects.push(Effect::recover(&framework, &agent, made, None));
        }
        if !left.is_empty() {
            effects.push(Effect::recover(&framework, &agent, left, refuse));
        }
        effects
    }
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

//! An agent says how an operation went.

use libprocess::Upid;
use model::event::Event;
use model::messages::{AcknowledgeOperation, Instead, UpdateOperation};
use model::{AgentId, Operation, OperationState, OperationStatus, UpdateId};

use super::retotal;
use crate::agents::believable;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::state::{State, unallocated};

/// Books the outcome, and passes it on to whoever asked for the operation. Where nobody waits to hear of it, the agent is
/// told at once that it was heard.
///
/// An operation nobody remembers is over: its agent may forget it too.
/// Source: scheduler semantics §4 and §7, "Operation states".
pub(crate) fn update(state: &mut State, from: &Upid, message: UpdateOperation) -> Effects {
    state.world.tally.messages_operation_status_update += 1;
    let UpdateOperation { agent_id, operation: uuid, mut status, instead } = message;
    if state.agent_at(from).is_none_or(|agent| agent.id != agent_id) {
        state.world.tally.invalid_operation_status_updates += 1;
        return Effects::none();
    }
    state.world.tally.valid_operation_status_updates += 1;
    let Some(operation) = state.operation(&agent_id, &uuid).cloned() else {
        return acknowledge(state, &agent_id, uuid);
    };
    status.operation_id = operation.id.clone();
    status.agent_id = Some(agent_id.clone());
    let mut effects = Effects::none();
    if operation.latest_status.state == OperationState::Pending && status.state.is_terminal() {
        effects.extend(settle(state, &agent_id, &operation, &status, instead));
    }
    let hears = operation.framework_id.as_ref().zip(operation.id.as_ref());
    match hears.and_then(|(framework, _)| state.framework(framework)) {
        Some(framework) => {
            let over = status.uuid.is_none() && status.state.is_terminal();
            effects.tell(framework, Event::UpdateOperationStatus(status.into()));
            if over {
                state.remove_operation(&agent_id, &uuid);
            }
        }
        None if status.state.is_terminal() => {
            state.remove_operation(&agent_id, &uuid);
            effects.extend(acknowledge(state, &agent_id, uuid));
        }
        None => {}
    }
    effects
}

/// Books how a pending operation ended. One that was counted on in vain may have been built upon: what there is instead is
/// for the agent to say.
fn settle(
    state: &mut State,
    id: &AgentId,
    operation: &Operation,
    status: &OperationStatus,
    instead: Option<Instead>,
) -> Effects {
    let mut effects = Effects::none();
    let Some(agent) = state.agent(id) else { return effects };
    let (held, counted_on, outlived) =
        (agent.held_by(operation), agent.counts_on(operation), agent.outlives(operation));
    let done = status.state == OperationState::Finished;
    state.end_operation(id, &operation.uuid, status.clone());
    match (&operation.framework_id, done) {
        (Some(framework), true) if !held.is_empty() => {
            let outcome = operation.conversion.outcome(&status.converted);
            let (goes, comes) = outcome.expect("something is held for it");
            state.convert(id, &goes, &comes);
            effects.push(Effect::convert(framework, id, goes, comes.clone()));
            effects.push(Effect::recover(framework, id, comes, None));
        }
        (Some(framework), false) if !held.is_empty() => {
            effects.push(Effect::recover(framework, id, held, None));
        }
        // The framework ended meanwhile, and nothing was held any more.
        (_, true) if outlived && !counted_on => effects.extend(correct(state, id, operation, status, false)),
        (_, false) if counted_on => match instead {
            Some(instead) => effects.extend(believe(state, id, instead)),
            None => effects.extend(correct(state, id, operation, status, true)),
        },
        _ => {}
    }
    effects
}

/// Takes the agent's word for what it has. What may be taken back from tasks it tells of elsewhere.
fn believe(state: &mut State, id: &AgentId, instead: Instead) -> Effects {
    let Some(agent) = state.agent(id) else { return Effects::none() };
    let (revocable, said) = (agent.total.revocable(), believable(&agent.info, instead.total));
    let total = state.expected(id, said, &instead.operations);
    retotal(state, id, total.non_revocable() + revocable)
}

/// Carries the conversion out, or back, in what the agent has as a whole.
fn correct(
    state: &mut State,
    id: &AgentId,
    operation: &Operation,
    status: &OperationStatus,
    back: bool,
) -> Effects {
    let exchanged = unallocated(&operation.conversion, &status.converted);
    let (Some(agent), Some((goes, comes))) = (state.agent(id), exchanged) else { return Effects::none() };
    let total = match back {
        true => agent.total.replace(&comes, goes),
        false => agent.total.replace(&goes, comes),
    };
    match total {
        Ok(total) => retotal(state, id, total),
        // The agent tells all it has when it next comes back.
        Err(why) => {
            tracing::warn!(agent = %id, %why, "an operation's outcome does not fit the books");
            Effects::none()
        }
    }
}

/// The agent may forget the operation.
fn acknowledge(state: &State, id: &AgentId, operation: UpdateId) -> Effects {
    let mut effects = Effects::none();
    if let Some(agent) = state.agent(id) {
        effects.send(agent, AcknowledgeOperation { epoch: state.epoch(), operation });
    }
    effects
}

impl Effect {
    /// What a framework holds has become something else.
    pub(crate) fn convert(
        framework: &model::FrameworkId,
        agent: &AgentId,
        before: model::Resources,
        after: model::Resources,
    ) -> Self {
        let (framework, agent) = (framework.clone(), agent.clone());
        Effect::Allocator(allocator::Input::UpdateAllocation { framework, agent, before, after })
    }
}

#[cfg(test)]
mod tests {
    use model::{Conversion, FrameworkId, OfferOperation, OperationKind, Resources, TaskState};

    use super::*;
    use crate::messages::Input;
    use crate::testing::{Stage, bag, events, task, to_agents, upid, volume};

    const RESERVED: &str = "disk(allocated: web)(reservations: [(DYNAMIC,web)])";

    fn step(conversion: Conversion) -> OfferOperation {
        OfferOperation { id: Some("o".into()), kind: OperationKind::Convert(conversion) }
    }

    fn reserve() -> OfferOperation {
        step(Conversion::Reserve { source: Resources::new(), resources: bag(&format!("{RESERVED}:64")) })
    }

    fn create() -> OfferOperation {
        step(Conversion::Create { volumes: volume("v", 64) })
    }

    /// A framework that was offered all there is accepts it for this.
    fn asked(steps: Vec<OfferOperation>) -> (Stage, AgentId, FrameworkId) {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;disk:100"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:4;disk:100");
        let effects = stage.accept(&framework, &offer, steps);
        assert!(events(&effects).is_empty(), "{:?}", events(&effects));
        (stage, agent, framework)
    }

    /// The agent says what came of the how manieth operation, and what it has instead if it did not come about; it is done
    /// with all before that one.
    fn told(
        stage: &mut Stage,
        agent: &AgentId,
        number: usize,
        into: OperationState,
        total: Option<&Resources>,
    ) -> String {
        let known: Vec<_> = stage.state.agent(agent).unwrap().operations.values().cloned().collect();
        let done = |(place, operation): (usize, &std::sync::Arc<Operation>)| {
            let mut operation = Operation::clone(operation);
            operation.latest_status.state = if place == number { into } else { OperationState::Finished };
            operation
        };
        let operations = known[..=number].iter().enumerate().map(done).collect();
        let mut status = known[number].latest_status.clone();
        (status.state, status.uuid) = (into, Some(known[number].uuid));
        let instead = total.map(|total| Instead { total: total.clone(), operations });
        let body =
            UpdateOperation { agent_id: agent.clone(), operation: known[number].uuid, status, instead };
        let effects = stage.tell(Input::UpdateOperation { from: upid(1), body: Box::new(body) });
        stage.state.check();
        effects.iter().map(|effect| format!("{effect}\n")).collect()
    }

    const LEFT: &str = "cpus:4;disk:36;disk(reservations: [(DYNAMIC,web)]):64";

    #[test]
    fn a_volume_that_was_not_made_is_nobodys_whatever_was_launched_on_it() {
        for first in [OperationState::Failed, OperationState::Finished] {
            let mut with = task("t", &"m-S0".into(), "cpus:1");
            with.resources += volume("v", 64);
            let launch = OfferOperation { id: None, kind: OperationKind::Launch(vec![Ok(with)]) };
            let (mut stage, agent, framework) = asked(vec![reserve(), create(), launch]);
            told(&mut stage, &agent, 0, OperationState::Finished, None);
            // Its task cannot be run either; which of the two is told first is nobody's promise.
            if first == OperationState::Finished {
                stage.update(&framework, &agent, "t", TaskState::Dropped);
            }
            let said = told(&mut stage, &agent, 1, OperationState::Failed, Some(&bag(LEFT)));
            assert!(said.contains("o OPERATION_FAILED") && said.contains("update agent m-S0 to"), "{said}");
            if first == OperationState::Failed {
                stage.update(&framework, &agent, "t", TaskState::Dropped);
            }
            let on = stage.state.agent(&agent).unwrap();
            assert_eq!((&on.total, &on.free), (&bag(LEFT), &bag(LEFT)));
            stage.state.check();
        }
    }

    #[test]
    fn what_was_built_upon_an_operation_that_failed_does_not_come_back_in_its_place() {
        let destroy = step(Conversion::Destroy { volumes: volume("v", 64) });
        let (mut stage, agent, _) = asked(vec![reserve(), create(), destroy]);
        told(&mut stage, &agent, 0, OperationState::Finished, None);
        told(&mut stage, &agent, 1, OperationState::Failed, Some(&bag(LEFT)));
        told(&mut stage, &agent, 2, OperationState::Dropped, Some(&bag(LEFT)));
        assert_eq!(stage.state.agent(&agent).unwrap().total, bag(LEFT));
    }

    #[test]
    fn what_has_yet_to_reach_the_agent_is_counted_on_beside_what_it_says() {
        let more = bag("cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1");
        let more = step(Conversion::Reserve { source: Resources::new(), resources: more });
        let (mut stage, agent, _) = asked(vec![reserve(), create(), more]);
        told(&mut stage, &agent, 0, OperationState::Finished, None);
        told(&mut stage, &agent, 1, OperationState::Failed, Some(&bag(LEFT)));
        let total = bag(LEFT) - &bag("cpus:1") + bag("cpus(reservations: [(DYNAMIC,web)]):1");
        assert_eq!(stage.state.agent(&agent).unwrap().total, total);
    }

    #[test]
    fn what_only_its_agent_may_count_on_is_booked_when_that_tells_of_it() {
        let one = |bag: Resources| bag.iter().next().unwrap().clone();
        let grow = Conversion::GrowVolume {
            volume: one(volume("v", 64)),
            addition: one(bag(&format!("{RESERVED}:8"))),
        };
        let reserve =
            Conversion::Reserve { source: Resources::new(), resources: bag(&format!("{RESERVED}:72")) };
        let (mut stage, agent, framework) = asked(vec![step(reserve), create()]);
        for number in [0, 1] {
            told(&mut stage, &agent, number, OperationState::Finished, None);
        }
        let more = bag("cpus(allocated: web)(reservations: [(DYNAMIC,web)]):1");
        let more = step(Conversion::Reserve { source: Resources::new(), resources: more });
        let offer = stage.offer_all(&framework, &agent);
        let effects = stage.accept(&framework, &offer, vec![step(grow), more]);
        assert_eq!(to_agents(&effects).len(), 2);
        // The agent has grown the volume, and what it says of that is on its way behind this.
        let grown = bag("cpus:4;disk:28") + volume("v", 72).unallocate();
        told(&mut stage, &agent, 3, OperationState::Dropped, Some(&grown));
        let on = stage.state.agent(&agent).unwrap();
        assert!(on.total.contains(&volume("v", 64).unallocate()), "{}", on.total);
        told(&mut stage, &agent, 2, OperationState::Finished, None);
        assert_eq!(stage.state.agent(&agent).unwrap().total, grown);
    }
}

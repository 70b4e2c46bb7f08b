//! RESERVE_RESOURCES, UNRESERVE_RESOURCES, CREATE_VOLUMES, DESTROY_VOLUMES, GROW_VOLUME, SHRINK_VOLUME.

use model::messages::ApplyOperation;
use model::{AgentId, Conversion, OfferId, Operation, OperationState, OperationStatus, Resources};

use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::offers;
use crate::operations::validate::{self, Who};
use crate::state::State;

/// Converts what nobody uses. What is offered and needed for it is taken back first, and no more than that.
///
/// Source: Mesos operator HTTP API; 202 says that it is on its way to the agent.
pub(super) fn convert(
    state: &mut State,
    agent: &AgentId,
    conversion: Conversion,
    principal: Option<&str>,
    asker: Asker,
) -> Effects {
    let mut effects = Effects::none();
    let answer = try_convert(state, agent, conversion, principal, &mut effects);
    effects.push(Effect::Answer { asker, answer });
    effects
}

fn try_convert(
    state: &mut State,
    id: &AgentId,
    conversion: Conversion,
    principal: Option<&str>,
    effects: &mut Effects,
) -> Result<(), Rejected> {
    let agent = state.agent(id).ok_or(Rejected::NoSuchAgent)?;
    if let Err(why) = validate::conversion(Who::Operator(principal), agent, &conversion) {
        let (name, upid, hostname) = (conversion.name(), &agent.upid, &agent.info.hostname);
        return Err(Rejected::Invalid(format!(
            "Invalid {name} operation on agent {id} at {upid} ({hostname}): {why}"
        )));
    }
    let (goes, comes) = conversion.exchange().map_err(|why| Rejected::Invalid(why.to_string()))?;
    let (goes, comes) = (goes.unallocate(), comes.unallocate());
    if !agent.connected() {
        return Err(Rejected::Conflict(format!("Agent {id} is disconnected")));
    }
    make_room(state, id, &goes, effects);
    let agent = state.agent(id).expect("it was there above");
    agent.free.replace(&goes, comes.clone()).map_err(|why| Rejected::Conflict(why.to_string()))?;

    state.convert(id, &goes, &comes);
    let (before, after) = (goes, comes);
    let converted = allocator::Input::UpdateAvailable { agent: id.clone(), before, after };
    effects.push(Effect::Allocator(converted));
    let uuid = state.next_operation();
    let pending =
        OperationStatus { agent_id: Some(id.clone()), ..OperationStatus::new(None, OperationState::Pending) };
    let operation = Operation {
        framework_id: None,
        agent_id: Some(id.clone()),
        id: None,
        conversion: conversion.clone(),
        latest_status: pending,
        statuses: Vec::new(),
        uuid,
    };
    state.add_operation(id, operation);
    let (epoch, framework_id, operation_id) = (state.epoch(), None, None);
    let message = ApplyOperation { epoch, framework_id, operation_id, conversion, uuid };
    effects.send(state.agent(id).expect("it was there above"), message);
    Ok(())
}

/// Takes back offers that hold some of what is needed, one by one, until it is free.
fn make_room(state: &mut State, id: &AgentId, needed: &Resources, effects: &mut Effects) {
    let Some(agent) = state.agent(id) else { return };
    let out: Vec<OfferId> = agent.offers.iter().cloned().collect();
    let mut lacking = needed.clone() - &agent.free;
    for offer in out {
        if lacking.is_empty() {
            return;
        }
        let Some(offered) = state.world.offers.get(&offer).map(|offer| offer.resources.unallocate()) else {
            continue;
        };
        let rest = lacking.clone() - &offered;
        if rest != lacking {
            effects.extend(offers::rescind_for_operator(state, &offer));
            lacking = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Conversion, Resources};

    use crate::messages::{Asker, Input};
    use crate::operator::Ask;
    use crate::testing::{Stage, bag, events, to_agents, to_allocator};

    fn reserve(agent: &model::AgentId, text: &str) -> Input {
        let conversion = Conversion::Reserve { source: Resources::new(), resources: bag(text) };
        let ask = Box::new(Ask::Convert { agent: agent.clone(), conversion, principal: None });
        Input::Operator { ask, asker: Asker::default() }
    }

    #[test]
    fn only_offers_in_the_way_are_taken_back() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;disk:100"), stage.framework());
        stage.offer(&framework, &agent, "cpus:2");
        stage.offer(&framework, &agent, "disk:80");

        let effects = stage.tell(reserve(&agent, "disk(reservations: [(DYNAMIC,ops)]):64"));

        assert_eq!(events(&effects), ["s1 <- RESCIND m-O1"]);
        assert_eq!(
            to_allocator(&effects),
            [
                "recover disk(allocated: web):80 on m-S0 from m-0000, refused 5s",
                "convert disk:64 into disk(reservations: [(DYNAMIC,ops)]):64 on m-S0, where it is free"
            ]
        );
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- apply RESERVE"]);
        let total = &stage.state.agent(&agent).unwrap().total;
        assert_eq!(total, &bag("cpus:4;disk:36;disk(reservations: [(DYNAMIC,ops)]):64"));
    }

    #[test]
    fn what_is_not_free_is_a_conflict_and_what_makes_no_sense_is_refused() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4;disk:100");
        let before = stage.state.agent(&agent).unwrap().total.clone();
        for (input, said) in [
            (
                reserve(&agent, "disk(reservations: [(DYNAMIC,ops)]):640"),
                "answer: 409 Conflict cpus:4; disk:100 does not contain disk:640",
            ),
            (
                reserve(&agent, "disk:64"),
                "answer: 400 Bad Request Invalid RESERVE operation on agent m-S0 at slave(1)@127.0.0.1:6001 \
                 (agent1.example): Resource disk:64 is not dynamically reserved",
            ),
            (reserve(&"nope".into(), "disk:64"), "answer: 400 Bad Request No agent found with specified ID"),
        ] {
            let effects = stage.tell(input);
            assert_eq!(effects.to_string().trim_end(), said);
            assert_eq!(stage.state.agent(&agent).unwrap().total, before);
            assert!(stage.state.agent(&agent).unwrap().operations.is_empty());
        }
    }
}

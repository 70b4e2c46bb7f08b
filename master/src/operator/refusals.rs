//! What operators are refused, case by case: each is answered with the reason, nothing is written down, and nobody else hears of it.
//! What is asked over the older endpoints is refused in `master/tests/loopback/bad_input.rs`.
//!
//! Source: scheduler semantics §12, HTTP endpoints.

use model::{
    AgentCapability, Conversion, DrainConfig, MachineId, Quantities, Quota, Resources, Scalar, Time,
    Unavailability, Window,
};

use super::Ask;
use crate::config::Settings;
use crate::messages::{Asker, Input};
use crate::testing::{Stage, bag, upid};

fn refused(stage: &mut Stage, ask: Ask, status: u16, why: &str) {
    let before = stage.state.world.policy.clone();
    let effects = stage.tell(Input::Operator { ask: Box::new(ask), asker: Asker::default() });
    let said: Vec<String> = effects.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with(&format!("answer: {status}")) && said[0].contains(why), "{why}: {said:?}");
    assert!(stage.asked.is_empty(), "{why}: nothing is to be written down");
    assert_eq!(stage.state.world.policy, before);
}

fn machine(hostname: &str) -> MachineId {
    MachineId { hostname: Some(hostname.to_owned()), ip: None }
}

#[test]
fn windows_that_make_no_sense_are_refused() {
    let mut stage = Stage::new();
    let unavailability = Unavailability { start: Time::START, duration: None };
    let window = |machines: Vec<MachineId>| Window { machines, unavailability };
    let nameless = MachineId { hostname: None, ip: None };
    let cases = [
        (
            Ask::UpdateSchedule(vec![window(vec![machine("a")]), window(vec![machine("a")])]),
            "appears more than once in the schedule",
        ),
        (
            Ask::UpdateSchedule(vec![window(vec![nameless])]),
            "Both 'hostname' and 'ip' for a machine are empty",
        ),
        (Ask::StartMaintenance(vec![machine("a")]), "is not part of a maintenance schedule"),
    ];
    for (ask, why) in cases {
        refused(&mut stage, ask, 400, why);
    }
}

#[test]
fn agents_that_are_not_there_or_cannot_do_it_are_named() {
    let mut stage = Stage::new();
    let agent = stage.agent(1, "cpus:4;disk:100");
    let config = || DrainConfig { max_grace_period: None, mark_gone: false };
    let drain = |agent| Ask::Drain { agent, config: config() };
    for ask in [drain("nobody".into()), Ask::Deactivate("nobody".into()), Ask::Reactivate("nobody".into())] {
        refused(&mut stage, ask, 400, "Unknown agent");
    }
    refused(&mut stage, Ask::MarkGone("nobody".into()), 404, "not found");

    stage.state.agent_mut(&agent).unwrap().capabilities.0.remove(&AgentCapability::AgentDraining);
    refused(&mut stage, drain(agent.clone()), 400, "Agent does not have the AGENT_DRAINING capability");

    stage.tell(Input::AgentExited { upid: upid(1) });
    let resources = bag("disk(reservations: [(DYNAMIC,web)]):8");
    let conversion = Conversion::Reserve { source: Resources::new(), resources };
    let before = stage.state.agent(&agent).unwrap().total.clone();
    let convert = Ask::Convert { agent: agent.clone(), conversion, principal: None };
    refused(&mut stage, convert, 409, "is disconnected");
    assert_eq!(stage.state.agent(&agent).unwrap().total, before);
}

#[test]
fn roles_that_are_not_known_have_no_weight_and_no_quota() {
    let settings = Settings { roles: Some(["web".into()].into()), ..Settings::default() };
    let mut stage = Stage::with(settings);
    let quota = |role: &str| Quota {
        role: role.into(),
        guarantees: Quantities::new(),
        limits: Quantities::from_iter([("cpus", Scalar::whole(1))]),
    };
    let update = |quotas: Vec<Quota>| Ask::UpdateQuota { quotas, force: false };
    refused(&mut stage, update(vec![quota("web"), quota("web")]), 400, "Role 'web' appears more than once");
    refused(&mut stage, update(vec![quota("other")]), 400, "Unknown role 'other'");
    refused(&mut stage, Ask::UpdateWeights(vec![("other".into(), 2.0)]), 400, "Unknown role 'other'");
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(&mut stage, Ask::UpdateWeights(vec![("web".into(), weight)]), 400, "");
    }
}

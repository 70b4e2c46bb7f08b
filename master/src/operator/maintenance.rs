//! Maintenance: when machines are away, and that they are.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{AgentId, MachineId, MachineMode, Window, brief};

use super::record;
use crate::agents;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::offers;
use crate::registrar::Delta;
use crate::state::State;

/// Has a schedule written down, in place of the one before.
///
/// Source: scheduler semantics §11.
pub(super) fn update_schedule(state: &mut State, windows: Vec<Window>, asker: Asker) -> Effects {
    let judged = judge_schedule(state, &windows);
    decided(state, judged, Delta::UpdateSchedule { windows }, asker)
}

/// Has it written down that machines are down.
pub(super) fn start(state: &mut State, machines: Vec<MachineId>, asker: Asker) -> Effects {
    let judged = judge_machines(&machines, |machine| match state.world.policy.mode(machine) {
        None => Err(format!("Machine '{}' is not part of a maintenance schedule", Named(machine))),
        Some(MachineMode::Draining) => Ok(()),
        Some(_) => {
            Err(format!("Machine '{}' is not in DRAINING mode and cannot be brought down", Named(machine)))
        }
    });
    decided(state, judged, Delta::StartMaintenance { machines }, asker)
}

/// Has it written down that machines are up again.
pub(super) fn stop(state: &mut State, machines: Vec<MachineId>, asker: Asker) -> Effects {
    let judged = judge_machines(&machines, |machine| match state.world.policy.mode(machine) {
        None => Err(format!("Machine '{}' is not part of a maintenance schedule", Named(machine))),
        Some(MachineMode::Down) => Ok(()),
        Some(_) => Err(format!("Machine '{}' is not in DOWN mode and cannot be brought up", Named(machine))),
    });
    decided(state, judged, Delta::StopMaintenance { machines }, asker)
}

fn decided(state: &mut State, judged: Result<(), String>, delta: Delta, asker: Asker) -> Effects {
    match judged {
        Ok(()) => record(state, delta, asker),
        Err(why) => Effect::Answer { asker, answer: Err(Rejected::Invalid(why)) }.into(),
    }
}

fn judge_schedule(state: &State, windows: &[Window]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for window in windows {
        if window.machines.is_empty() {
            return Err("List of machines in the maintenance window is empty".to_owned());
        }
        for machine in &window.machines {
            named(machine)?;
            if !seen.insert(machine) {
                return Err(format!("Machine '{}' appears more than once in the schedule", Named(machine)));
            }
        }
    }
    match state.world.policy.down.iter().find(|machine| !seen.contains(machine)) {
        Some(machine) => {
            Err(format!("Machine '{}' is down and cannot be removed from the schedule", Named(machine)))
        }
        None => Ok(()),
    }
}

fn judge_machines(
    machines: &[MachineId],
    may: impl Fn(&MachineId) -> Result<(), String>,
) -> Result<(), String> {
    if machines.is_empty() {
        return Err("List of machines is empty".to_owned());
    }
    let mut seen = BTreeSet::new();
    for machine in machines {
        named(machine)?;
        if !seen.insert(machine) {
            return Err(format!("Machine '{}' is named more than once", Named(machine)));
        }
        may(machine)?;
    }
    Ok(())
}

fn named(machine: &MachineId) -> Result<(), String> {
    match (&machine.hostname, &machine.ip) {
        (None, None) => Err("Both 'hostname' and 'ip' for a machine are empty".to_owned()),
        (_, Some(ip)) if ip.parse::<IpAddr>().is_err() => {
            Err(format!("Machine '{}': its 'ip' is no address", Named(machine)))
        }
        _ => Ok(()),
    }
}

/// It is written: offers and inverse offers of agents whose plans changed are made anew.
pub(super) fn replanned(state: &mut State, before: &[Window], now: model::Time) -> Effects {
    let mut effects = Effects::none();
    let planned = |windows: &[Window], agent: &crate::state::Agent| {
        let ip = agent.upid.address().ip().to_string();
        let here = |window: &&Window| window.machines.iter().any(|one| one.is(&agent.info.hostname, &ip));
        windows.iter().find(here).map(|window| window.unavailability)
    };
    let after = state.world.policy.schedule.clone();
    let changed: Vec<AgentId> = state
        .world
        .agents
        .values()
        .filter(|agent| planned(before, agent) != planned(&after, agent))
        .map(|agent| agent.id.clone())
        .collect();
    for id in changed {
        effects.extend(offers::rescind_agent(state, &id));
        effects.extend(offers::rescind_inverse(state, &id));
        effects.extend(offers::send_inverse(state, &id, now));
    }
    effects
}

/// It is written: agents on the machines are told to end, and forgotten.
pub(super) fn started(state: &mut State, machines: &[MachineId], now: model::Time) -> Effects {
    let on = |agent: &crate::state::Agent| {
        let ip = agent.upid.address().ip().to_string();
        machines.iter().any(|machine| machine.is(&agent.info.hostname, &ip))
    };
    let agents: Vec<AgentId> =
        state.world.agents.values().filter(|agent| on(agent)).map(|agent| agent.id.clone()).collect();
    let mut effects = Effects::none();
    for id in agents {
        effects.extend(agents::take_down(state, &id, now));
    }
    effects
}

/// A machine as JSON shows it, which is how it is named in answers.
struct Named<'a>(&'a MachineId);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = api::json::to_vec(&api::v1::MachineId::from(self.0));
        brief(&String::from_utf8_lossy(&text)).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use model::call::{AnswerInverseOffers, Call};
    use model::{Filters, MachineId, Time, Unavailability, Window};

    use crate::messages::{Asker, Input};
    use crate::operator::Ask;
    use crate::testing::{Stage, events, register, to_agents, upid};

    fn machine(name: &str) -> MachineId {
        MachineId { hostname: Some(name.to_owned()), ip: None }
    }

    fn ask(ask: Ask) -> Input {
        Input::Operator { ask: Box::new(ask), asker: Asker::default() }
    }

    fn plan(names: &[&str]) -> Input {
        let unavailability = Unavailability { start: Time::START, duration: None };
        let machines = names.iter().map(|name| machine(name)).collect();
        ask(Ask::UpdateSchedule(vec![Window { machines, unavailability }]))
    }

    #[test]
    fn frameworks_on_a_planned_machine_are_asked_to_leave_and_offers_say_when() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:1");
        stage.tell(plan(&["agent1.example"]));
        let effects = stage.record();
        assert_eq!(events(&effects), ["s1 <- RESCIND m-O1", "s1 <- INVERSE_OFFERS m-O2 of m-S0"]);
        let offer = stage.offer(&framework, &agent, "cpus:1");
        assert!(stage.state.world.offers[&offer].unavailability.is_some());

        stage.call(Call::AcceptInverseOffers(AnswerInverseOffers {
            framework_id: framework.clone(),
            inverse_offer_ids: vec!["m-O2".into()],
            filters: Filters::default(),
        }));
        assert_eq!(stage.state.world.inverse_answers.len(), 1);
        assert!(stage.state.world.inverse_offers.is_empty());

        stage.tell(ask(Ask::UpdateSchedule(Vec::new())));
        let effects = stage.record();
        assert_eq!(events(&effects), ["s1 <- RESCIND m-O3"]);
        assert!(stage.state.world.inverse_answers.is_empty(), "there is nothing to leave for any more");
    }

    #[test]
    fn who_is_offered_something_of_a_planned_machine_is_asked_to_leave_it() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.tell(plan(&["agent1.example"]));
        assert_eq!(events(&stage.record()), [""; 0], "it has nothing there");
        let told = events(&stage.allocate(&framework, &agent, "cpus:1"));
        assert_eq!(told[1..], ["s1 <- INVERSE_OFFERS m-O1 of m-S0"]);
        assert_eq!(events(&stage.allocate(&framework, &agent, "cpus:1")).len(), 1, "the question is open");

        stage.call(Call::AcceptInverseOffers(AnswerInverseOffers {
            framework_id: framework.clone(),
            inverse_offer_ids: vec!["m-O1".into()],
            filters: Filters::default(),
        }));
        assert_eq!(events(&stage.allocate(&framework, &agent, "cpus:1")).len(), 1, "it has answered");
        stage.now = stage.now + Filters::DEFAULT_REFUSE;
        assert_eq!(events(&stage.allocate(&framework, &agent, "cpus:1")).len(), 2);
    }

    #[test]
    fn a_machine_that_is_down_takes_its_agents_with_it_until_it_is_up() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.tell(plan(&["agent1.example"]));
        stage.record();
        stage.tell(ask(Ask::StartMaintenance(vec![machine("agent1.example")])));
        let effects = stage.record();
        assert_eq!(
            to_agents(&effects),
            ["slave(1)@127.0.0.1:6001 <- shut down: Machine is down for maintenance"]
        );
        assert!(events(&effects).iter().any(|line| line.contains("t TASK_LOST REASON_AGENT_REMOVED")));
        assert!(stage.state.world.agents.is_empty());
        let again = stage.tell(Input::Register {
            from: upid(1),
            principal: None,
            body: Box::new(register(1, "cpus:4")),
        });
        assert_eq!(to_agents(&again).len(), 1);
        assert!(stage.asked.is_empty(), "it is not taken in");

        stage.tell(ask(Ask::StopMaintenance(vec![machine("agent1.example")])));
        stage.record();
        assert!(stage.state.world.policy.schedule.is_empty());
        assert_ne!(stage.agent(1, "cpus:4"), agent);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut stage = Stage::new();
        let unavailability = Unavailability { start: Time::START, duration: None };
        let window = |machines| Window { machines, unavailability };
        let nobody = MachineId { hostname: None, ip: None };
        let nowhere = MachineId { ip: Some("1.2.3".to_owned()), ..machine("a") };
        for (input, said) in [
            (
                Ask::UpdateSchedule(vec![window(Vec::new())]),
                "List of machines in the maintenance window is empty",
            ),
            (Ask::UpdateSchedule(vec![window(vec![nobody])]), "Both 'hostname' and 'ip'"),
            (
                Ask::UpdateSchedule(vec![window(vec![nowhere])]),
                "Machine '{\"hostname\":\"a\",\"ip\":\"1.2.3\"}': its 'ip' is no address",
            ),
            (
                Ask::UpdateSchedule(vec![window(vec![machine("a")]), window(vec![machine("a")])]),
                "appears more than once",
            ),
            (Ask::StartMaintenance(Vec::new()), "List of machines is empty"),
            (
                Ask::StartMaintenance(vec![machine("nohost")]),
                "Machine '{\"hostname\":\"nohost\"}' is not part of a maintenance schedule",
            ),
            (
                Ask::StopMaintenance(vec![machine("nohost")]),
                "Machine '{\"hostname\":\"nohost\"}' is not part of a maintenance schedule",
            ),
        ] {
            let effects = stage.tell(ask(input)).to_string();
            assert!(effects.contains("400") && effects.contains(said), "{effects}");
            assert!(stage.asked.is_empty());
        }
        stage.tell(plan(&["a"]));
        stage.record();
        let said = stage.tell(ask(Ask::StopMaintenance(vec![machine("a")]))).to_string();
        assert!(said.contains("is not in DOWN mode and cannot be brought up"), "{said}");
        stage.tell(ask(Ask::StartMaintenance(vec![machine("a")])));
        stage.record();
        let said = stage.tell(ask(Ask::UpdateSchedule(Vec::new()))).to_string();
        assert!(said.contains("cannot be removed from the schedule"), "{said}");
    }
}

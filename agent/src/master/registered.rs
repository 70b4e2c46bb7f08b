//! A master has taken the agent in.

use std::sync::Arc;
use std::time::Duration;

use libprocess::Upid;
use model::messages::{Registered, Reregistered};
use model::{AgentId, StatusReason, TaskState, Time};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects};
use crate::recovery::Record;
use crate::state::{Link, State};
use crate::tasks::{Report, Whose, report};
use crate::{operations, oversubscription, updates};

/// The agent has an id from now on, and keeps it for ever.
pub(crate) fn registered(state: &mut State, from: Upid, registered: Registered, now: Time) -> Effects {
    let Registered { agent_id, ping_timeout, .. } = registered;
    match &state.id {
        Some(id) if *id != agent_id => {
            tracing::warn!(%agent_id, mine = %id, "master gave a second id; kept the first");
            Effects::new()
        }
        Some(_) => linked(state, from, ping_timeout, now),
        None => {
            tracing::info!(%agent_id, master = %from, "registered");
            state.id = Some(agent_id.clone());
            let mut effects =
                vec![Effect::Record { records: vec![Record::Agent { id: agent_id }], then: Vec::new() }];
            effects.extend(linked(state, from, ping_timeout, now));
            effects
        }
    }
}

/// The master knows the agent again. Tasks it still counts on and that are not here are reported as dropped.
///
/// Source: Mesos agent life cycle.
pub(crate) fn reregistered(state: &mut State, from: Upid, reregistered: Reregistered, now: Time) -> Effects {
    let Reregistered { agent_id, ping_timeout, reconcile, reconcile_operations, drain, .. } = reregistered;
    if state.id.as_ref() != Some::<&AgentId>(&agent_id) {
        return vec![Effect::Stop(format!("master took this agent for {agent_id}"))];
    }
    tracing::info!(%agent_id, master = %from, "re-registered");
    let mut effects = linked(state, from, ping_timeout, now);
    if let Some(config) = drain {
        effects.extend(super::drain(state, config, now));
    }
    for operation in reconcile_operations {
        effects.extend(operations::missing(state, operation));
    }
    for (framework, task) in reconcile {
        if state.holder(&framework, &task).is_some() || state.streams.awaits(&framework, &task) {
            continue;
        }
        let checkpoint = state.frameworks.get(&framework).is_none_or(|known| known.info.checkpoint);
        let dropped = Report::new(
            TaskState::Dropped,
            StatusReason::Reconciliation,
            "Reconciliation: task unknown to the agent",
        );
        effects.extend(report(state, &Whose::Nobody { framework, checkpoint }, &[task], &dropped, now));
    }
    effects
}

fn linked(state: &mut State, master: Upid, ping_timeout: Duration, now: Time) -> Effects {
    state.link = Link::Registered { master, last_ping: now, ping_timeout };
    let mut effects = vec![Effect::Wake(Alarm::Pinged, Delay::Exactly(ping_timeout))];
    effects.extend(known(state));
    effects.extend(updates::resume(state));
    effects.extend(operations::resume(state));
    effects.extend(oversubscription::registered(state));
    effects
}

/// What the master has heard is what the agent must still be when it comes back.
fn known(state: &mut State) -> Option<Effect> {
    let now = &state.settings.known;
    if state.known.as_deref() == Some(now) {
        return None;
    }
    let record = Record::Known(Box::new(now.clone()));
    state.known = Some(Arc::new(now.clone()));
    Some(Effect::Record { records: vec![record], then: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{FromMaster, Input};
    use crate::testing::{EPOCH, World, custom_task, master};

    #[test]
    fn a_master_that_answers_after_another_was_asked_takes_the_agent_in() {
        let mut world = World::new();
        let other = Upid::new("master", "127.0.0.1:5060".parse().unwrap());
        world.state.masters = vec![master(), other.clone()];
        world.hear(Input::Restored(Vec::new()));
        world.hear(Input::Container(crate::containerizer::ContainerEvent::Recovered {
            running: Vec::new(),
            orphans: Vec::new(),
        }));
        world.hear(Input::Woke(Alarm::Register { attempt: 1 }));
        assert_eq!(world.state.link.master(), Some(&other));
        let told = world.register();
        assert_eq!(told[..2], ["link master@127.0.0.1:5050", "record agent S0"]);
        let told = world.run(custom_task("t"), true).join("\n");
        assert!(told.contains("launch e"), "what it sends is heard: {told}");
    }

    #[test]
    fn an_agent_asks_at_once_and_again_with_growing_random_waits() {
        let mut world = World::new();
        world.hear(Input::Restored(Vec::new()));
        let event =
            crate::containerizer::ContainerEvent::Recovered { running: Vec::new(), orphans: Vec::new() };
        let told = world.hear(Input::Container(event));
        assert_eq!(
            told[3..],
            ["link master@127.0.0.1:5050", "to master: register", "wake within 2s: Register { attempt: 1 }",]
        );
        let told = world.hear(Input::Woke(Alarm::Register { attempt: 1 }));
        assert_eq!(told[2], "wake within 4s: Register { attempt: 2 }");
        assert!(world.hear(Input::Woke(Alarm::Register { attempt: 1 })).is_empty());
    }

    #[test]
    fn what_a_master_heard_is_written_down_when_it_has_changed() {
        let first = World::registered();
        let records: Vec<Record> = first.journal.into_iter().flatten().collect();
        assert!(matches!(records[..], [Record::Agent { .. }, Record::Known(_)]));
        let written = |name: &str| {
            let mut settings = crate::testing::settings();
            settings.known.info.hostname = name.into();
            let mut world = World::with(settings);
            world.hear(Input::Restored(records.clone()));
            world.recovered_and_registered();
            world.journal.into_iter().flatten().count()
        };
        assert_eq!([written("agent1.example"), written("agent2.example")], [0, 1]);
    }

    #[test]
    fn a_master_of_an_earlier_reign_is_not_listened_to() {
        let mut world = World::registered();
        let old = model::messages::RunTask {
            epoch: EPOCH - 1,
            framework: crate::testing::framework(),
            task: custom_task("t"),
            launch_executor: true,
        };
        assert!(world.master(FromMaster::RunTask(Box::new(old))).is_empty());
        let stranger = "master@127.0.0.1:6060".parse().unwrap();
        let registered = Registered { epoch: 9, agent_id: "S7".into(), ping_timeout: Duration::from_secs(1) };
        let message = FromMaster::Registered(registered);
        assert!(world.hear(Input::FromMaster { from: stranger, message }).is_empty());
    }

    #[test]
    fn a_task_the_master_counts_on_in_vain_is_reported() {
        let mut world = World::registered();
        world.hear(Input::Lost(master()));
        let reregistered = Reregistered {
            epoch: EPOCH + 1,
            agent_id: "S0".into(),
            ping_timeout: Duration::from_secs(75),
            reconcile: vec![("f".into(), "t".into())],
            reconcile_operations: Vec::new(),
            drain: None,
        };
        let told = world.master(FromMaster::Reregistered(reregistered)).join("\n");
        assert!(told.contains("update t TASK_DROPPED REASON_RECONCILIATION"), "{told}");
    }

    #[test]
    fn a_master_that_stops_pinging_is_looked_for_again() {
        let mut world = World::registered();
        world.now = Time::START + Duration::from_secs(50);
        let ping = model::messages::Ping { epoch: EPOCH, connected: true };
        assert_eq!(world.master(FromMaster::Ping(ping)), ["to master: pong"]);
        world.now = Time::START + Duration::from_secs(75);
        assert_eq!(world.hear(Input::Woke(Alarm::Pinged)), ["wake after 50s: Pinged"]);
        world.now = Time::START + Duration::from_secs(125);
        let told = world.hear(Input::Woke(Alarm::Pinged));
        assert_eq!(told, ["link master@127.0.0.1:5050", "wake within 1s: Register { attempt: 0 }"]);
    }
}

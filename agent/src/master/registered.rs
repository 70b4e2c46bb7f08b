//! A master has taken the agent in.

use std::time::Duration;

use libprocess::Upid;
use model::messages::{Registered, Reregistered};
use model::{AgentId, StatusReason, TaskState, Time};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects};
use crate::recovery::Record;
use crate::state::{Link, State};
use crate::tasks::{Report, Whose, report};
use crate::updates;

/// The agent has an id from now on, and keeps it for ever.
pub(crate) fn registered(state: &mut State, from: Upid, registered: Registered, now: Time) -> Effects {
    let Registered { epoch, agent_id, ping_timeout } = registered;
    match &state.id {
        Some(id) if *id != agent_id => {
            tracing::warn!(%agent_id, mine = %id, "master gave a second id; kept the first");
            return Effects::new();
        }
        Some(_) => linked(state, from, epoch, ping_timeout, now),
        None => {
            state.id = Some(agent_id.clone());
            let mut effects =
                vec![Effect::Record { records: vec![Record::Agent { id: agent_id }], then: Vec::new() }];
            effects.extend(linked(state, from, epoch, ping_timeout, now));
            effects
        }
    }
}

/// The master knows the agent again. Tasks it still counts on and that are not here are reported as dropped.
///
/// Source: scheduler-semantics §9.
pub(crate) fn reregistered(state: &mut State, from: Upid, reregistered: Reregistered, now: Time) -> Effects {
    let Reregistered { epoch, agent_id, ping_timeout, reconcile } = reregistered;
    if state.id.as_ref() != Some::<&AgentId>(&agent_id) {
        return vec![Effect::Stop(format!("master took this agent for {agent_id}"))];
    }
    let mut effects = linked(state, from, epoch, ping_timeout, now);
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

fn linked(state: &mut State, master: Upid, epoch: u64, ping_timeout: Duration, now: Time) -> Effects {
    state.link = Link::Registered { master, epoch, last_ping: now, ping_timeout };
    let mut effects = vec![Effect::Wake(Alarm::Pinged, Delay::Exactly(ping_timeout))];
    effects.extend(updates::resume(state));
    effects
}

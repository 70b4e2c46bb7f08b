//! Who leads: what a master does while another does, while it begins to, and while it may not be sure that it still does.
//!
//! | stands      | on                               | then                                                         |
//! |-------------|----------------------------------|--------------------------------------------------------------|
//! | by          | another leads                    | whoever asks is sent there                                   |
//! | by          | it leads, in an epoch of its own | the registry is read; agents that asked meanwhile are called |
//! | at the head | its lease runs out               | calls are refused and nothing is offered; its books stay     |
//! | suspended   | its lease is renewed             | on as before                                                 |
//! | anywhere    | another has been elected         | this process ends, and one that knows nothing stands by      |
//!
//! Source: Mesos high availability; the epoch takes the place of the election's sequence number.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use libprocess::Upid;
use model::Time;
use model::messages::LeaderIs;

use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Input;
use crate::offers;
use crate::state::State;

/// How many agents may wait to hear who leads. Beyond that they ask again by themselves.
const ASKERS_MAX: usize = 1 << 17;

/// A leading master, as others are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Where it listens.
    pub address: SocketAddr,
    /// Name that people see, and redirects use.
    pub hostname: String,
}

/// Another master leads, or none is known to.
pub(crate) fn follows(state: &mut State, leader: Option<Leader>) -> Effects {
    state.touch();
    state.world.leader = leader;
    call_askers(state)
}

/// This master leads from now on, in this epoch; first it reads the registry.
pub(crate) fn leads(state: &mut State, epoch: u64, now: Time) -> Effects {
    state.begin_reign(epoch, now);
    Effect::ReadRegistry { epoch }.into()
}

/// Whether this master still leads is not certain: nothing is promised until it is, and nothing forgotten.
pub(crate) fn suspended(state: &mut State) -> Effects {
    state.touch();
    state.world.leader = None;
    Effects::none()
}

/// It is certain again.
pub(crate) fn resumed(state: &mut State) -> Effects {
    state.touch();
    state.world.leader = Some(state.world.identity.leader());
    Effects::none()
}

/// An agent asks to be taken in by a master that does not lead, or not yet.
pub(crate) fn asked_in_vain(state: &mut State, agent: Upid) -> Effects {
    match &state.world.leader {
        Some(leader) if leader.address != state.world.identity.address => tell(agent, leader.address).into(),
        _ => {
            if state.askers.len() < ASKERS_MAX {
                state.askers.insert(agent);
            }
            Effects::none()
        }
    }
}

/// Tells the agents that asked in vain who leads, if somebody does and is ready for them.
pub(crate) fn call_askers(state: &mut State) -> Effects {
    let Some(leader) = &state.world.leader else { return Effects::none() };
    let own = leader.address == state.world.identity.address;
    if own && !state.world.leading {
        return Effects::none();
    }
    let address = leader.address;
    std::mem::take(&mut state.askers).into_iter().map(|agent| tell(agent, address)).collect()
}

fn tell(agent: Upid, leader: SocketAddr) -> Effect {
    Effect::ToAgent { upid: agent, message: LeaderIs { leader: Some(leader) }.into() }
}

/// What is refused while it is not certain that this master leads; anything else is given back to be decided as ever.
///
/// What agents and timers say is harmless: whatever follows from it is either written to the registry, which only the
/// leader can, or sent to agents, who refuse an older epoch.
pub(crate) fn without_lease(state: &State, input: Input) -> ControlFlow<Effects, Input> {
    match input {
        Input::Call { asker, .. }
        | Input::Ready { asker }
        | Input::Teardown { asker, .. }
        | Input::KillTask { asker, .. }
        | Input::Operator { asker, .. } => {
            ControlFlow::Break(Effect::Answer { asker, answer: Err(Rejected::NoLeader) }.into())
        }
        Input::Subscribe { stream, outlet, .. } => ControlFlow::Break(
            [Effect::Open { stream: stream.clone(), outlet }, Effect::Close { stream }].into_iter().collect(),
        ),
        Input::Allocated(allocations) => ControlFlow::Break(offers::withhold(state, allocations)),
        input => ControlFlow::Continue(input),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Asker;
    use crate::registrar::{Registry, Report};
    use crate::testing::{Stage, register, upid};

    fn other() -> Leader {
        Leader { address: ([127, 0, 0, 1], 5060).into(), hostname: "other.example".to_owned() }
    }

    fn ask(stage: &mut Stage, number: u16) -> String {
        let body = Box::new(register(number, "cpus:4"));
        stage.tell(Input::Register { from: upid(number), principal: None, body }).to_string()
    }

    #[test]
    fn an_agent_that_asks_a_standby_is_sent_to_the_leader() {
        let mut stage = Stage::standing_by();
        assert_eq!(ask(&mut stage, 1), "", "nobody leads");
        let told = stage.tell(Input::Follows { leader: Some(other()) }).to_string();
        assert_eq!(told.trim_end(), format!("{} <- the leader is 127.0.0.1:5060", upid(1)));
        let told = ask(&mut stage, 2);
        assert_eq!(told.trim_end(), format!("{} <- the leader is 127.0.0.1:5060", upid(2)));
        assert!(stage.tell(Input::Follows { leader: Some(other()) }).to_string().is_empty(), "each was told");
    }

    #[test]
    fn agents_that_came_too_early_are_called_once_the_registry_is_read() {
        let mut stage = Stage::standing_by();
        ask(&mut stage, 1);
        let told = stage.tell(Input::Leads { epoch: 7 }).to_string();
        assert_eq!(told.trim_end(), "read the registry in epoch 7");
        assert_eq!(ask(&mut stage, 2), "");
        let told = stage.tell(Input::Registrar(Report::Recovered(Registry::default()))).to_string();
        let called = |number| format!("{} <- the leader is 127.0.0.1:5050", upid(number));
        assert_eq!(told.trim_end(), format!("{}\n{}", called(1), called(2)));
        assert_eq!(stage.state.epoch(), 7);
    }

    #[test]
    fn without_a_lease_calls_are_refused_and_offers_taken_back() {
        let stage = Stage::new();
        let ready = Input::Ready { asker: Asker::default() };
        let refused = without_lease(&stage.state, ready).break_value().expect("it is refused");
        assert_eq!(refused.to_string().trim_end(), "answer: 503 Service Unavailable No leader elected");
        assert!(without_lease(&stage.state, Input::AgentExited { upid: upid(1) }).is_continue());
    }
}

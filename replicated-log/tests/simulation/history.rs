//! Clients that read and write registers, and remember what they saw.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use replicated_log::{LogError, Replica};

use crate::registers::{Registers, Set};
use crate::wgl::{Answer, Call, OPERATIONS_MAX, Operation, is_linearizable};
use crate::world::World;

/// How many registers are in use at one time.
const REGISTERS: usize = 3;
const CLIENTS: usize = 5;

/// What happened, and what is still going on.
pub(crate) struct History {
    chance: ChaCha8Rng,
    clients: Vec<Option<Going>>,
    /// Shape: register → its operations.
    operations: BTreeMap<u64, Vec<Operation>>,
    /// Those in use; one that was used enough is followed by one that nobody has used.
    registers: [u64; REGISTERS],
    clock: u64,
    value: u64,
    pub(crate) succeeded: u64,
}

struct Going {
    register: u64,
    call: Call,
    began: u64,
    /// Through which member, in which of its lives.
    through: (usize, u64),
    future: Pin<Box<dyn Future<Output = Result<Answer, LogError>>>>,
}

impl History {
    pub(crate) fn new(chance: ChaCha8Rng) -> History {
        let clients = (0..CLIENTS).map(|_| None).collect();
        let registers = std::array::from_fn(|number| number as u64);
        History { chance, clients, operations: BTreeMap::new(), registers, clock: 0, value: 0, succeeded: 0 }
    }

    /// Lets each client go on: begin something, or hear of what it began.
    pub(crate) fn turn(&mut self, world: &mut World<'_>, lives: &[u64]) {
        for client in 0..self.clients.len() {
            self.clock += 1;
            match self.clients[client].take() {
                None if self.chance.random_bool(0.3) => self.clients[client] = self.begin(world, lives),
                None => {}
                Some(going) if lives[going.through.0] != going.through.1 => {
                    // It was told to a node that died with it.
                    self.note(&going, None);
                }
                Some(mut going) => {
                    let node = world.members[going.through.0].node.clone();
                    let mut poller = Context::from_waker(Waker::noop());
                    match world.sim.on(&node, || going.future.as_mut().poll(&mut poller)) {
                        Poll::Pending => self.clients[client] = Some(going),
                        Poll::Ready(Ok(answer)) => {
                            self.succeeded += 1;
                            self.note(&going, Some(answer));
                        }
                        Poll::Ready(Err(LogError::Unknown | LogError::Stopped(_))) => self.note(&going, None),
                        // Nothing was done.
                        Poll::Ready(Err(_)) => {}
                    }
                }
            }
        }
    }

    /// Nobody waits any more.
    pub(crate) fn end(&mut self) {
        for client in 0..self.clients.len() {
            if let Some(going) = self.clients[client].take() {
                self.note(&going, None);
            }
        }
    }

    /// Every register could have been used by one at a time.
    pub(crate) fn check(&self) {
        for (register, operations) in &self.operations {
            assert!(is_linearizable(operations), "register {register}: {operations:#?}");
        }
    }

    fn begin(&mut self, world: &World<'_>, lives: &[u64]) -> Option<Going> {
        let slot = self.chance.random_range(0..REGISTERS);
        let used = self.operations.get(&self.registers[slot]).map_or(0, Vec::len);
        if used + CLIENTS > OPERATIONS_MAX {
            self.registers[slot] += REGISTERS as u64;
        }
        let register = self.registers[slot];
        self.value += 1;
        let call = match self.chance.random_range(0..4) {
            0 | 1 => Call::Read,
            2 => Call::Write(self.value),
            // Often enough the value is as expected.
            _ => Call::Swap(self.chance.random_range(self.value.saturating_sub(6)..self.value), self.value),
        };
        // Mostly whoever leads; now and then anybody.
        let anybody = self.chance.random_range(0..world.members.len());
        let member = match world.leads() {
            Some(leader) if self.chance.random_bool(0.8) => leader,
            _ => anybody,
        };
        let replica = world.members[member].replica.clone();
        let future = Box::pin(perform(replica, register, call));
        Some(Going { register, call, began: self.clock, through: (member, lives[member]), future })
    }

    fn note(&mut self, going: &Going, answer: Option<Answer>) {
        // A read that nobody heard of tells nothing.
        if answer.is_none() && going.call == Call::Read {
            return;
        }
        let ended = answer.map(|answer| (self.clock, answer));
        let operation = Operation { call: going.call, began: going.began, ended };
        self.operations.entry(going.register).or_default().push(operation);
    }
}

async fn perform(replica: Replica<Registers>, register: u64, call: Call) -> Result<Answer, LogError> {
    let (expected, value) = match call {
        Call::Read => {
            replica.linearizable().await?;
            return Ok(Answer::Value(replica.read(|registers| registers.get(register))));
        }
        Call::Write(value) => (None, value),
        Call::Swap(expected, value) => (Some(expected), value),
    };
    let proposed = replica.propose(Set { register, expected, value }).await?;
    let agreed = proposed.outcome.unwrap_or_else(|never| match never {});
    Ok(if expected.is_some() { Answer::Swapped(agreed) } else { Answer::Written })
}

//! How a process comes to live: its name, its shard, and the first things it does there.

use std::sync::Arc;

use crate::hosted::Home;
use crate::lane::Bound;
use crate::supervision::OnPanic;
use crate::{Context, Doors, Pid, Process};
use crate::{panics, shard};

/// Where, and under which name, a process is spawned.
#[derive(Clone, Debug)]
pub struct Spawn {
    pub(crate) name: Name,
    pub(crate) shard: Shard,
    pub(crate) bound: Bound,
    pub(crate) on_panic: OnPanic,
}

#[derive(Clone, Debug)]
pub(crate) enum Name {
    Exactly(String),
    Prefix(String),
}

/// Which shard a process lives on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shard {
    /// One drawn from its name.
    #[default]
    Auto,
    /// The next in turn among those who ask for this, from the last shard on: the first has the links to look after.
    Own,
    /// The one of that number, counted round; chatty pairs share one.
    At(usize),
}

/// Why a process was not spawned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    #[error("a process named `{0}` lives already")]
    NameTaken(String),
    #[error("the runtime is shut down")]
    ShutDown,
}

impl Spawn {
    /// Exactly this name; spawning fails while it is taken.
    pub fn named(name: impl Into<String>) -> Spawn {
        Spawn::new(Name::Exactly(name.into()))
    }

    /// `prefix(1)`, `prefix(2)` and so on, never the same twice in one runtime.
    pub fn prefixed(prefix: impl Into<String>) -> Spawn {
        Spawn::new(Name::Prefix(prefix.into()))
    }

    fn new(name: Name) -> Spawn {
        Spawn { name, shard: Shard::Auto, bound: Bound::default(), on_panic: OnPanic::Stop }
    }

    /// Which shard it lives on.
    pub fn shard(self, shard: Shard) -> Spawn {
        Spawn { shard, ..self }
    }

    /// How much its user lane holds.
    pub fn mailbox(self, bound: Bound) -> Spawn {
        Spawn { bound, ..self }
    }

    /// What its panic means for the node.
    pub fn on_panic(self, on_panic: OnPanic) -> Spawn {
        Spawn { on_panic, ..self }
    }
}

/// On the shard: makes the process, opens its doors and lets it start.
pub(crate) fn settle<A: Process>(shard: &mut shard::Shard, pid: Pid<A>, make: impl FnOnce() -> A) {
    let local = shard.local().clone();
    let key = shard.admit(|key| {
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let actor = make();
            let mut doors = Doors::new(pid.clone());
            actor.doors(&mut doors);
            (actor, doors)
        }));
        match made {
            Ok((actor, mut doors)) => {
                doors.finish(pid.cell.runtime().router());
                pid.cell.open(key, doors);
                let ctx = Context::new(pid, local);
                Some(Box::new(Home::new(actor, ctx)) as Box<dyn shard::Hosted>)
            }
            Err(panic) => {
                let reason = panics::reason(&*panic, "its own making");
                pid.cell.runtime().leave(&*pid.cell, &reason);
                pid.cell.close(&reason);
                None
            }
        }
    });
    if let Some(key) = key {
        shard.start(key);
    }
}

/// The shard a process is put on. `turn` draws the next number, from 0 on, of those who want one of their own.
pub(crate) fn place<'a>(
    shard: Shard,
    name: &str,
    turn: impl FnOnce() -> u64,
    shards: &'a [Arc<shard::Shared>],
) -> &'a Arc<shard::Shared> {
    let many = shards.len() as u64;
    let number = match shard {
        Shard::Auto => name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }),
        Shard::Own => many - 1 - turn() % many,
        Shard::At(number) => number as u64,
    };
    &shards[usize::try_from(number % many).expect("fewer shards than memory")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_a_shard_of_its_own_is_kept_from_the_links_as_long_as_there_is_another() {
        let shards: Vec<_> = (1..=3).map(shard::Shared::new).collect();
        let place = |turn: u64| place(Shard::Own, "any", || turn, &shards).id;
        assert_eq!([place(0), place(1), place(2), place(3)], [3, 2, 1, 3]);
    }
}

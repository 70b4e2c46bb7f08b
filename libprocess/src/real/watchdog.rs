//! Looks at the shards now and then, and names who holds one for too long.
//!
//! A handler that blocks or turns in circles stops every process of its shard; only another thread can
//! say so while it lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::environment::Clock;
use crate::runtime::{Runtime, Weak};
use crate::shard::Shared;

/// What is known of one shard.
#[derive(Clone, Copy, Default)]
struct Watched {
    /// What it was at when it was looked at last.
    message: Option<u64>,
    since: Duration,
    /// It is said again when it has lasted that long.
    say_at: Duration,
}

/// Runs until told to stop, by the flag and an unpark.
pub(super) fn run(
    runtime: &Weak,
    shards: &[Arc<Shared>],
    limit: Duration,
    clock: &dyn Clock,
    stop: &AtomicBool,
) {
    let mut watched = vec![Watched::default(); shards.len()];
    while !stop.load(Ordering::Acquire) {
        std::thread::park_timeout(limit / 2);
        let now = clock.elapsed();
        for (number, (shard, watched)) in shards.iter().zip(&mut watched).enumerate() {
            look(runtime, number, shard, watched, now, limit);
        }
    }
}

fn look(
    runtime: &Weak,
    number: usize,
    shard: &Shared,
    watched: &mut Watched,
    now: Duration,
    limit: Duration,
) {
    let seen = shard.at_work.look();
    let message = seen.map(|seen| seen.message);
    if message != watched.message {
        *watched = Watched { message, since: now, say_at: limit };
        shard.at_work.seen_since(None);
        return;
    }
    let Some(seen) = seen else { return };
    shard.at_work.seen_since(u64::try_from(watched.since.as_millis()).ok());
    let held = now.saturating_sub(watched.since);
    if held < watched.say_at {
        return;
    }
    let Some(runtime) = runtime.upgrade() else { return };
    if watched.say_at == limit {
        runtime.counts().stuck.increment(1);
    }
    watched.say_at = watched.say_at.saturating_mul(10);
    say(&runtime, number, shard, seen, held);
}

fn say(runtime: &Runtime, number: usize, shard: &Shared, seen: crate::at_work::Seen, held: Duration) {
    let cells = runtime.cells();
    let Some(cell) = cells.iter().find(|cell| cell.place() == (shard.id, seen.who)) else { return };
    let (process, kind, input) = (cell.upid().id(), cell.kind(), seen.label);
    tracing::warn!(process, kind, input, shard = number, ?held, "a handler holds its shard");
}

//! What has to be done about a replica's disk from time to time: a snapshot, or to let another lead.
//!
//! Entries alone do not say when a snapshot is due: few large ones make a long log, and a quiet log is read again at every
//! start. And heartbeats go on while a disk stands still, so a leader that cannot write has to notice by itself.

use std::sync::Arc;
use std::time::Duration;

use journal::Flushes;

use crate::host::Host;
use crate::raft::runtime::{sleep, spawn};
use crate::{Machine, Timing, membership};

/// So much is written before there is a snapshot. Unit: bytes.
const LONG: u64 = 64 << 20;
/// So old is a snapshot at most while entries come.
const OLD: Duration = Duration::from_secs(3600);

/// Looks after a replica's disk until it stops.
pub(crate) async fn watch<M: Machine>(host: Arc<Host<M>>) {
    let Ok(running) = host.shared.running() else { return };
    let timing = host.shared.config.timing;
    let (mut upkeep, mut seen) = (Upkeep::default(), Flushes::default());
    loop {
        sleep(timing.heartbeat).await;
        let standing = host.consensus().standing();
        if standing.stopped.is_some() {
            return;
        }
        let flushes = running.log.flushes();
        if flushes.groups > seen.groups {
            let (groups, bytes) = (flushes.groups - seen.groups, flushes.bytes - seen.bytes);
            host.shared.metrics.flushed(groups, bytes, flushes.latest);
        }
        seen = flushes;
        let standing = Standing {
            now: host.runtime().elapsed(),
            flushes,
            size: running.log.size(),
            applied: standing.applied,
            snapshot: standing.snapshot,
        };
        match upkeep.look(&timing, standing) {
            None => {}
            Some(Duty::Snapshot) => {
                if let Err(error) = host.consensus().snapshot().await {
                    tracing::warn!(%error, "no snapshot of a long log");
                }
            }
            Some(Duty::StepDown) => {
                host.shared.metrics.stuck();
                tracing::error!(waited = ?flushes.present, "the disk stands still; if this replica leads, another shall");
                let host = host.clone();
                spawn(async move {
                    // Those who do not lead have nothing to hand over.
                    let _ = membership::transfer(&host.shared, None).await;
                });
            }
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Take a snapshot.
    Snapshot,
    /// Let another lead: this disk stands still.
    StepDown,
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// Time since the node started.
    pub(crate) now: Duration,
    pub(crate) flushes: Flushes,
    /// What the log has grown to. Unit: bytes.
    pub(crate) size: u64,
    /// The last entry that was applied.
    pub(crate) applied: u64,
    /// The last entry of the latest snapshot.
    pub(crate) snapshot: u64,
}

/// What was done when.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// As it was when the latest snapshot was first seen, or asked for.
    since: Standing,
    /// The disk stands still, and that was said.
    stuck: bool,
}

impl Upkeep {
    /// What is to be done now.
    pub(crate) fn look(&mut self, timing: &Timing, standing: Standing) -> Option<Duty> {
        let stuck = standing.flushes.present.is_some_and(|present| present > timing.election.1 * 2);
        if stuck && !std::mem::replace(&mut self.stuck, stuck) {
            return Some(Duty::StepDown);
        }
        self.stuck = stuck;
        if standing.snapshot > self.since.snapshot {
            self.since = standing;
        }
        let (written, age) = (standing.size - self.since.size, standing.now.saturating_sub(self.since.now));
        if standing.applied > standing.snapshot && (written >= LONG || age >= OLD) {
            // Asked for once; if none comes of it, it is due again as late as any.
            self.since = Standing { snapshot: self.since.snapshot, ..standing };
            return Some(Duty::Snapshot);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Standing {
        Standing { now: Duration::from_secs(seconds), applied: 100, ..Standing::default() }
    }

    fn flushing(millis: u64) -> Standing {
        let flushes = Flushes { present: Some(Duration::from_millis(millis)), ..Flushes::default() };
        Standing { flushes, ..at(1) }
    }

    #[test]
    fn a_disk_that_stands_still_for_two_elections_is_told_once() {
        let mut upkeep = Upkeep::default();
        let mut look = |millis| upkeep.look(&Timing::DEFAULT, flushing(millis));
        assert_eq!([look(700), look(801), look(900)], [None, Some(Duty::StepDown), None]);
        assert_eq!([look(1), look(900)], [None, Some(Duty::StepDown)]);
    }

    #[test]
    fn a_snapshot_is_due_after_much_or_long_but_not_for_nothing() {
        let mut upkeep = Upkeep::default();
        let mut look = |standing| upkeep.look(&Timing::DEFAULT, standing);
        assert_eq!(look(at(10)), None);
        assert_eq!(look(Standing { size: LONG, ..at(11) }), Some(Duty::Snapshot));
        assert_eq!(look(Standing { size: LONG + 1, ..at(12) }), None);
        assert_eq!(look(Standing { size: LONG + 1, snapshot: 90, ..at(13) }), None);
        assert_eq!(look(Standing { size: LONG * 2, snapshot: 90, ..at(3612) }), None);
        let old = Standing { size: LONG * 2, snapshot: 90, ..at(3613) };
        assert_eq!(look(Standing { applied: 90, ..old }), None);
        assert_eq!(look(old), Some(Duty::Snapshot));
        assert_eq!(look(old), None);
    }
}

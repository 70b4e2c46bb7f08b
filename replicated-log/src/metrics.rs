//! What a replica counts.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use libprocess::Runtime;
use libprocess::metrics::{Counter, Histogram};

use crate::shared::Shared;
use crate::{LeaderState, Machine};

/// What a replica counts; figures that are worked out when somebody looks are provided by its status.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Counts>);

struct Counts {
    committed: Counter,
    failed: Counter,
    busy: Counter,
    strangers: Counter,
    elected: Counter,
    suspended: Counter,
    commit: Histogram,
    flush: Histogram,
    flushes: Counter,
    flushed_bytes: Counter,
    stuck: Counter,
}

impl Metrics {
    pub(crate) fn new(runtime: &Runtime) -> Metrics {
        let metrics = runtime.metrics();
        Metrics(Arc::new(Counts {
            committed: metrics.counter("raft/proposals_committed"),
            failed: metrics.counter("raft/proposals_failed"),
            busy: metrics.counter("raft/proposals_refused_busy"),
            strangers: metrics.counter("raft/messages_from_strangers"),
            elected: metrics.counter("raft/elections_won"),
            suspended: metrics.counter("raft/leases_lost"),
            commit: metrics.timer("raft/commit"),
            flush: metrics.timer("raft/flush"),
            flushes: metrics.counter("raft/flushes"),
            flushed_bytes: metrics.counter("raft/flushed_bytes"),
            stuck: metrics.counter("raft/disk_stuck"),
        }))
    }

    /// Shows how a replica does, as long as it is there.
    pub(crate) fn show<M: Machine>(shared: &Arc<Shared<M>>) {
        let weak = Arc::downgrade(shared);
        shared.runtime.metrics().provide(move |sink| {
            let Some(shared) = weak.upgrade() else { return };
            let status = shared.status.get().clone();
            let leads = matches!(*shared.leadership.get(), LeaderState::Leading(_));
            for (name, figure) in [
                ("raft/term", status.term),
                ("raft/leads", u64::from(leads)),
                ("raft/epoch", shared.applied.read().leader().map_or(0, |leader| leader.epoch.0)),
                ("raft/entries_last", status.last),
                ("raft/entries_committed", status.committed),
                ("raft/entries_applied", status.applied),
                ("raft/entries_in_snapshot", status.snapshot),
                ("raft/voters", status.members.voters.len() as u64),
                ("raft/learners", status.members.learners.len() as u64),
                ("raft/lag_entries_max", status.lag.iter().map(|(_, lag)| *lag).max().unwrap_or(0)),
                ("raft/proposed_bytes", shared.proposed.load(Ordering::Relaxed) as u64),
            ] {
                sink.gauge(name, figure as f64);
            }
        });
    }

    pub(crate) fn proposed(&self, committed: bool, took: Duration) {
        if committed {
            self.0.committed.increment(1);
            self.0.commit.record(took.as_secs_f64() * 1e3);
        } else {
            self.0.failed.increment(1);
        }
    }

    /// The log has written more groups; the latest took so long.
    pub(crate) fn flushed(&self, groups: u64, bytes: u64, latest: Duration) {
        self.0.flushes.increment(groups);
        self.0.flushed_bytes.increment(bytes);
        self.0.flush.record(latest.as_secs_f64() * 1e3);
    }

    /// The disk stood still for too long.
    pub(crate) fn stuck(&self) {
        self.0.stuck.increment(1);
    }

    /// A proposal found no room.
    pub(crate) fn busy(&self) {
        self.0.busy.increment(1);
    }

    /// A message was meant for another cluster or node.
    pub(crate) fn stranger(&self) {
        self.0.strangers.increment(1);
    }

    pub(crate) fn elected(&self) {
        self.0.elected.increment(1);
    }

    /// The lease ran out while this replica led.
    pub(crate) fn suspended(&self) {
        self.0.suspended.increment(1);
    }
}

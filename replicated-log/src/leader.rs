//! Who leads, and whether this replica may act as the leader just now.
//!
//! ```text
//!             elected            its epoch is committed
//!  Follower ─────────► Elected ─────────────────────────► Leading ◄──┐ the lease is renewed
//!     ▲                   │                                  │       │
//!     │                   │ another leads          the lease ran out │
//!     │                   ▼                                  ▼       │
//!     └────────────── Demoted ◄───────────────────────── Suspended ──┘
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Epoch, NodeId};

/// Where a replica stands in the question of who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaderState {
    /// Another leads, if anybody does.
    Follower { leader: Option<(NodeId, SocketAddr)> },
    /// Was elected; nothing may be seen of it yet.
    Elected,
    /// Leads: all may be done as long as [`Lease::holds`] says so.
    Leading(Epoch),
    /// Has heard too long from too few: refuses, keeps its state, and leads on if it hears from them again.
    Suspended(Epoch),
    /// Leads no more. It has lost its authority before this is said.
    Demoted(Epoch),
}

impl LeaderState {
    /// The epoch in which this replica leads.
    pub fn epoch(&self) -> Option<Epoch> {
        match self {
            LeaderState::Leading(epoch) | LeaderState::Suspended(epoch) => Some(*epoch),
            _ => None,
        }
    }
}

/// The right to act as the leader, until a moment that replicas move on by hearing from each other.
///
/// Asked before each act, by whoever acts, on any thread. Unit of both: nanoseconds; 0 is none.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<Terms>);

#[derive(Debug, Default)]
struct Terms {
    epoch: AtomicU64,
    /// Time since the runtime started.
    until: AtomicU64,
}

impl Lease {
    /// Whether this replica leads in `epoch`, `now` being the time since its runtime started.
    pub fn holds(&self, epoch: Epoch, now: Duration) -> bool {
        let until = self.0.until.load(Ordering::SeqCst);
        self.0.epoch.load(Ordering::SeqCst) == epoch.0 && nanos(now) < until
    }

    /// The epoch it is for; 0 is none.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.0.epoch.load(Ordering::SeqCst))
    }

    /// Holds in `epoch` until then.
    pub(crate) fn grant(&self, epoch: Epoch, until: Duration) {
        self.0.epoch.store(epoch.0, Ordering::SeqCst);
        self.0.until.fetch_max(nanos(until), Ordering::SeqCst);
    }

    /// Holds no more.
    pub(crate) fn revoke(&self) {
        self.0.epoch.store(0, Ordering::SeqCst);
        self.0.until.store(0, Ordering::SeqCst);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_holds_in_its_epoch_until_its_end() {
        let (lease, at) = (Lease::default(), Duration::from_millis);
        assert!(!lease.holds(Epoch(0), at(0)));
        lease.grant(Epoch(7), at(100));
        lease.grant(Epoch(7), at(90));
        assert!(lease.holds(Epoch(7), at(99)));
        assert!(!lease.holds(Epoch(7), at(100)));
        assert!(!lease.holds(Epoch(6), at(50)));
        lease.revoke();
        assert!(!lease.holds(Epoch(7), at(50)));
    }
}

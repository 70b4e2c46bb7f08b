//! What the handles of a replica and its host both see.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libprocess::Runtime;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;

use crate::actor::Outside;
use crate::applied::Applied;
use crate::command::{Answer, Command};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::raft::consensus::{Consensus, Reign};
use crate::raft::log_store::LogStore;
use crate::status::Status;
use crate::watch::Sender;
use crate::who::Who;
use crate::{Epoch, LeaderState, Lease, LogError, Machine};

/// What the handles of a replica and its host both see.
pub(crate) struct Shared<M: Machine> {
    pub(crate) runtime: Runtime,
    pub(crate) config: Config,
    pub(crate) outside: Outside,
    pub(crate) applied: Arc<Applied<M>>,
    pub(crate) lease: Lease,
    pub(crate) leadership: Sender<LeaderState>,
    pub(crate) status: Sender<Status>,
    pub(crate) metrics: Metrics,
    /// For what must be told from everything else.
    pub(crate) chance: Arc<Mutex<ChaCha8Rng>>,
    /// Set once the disk was read.
    pub(crate) running: OnceLock<Running<M>>,
    /// What was proposed and is not answered. Unit: bytes.
    pub(crate) proposed: AtomicUsize,
    pub(crate) heard: Mutex<Heard>,
    /// The reign of this replica that has an epoch, and which.
    pub(crate) reigning: Mutex<Option<(Reign, Epoch)>>,
    /// A reign in which the lead was offered to another: no lease is granted in it any more.
    pub(crate) offered: Mutex<Option<Reign>>,
}

/// The parts that live on a disk.
pub(crate) struct Running<M: Machine> {
    pub(crate) who: Who,
    pub(crate) consensus: Consensus<M>,
    pub(crate) log: LogStore,
}

/// The last word of a leader.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// When it came. Unit: time since the node started.
    pub(crate) at: Option<Duration>,
    /// What was committed by then.
    pub(crate) committed: u64,
}

impl<M: Machine> Shared<M> {
    pub(crate) fn running(&self) -> Result<&Running<M>, LogError> {
        self.running.get().ok_or_else(|| LogError::Stopped("it has not read its disk yet".to_owned()))
    }

    /// Proposes a command and waits until it is applied here; in `epoch` or not at all, if one is given.
    pub(crate) async fn propose(
        &self,
        command: Command,
        epoch: Option<Epoch>,
    ) -> Result<(u64, Answer), LogError> {
        let running = self.running()?;
        let reign = self.may_propose(&running.consensus, epoch)?;
        let _claim = self.claim(command.size())?;
        let started = self.runtime.elapsed();
        let answer = running.consensus.propose(command, reign).await?;
        let late = self.runtime.sleep(self.config.patience);
        let outcome = match futures_util::future::select(Box::pin(answer), late).await {
            futures_util::future::Either::Left((outcome, _)) => outcome,
            futures_util::future::Either::Right(_) => Err(LogError::Unknown),
        };
        self.metrics.proposed(outcome.is_ok(), self.runtime.elapsed().saturating_sub(started));
        match (outcome, epoch) {
            (Err(LogError::NotLeader { .. }), Some(epoch)) => Err(LogError::Demoted(epoch)),
            (outcome, _) => outcome,
        }
    }

    /// In which reign a proposal may stand: any, or the one of `epoch`.
    fn may_propose(&self, consensus: &Consensus<M>, epoch: Option<Epoch>) -> Result<Option<Reign>, LogError> {
        let state = self.leadership.get().clone();
        if let LeaderState::Suspended(_) = state {
            let standing = consensus.standing();
            return Err(standing.no_quorum(self.runtime.elapsed(), self.config.timing.election.1));
        }
        match epoch {
            None => Ok(None),
            // Not whatever reign it is by now: that may be a later one, in which the epoch is over.
            Some(epoch) => match *self.reigning.lock() {
                Some((reign, reigning)) if reigning == epoch => Ok(Some(reign)),
                _ => Err(LogError::Demoted(epoch)),
            },
        }
    }

    /// Room for a proposal, as long as the claim is kept.
    fn claim(&self, size: usize) -> Result<Claim<'_>, LogError> {
        let bounds = self.config.bounds;
        if size > bounds.proposal {
            return Err(LogError::Refused(format!(
                "a proposal of {size} bytes, more than {}",
                bounds.proposal
            )));
        }
        let before = self.proposed.fetch_add(size, Ordering::SeqCst);
        let claim = Claim { proposed: &self.proposed, size };
        if before + size > bounds.proposed {
            self.metrics.busy();
            return Err(LogError::TooBusy { retry: Duration::from_millis(50) });
        }
        Ok(claim)
    }

    /// Waits until all up to `index` is applied here.
    pub(crate) async fn applied_to(&self, index: u64) -> Result<(), LogError> {
        let mut applied = self.applied.watch();
        let reached = Box::pin(applied.until(|now| *now >= index));
        match futures_util::future::select(reached, self.runtime.sleep(self.config.patience)).await {
            futures_util::future::Either::Left((Ok(_), _)) => Ok(()),
            futures_util::future::Either::Left((Err(_), _)) => {
                Err(LogError::Stopped("it applies no more".to_owned()))
            }
            futures_util::future::Either::Right(_) => {
                Err(LogError::TooBusy { retry: Duration::from_millis(100) })
            }
        }
    }

    /// How old the applied state may be: nothing that was answered longer ago is missing from it.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        let now = self.runtime.elapsed();
        if self.lease.holds(self.lease.epoch(), now) {
            return Some(Duration::ZERO);
        }
        let heard = *self.heard.lock();
        let at = heard.at.filter(|_| self.applied.index() >= heard.committed)?;
        Some(now.saturating_sub(at))
    }
}

/// Room that a proposal takes until it is answered.
struct Claim<'a> {
    proposed: &'a AtomicUsize,
    size: usize,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.proposed.fetch_sub(self.size, Ordering::SeqCst);
    }
}

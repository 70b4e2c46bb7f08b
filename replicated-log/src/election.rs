//! What a change of leader means: epochs are recorded, leases granted and taken, and everybody is told.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::command::{Answer, Command};
use crate::host::Host;
use crate::raft::consensus::{Reign, Standing};
use crate::raft::runtime::{sleep, spawn};
use crate::watch::{self as watched, Sender};
use crate::{Epoch, FlushTimes, LeaderState, Machine, Phase};

/// How much of the lease is trusted: clocks run at slightly different speeds.
const TRUST: f64 = 0.9;
/// Between two attempts to record that this replica leads.
const RETRY: Duration = Duration::from_millis(5);

/// Follows consensus until it stops.
pub(crate) async fn watch<M: Machine>(host: Arc<Host<M>>) {
    let mut changes = host.consensus().changes();
    let (epoch, mut epochs) = watched::watch(None);
    let mut reigning = Reigning { reign: None, epoch };
    let tick = host.shared.config.timing.heartbeat / 4;
    loop {
        let standing = host.consensus().standing();
        if let Some(why) = &standing.stopped {
            return stopped(&host, why);
        }
        follow(&host, &mut reigning, &standing);
        report(&host, &standing);
        // The tick is for the lease, which runs out by itself.
        let other = select(Box::pin(epochs.changed()), sleep(tick));
        match select(Box::pin(changes.next()), other).await {
            Either::Left((true, _)) | Either::Right(_) => {}
            Either::Left((false, _)) => {
                let why = host.consensus().standing().stopped;
                return stopped(&host, why.as_deref().unwrap_or("consensus has ended"));
            }
        }
    }
}

/// Consensus has ended, mostly since the disk failed: nobody may think that this replica leads, or takes part.
fn stopped<M: Machine>(host: &Host<M>, why: &str) {
    let shared = &host.shared;
    shared.lease.revoke();
    *shared.reigning.lock() = None;
    let before = shared.leadership.get().epoch();
    if let Some(epoch) = before {
        shared.leadership.set(LeaderState::Demoted(epoch));
    }
    shared.status.change(|status| {
        // Whoever gave up has said why.
        let known = matches!(status.phase, Phase::Damaged(_));
        if !known {
            status.phase = Phase::Damaged(why.to_owned());
        }
        !known
    });
}

/// The reign of this replica, and its epoch once that is committed.
struct Reigning {
    reign: Option<Reign>,
    epoch: Sender<Option<(Reign, Epoch)>>,
}

fn follow<M: Machine>(host: &Arc<Host<M>>, reigning: &mut Reigning, standing: &Standing) {
    let shared = &host.shared;
    let before = shared.leadership.get().clone();
    if standing.reign != reigning.reign {
        // Authority goes first.
        shared.lease.revoke();
        *shared.reigning.lock() = None;
        if let Some(epoch) = before.epoch() {
            shared.leadership.set(LeaderState::Demoted(epoch));
        }
        reigning.reign = standing.reign;
        if let Some(reign) = standing.reign {
            shared.metrics.elected();
            shared.leadership.set(LeaderState::Elected);
            spawn(lead(host.clone(), reign, reigning.epoch.clone()));
        }
    }
    let Some(reign) = standing.reign else {
        let address = |leader| Some((leader, standing.members.get(leader)?.address));
        return shared.leadership.set(LeaderState::Follower { leader: standing.leader.and_then(address) });
    };
    let Some(epoch) = reigning.epoch.get().filter(|(of, _)| *of == reign).map(|(_, epoch)| epoch) else {
        return;
    };
    let now = host.runtime().elapsed();
    // One that is its own majority has always just heard from it. Consensus, which asks nobody, does not say so.
    let alone = !standing.members.changing && standing.members.voters.keys().eq([&host.who().node()]);
    let acknowledged = if alone { Some(now) } else { standing.acknowledged };
    let until = match acknowledged {
        Some(acknowledged) => acknowledged + shared.config.timing.election.1.mul_f64(TRUST),
        None => Duration::ZERO,
    };
    let offered = *shared.offered.lock() == Some(reign);
    if until > now && !offered {
        *shared.reigning.lock() = Some((reign, epoch));
        shared.lease.grant(epoch, until);
        shared.leadership.set(LeaderState::Leading(epoch));
    } else {
        if before == LeaderState::Leading(epoch) {
            shared.metrics.suspended();
            tracing::warn!(%epoch, offered, "the lease has run out");
        }
        shared.leadership.set(LeaderState::Suspended(epoch));
    }
}

/// Records that this replica leads: the place of that entry is its epoch. Refused as long as no majority has been heard,
/// so it is tried until it stands or the reign is over.
async fn lead<M: Machine>(host: Arc<Host<M>>, reign: Reign, epochs: Sender<Option<(Reign, Epoch)>>) {
    while host.consensus().standing().reign == Some(reign) {
        let command = Command::Lead {
            node: host.who().node(),
            address: host.runtime().address(),
            info: host.shared.config.info.clone(),
        };
        let led = match host.consensus().propose(command, Some(reign)).await {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        match led {
            Ok((_, Answer::Leads(epoch))) => {
                tracing::info!(%epoch, "this replica leads");
                return epochs.set(Some((reign, epoch)));
            }
            Ok(_) => unreachable!("such a command has such an answer"),
            Err(error) => tracing::debug!(%error, "this replica does not lead yet"),
        }
        sleep(RETRY).await;
    }
}

/// Tells those who operate it.
fn report<M: Machine>(host: &Host<M>, standing: &Standing) {
    let (shared, me) = (&host.shared, host.who().node());
    let now = host.runtime().elapsed();
    let voters = u32::try_from(standing.members.voters.len()).unwrap_or(u32::MAX);
    let phase = if let LeaderState::Suspended(_) = *shared.leadership.get() {
        let reachable = standing.reachable(now, shared.config.timing.election.1);
        Some(Phase::NoQuorum { reachable, voters })
    } else if standing.members.voters.contains_key(&me) {
        Some(Phase::Voting)
    } else if standing.members.learners.contains_key(&me) {
        Some(Phase::Learner)
    } else if standing.members.voters.is_empty() {
        None
    } else {
        Some(Phase::Removed)
    };
    let flushes = shared.running().map(|running| FlushTimes::from(&running.log.flushes()));
    shared.status.change(|status| {
        let before = status.clone();
        if let Some(phase) = phase {
            status.phase = phase;
        }
        status.cluster = host.who().cluster();
        status.node = Some(me);
        status.term = standing.term;
        status.leader = standing.leader;
        status.last = standing.last;
        status.committed = standing.committed;
        status.applied = standing.applied;
        status.snapshot = standing.snapshot;
        status.purged = standing.purged;
        status.members = standing.members.clone();
        status.lag = standing.lag(me);
        status.flushes = flushes.unwrap_or_default();
        *status != before
    });
}

//! A replica of a log, with its machine: what a node that takes part holds on to.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use libprocess::{Doors, Runtime, Spawn};
use libprocess_wire as wire;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::actor::{Door, Outside};
use crate::applied::Applied;
use crate::command::{Answer, Command};
use crate::metrics::Metrics;
use crate::shared::Shared;
use crate::state::Leader;
use crate::status::Status;
use crate::watch::{Watch, watch};
use crate::{
    Config, Epoch, LeaderState, Lease, LogError, Machine, Members, NodeId, Position, backup, host,
    membership, operate, serve,
};

/// A replica that takes part in a cluster. Cheap to clone; it runs until it is closed or its runtime shuts down.
pub struct Replica<M: Machine = ()> {
    pub(crate) shared: Arc<Shared<M>>,
}

impl<M: Machine> Clone for Replica<M> {
    fn clone(&self) -> Replica<M> {
        Replica { shared: self.shared.clone() }
    }
}

/// What came of a delta.
#[derive(Debug)]
pub struct Proposed<M: Machine> {
    /// Where it stands in the log.
    pub position: Position,
    /// What the machine said to it.
    pub outcome: Result<M::Output, M::Error>,
}

impl<M: Machine> Replica<M> {
    /// Opens the replica in `config.dir`: reads its disk, and starts to take part.
    ///
    /// Errors: when the disk cannot be gone on from, or a process of that name lives already.
    pub async fn open(runtime: &Runtime, config: Config) -> Result<Replica<M>, LogError> {
        let (opened, outcome) = oneshot::channel();
        let shared: operate::Later<M> = Arc::default();
        let (inside, asked, realms) = (shared.clone(), shared.clone(), config.realms);
        let begin = move |questions| {
            // Whoever opens it holds it.
            if let Some(shared) = inside.get().and_then(Weak::upgrade) {
                host::start(shared, questions, opened);
            }
        };
        let (let_start, may_start) = oneshot::channel();
        let name = config.name.clone();
        let routes = Box::new(move |doors: &mut Doors<Door>| operate::doors(doors, &asked, realms));
        let door = runtime.spawn(Spawn::named(name), move || Door::new(Box::new(begin), may_start, routes));
        let door = door.map_err(|error| LogError::Refused(error.to_string()))?;
        let replica = Replica {
            shared: Arc::new(Shared {
                runtime: runtime.clone(),
                config,
                outside: Outside::new(door),
                applied: Arc::new(Applied::default()),
                lease: Lease::default(),
                leadership: watch(LeaderState::Follower { leader: None }).0,
                status: watch(Status::default()).0,
                metrics: Metrics::new(runtime),
                chance: Arc::new(Mutex::new(runtime.environment().rng.stream("log"))),
                running: OnceLock::new(),
                proposed: AtomicUsize::new(0),
                heard: Mutex::default(),
                reigning: Mutex::default(),
                offered: Mutex::default(),
            }),
        };
        Metrics::show(&replica.shared);
        let _ = shared.set(Arc::downgrade(&replica.shared));
        let _ = let_start.send(());
        match outcome.await {
            Ok(Ok(())) => Ok(replica),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(LogError::Stopped("it ended before it was open".to_owned())),
        }
    }

    /// Proposes a delta. Returns once it is on a majority of disks and applied here.
    ///
    /// Errors: [`LogError::Unknown`] when it may be committed or not; with the others it is not, nor will be.
    pub async fn propose(&self, delta: M::Delta) -> Result<Proposed<M>, LogError> {
        self.proposed(delta, None).await
    }

    /// Proposes a delta that stands within the reign of `epoch`, or not at all.
    pub async fn propose_in(&self, epoch: Epoch, delta: M::Delta) -> Result<Proposed<M>, LogError> {
        self.proposed(delta, Some(epoch)).await
    }

    async fn proposed(&self, delta: M::Delta, epoch: Option<Epoch>) -> Result<Proposed<M>, LogError> {
        let command = Command::Delta { version: M::VERSION, bytes: wire::encode(&delta).into() };
        drop(delta);
        let (index, answer) = self.shared.propose(command, epoch).await?;
        let Answer::Delta(outcome) = answer else { unreachable!("a delta is answered by the machine") };
        let outcome = *outcome.downcast().expect("it is of this machine");
        Ok(Proposed { position: Position::new(index), outcome })
    }

    /// Looks at the machine as it is here, now. Whoever applies waits meanwhile: be brief.
    pub fn read<T>(&self, look: impl FnOnce(&M) -> T) -> T {
        look(&self.shared.applied.read().machine)
    }

    /// Returns once whatever was answered before is applied here, on any replica; then [`Replica::read`] sees it.
    pub async fn linearizable(&self) -> Result<Position, LogError> {
        let index = serve::linearizable(&self.shared, false).await?;
        self.shared.applied_to(index).await?;
        Ok(Position::new(index))
    }

    /// The same on the leader while its lease holds, without asking anybody.
    ///
    /// Errors: when this replica holds no lease.
    pub async fn leased(&self) -> Result<Position, LogError> {
        let epoch = self.shared.lease.epoch();
        if !self.shared.lease.holds(epoch, self.shared.runtime.elapsed()) {
            return Err(LogError::NotLeader { hint: self.leader().map(|leader| leader.address) });
        }
        let index = self.shared.running()?.consensus.read_index(true).await?;
        self.shared.applied_to(index).await?;
        Ok(Position::new(index))
    }

    /// Looks at the machine, if nothing that was answered more than `bound` ago is missing from it.
    ///
    /// A leader that was cut off is believed until it notices, which takes it up to twice the longer election time: by
    /// that much the bound may be missed.
    pub fn read_within<T>(&self, bound: Duration, look: impl FnOnce(&M) -> T) -> Result<T, LogError> {
        match self.shared.staleness() {
            Some(staleness) if staleness <= bound => Ok(self.read(look)),
            _ => Err(LogError::NotLeader { hint: self.leader().map(|leader| leader.address) }),
        }
    }

    /// How old what is applied here may be; none, if no leader was heard.
    pub fn staleness(&self) -> Option<Duration> {
        self.shared.staleness()
    }

    /// How far the log is applied here.
    pub fn applied(&self) -> Watch<u64> {
        self.shared.applied.watch()
    }

    /// Where this replica stands in the question of who leads.
    pub fn leadership(&self) -> Watch<LeaderState> {
        self.shared.leadership.watch()
    }

    /// The right to act as the leader.
    pub fn lease(&self) -> &Lease {
        &self.shared.lease
    }

    /// Whether this replica leads in `epoch` right now.
    pub fn holds(&self, epoch: Epoch) -> bool {
        self.shared.lease.holds(epoch, self.shared.runtime.elapsed())
    }

    /// Whom the log says to lead, as far as it is applied here.
    pub fn leader(&self) -> Option<Leader> {
        self.shared.applied.read().leader().cloned()
    }

    /// How this replica does.
    pub fn status(&self) -> Watch<Status> {
        self.shared.status.watch()
    }

    /// Takes the new replica at an address in: a learner at first, and a voter once it has caught up. On the leader.
    pub async fn add(&self, address: std::net::SocketAddr) -> Result<Members, LogError> {
        membership::add(&self.shared, address).await
    }

    /// Takes a replica out. On the leader.
    ///
    /// Errors: when what is left could not decide anything, unless it is `forced`.
    pub async fn remove(&self, node: NodeId, forced: bool) -> Result<Members, LogError> {
        membership::remove(&self.shared, node, forced).await
    }

    /// Hands the lead over, to the voter that is nearest if none is named. On the leader.
    pub async fn transfer(&self, to: Option<NodeId>) -> Result<(), LogError> {
        membership::transfer(&self.shared, to).await
    }

    /// Begins a snapshot.
    pub async fn snapshot(&self) -> Result<(), LogError> {
        self.shared.running()?.consensus.snapshot().await
    }

    /// Writes what is applied here to a file, from which a new cluster can begin ([`Config::restore`]). Needs no quorum.
    pub async fn backup(&self, path: &std::path::Path) -> Result<Position, LogError> {
        backup::backup(&self.shared, path).await
    }

    /// Takes no part any more; the data stays.
    pub async fn close(self) {
        let door = self.shared.outside.door().clone();
        self.shared.lease.revoke();
        self.shared.outside.close();
        door.wait().await;
    }
}

//! The host of a replica: reads its disk, runs consensus on it, and answers what comes in by its door.
//!
//! It lives on a thread of its own, so that whatever a node's shards are busy with costs no heartbeat; in a simulation,
//! among the tasks of its node.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use libprocess::{Asked, Runtime};
use libprocess_wire as wire;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::actor::Question;
use crate::arrival;
use crate::identity::Identity;
use crate::messages::{Address, Append, Heard, Known};
use crate::raft::consensus::Consensus;
use crate::raft::log_store::LogStore;
use crate::raft::network::Network;
use crate::raft::runtime::{spawn, within};
use crate::raft::state_machine::StateMachine;
use crate::shared::{Heard as LastWord, Running, Shared};
use crate::who::Who;
use crate::{
    ClusterId, LogError, Machine, backup, bootstrap, election, membership, retention, serve, upkeep,
};

/// Starts the host where it belongs. To be called on the shard of the replica's process.
pub(crate) fn start<M: Machine>(
    shared: Arc<Shared<M>>,
    questions: mpsc::Receiver<Question>,
    opened: oneshot::Sender<Result<(), LogError>>,
) {
    let runtime = shared.runtime.clone();
    let environment = runtime.environment().clone();
    let main = {
        let environment = environment.clone();
        move || within(environment, run(shared, questions, opened))
    };
    if runtime.is_real() {
        let thread = std::thread::Builder::new().name("raft".to_owned());
        let started = thread.spawn(move || on_this_thread(main()));
        if let Err(error) = started {
            tracing::error!(%error, "failed to start a thread for the log");
        }
    } else {
        environment.spawner.local(Box::pin(main())).detach();
    }
}

fn on_this_thread(main: impl Future<Output = ()>) {
    let reactor = tokio::runtime::Builder::new_current_thread().enable_time().build();
    match reactor {
        Ok(reactor) => tokio::task::LocalSet::new().block_on(&reactor, main),
        Err(error) => tracing::error!(%error, "failed to start a reactor for the log"),
    }
}

async fn run<M: Machine>(
    shared: Arc<Shared<M>>,
    mut questions: mpsc::Receiver<Question>,
    opened: oneshot::Sender<Result<(), LogError>>,
) {
    let host = match Host::begin(shared.clone()).await {
        Ok(host) => Arc::new(host),
        Err(error) => {
            shared.status.change(|status| {
                status.phase = crate::Phase::Damaged(error.to_string());
                true
            });
            let _ = opened.send(Err(error));
            shared.outside.close();
            return;
        }
    };
    let _ = opened.send(Ok(()));
    spawn(bootstrap::form(host.clone()));
    spawn(election::watch(host.clone()));
    spawn(membership::promote(host.clone()));
    spawn(membership::stay_reached(host.clone()));
    spawn(upkeep::watch(host.clone()));
    spawn(retention::keep(host.clone()));
    let (chunks, arriving) = mpsc::channel(64);
    spawn(arrival::receive(host.clone(), arriving));
    while let Some(question) = questions.recv().await {
        match question {
            Question::Append(asked) => host.append(asked).await,
            Question::Candidacy(Asked { body, reply, .. }) => {
                let consensus = host.consensus().clone();
                host.answer(body.address, reply, async move { consensus.ballot(body).await }).await;
            }
            Question::Transfer(Asked { body, reply, .. }) => {
                let consensus = host.consensus().clone();
                host.answer(body.address, reply, async move { consensus.succeed(body).await }).await;
            }
            // One that finds no room is dropped, which rejects it.
            Question::Chunk(asked) => drop(chunks.try_send(asked)),
            Question::Hello(asked) => asked.reply.send(host.known()),
            Question::Join(Asked { body, reply, .. }) => {
                let host = host.clone();
                spawn(async move { reply.send(membership::join(&host, body).await) });
            }
            Question::Do(Asked { body, reply, .. }) => {
                let shared = host.shared.clone();
                spawn(async move { reply.send(serve::serve(shared, body.request).await) });
            }
        }
    }
    shared.lease.revoke();
    host.consensus().close().await;
}

/// A replica that runs.
pub(crate) struct Host<M: Machine> {
    pub(crate) shared: Arc<Shared<M>>,
    identity: Mutex<Identity>,
}

impl<M: Machine> Host<M> {
    /// Opens what is in the directory; begins with a backup, if one is given.
    async fn begin(shared: Arc<Shared<M>>) -> Result<Host<M>, LogError> {
        let host = Host::open(shared).await?;
        if let Some(path) = &host.shared.config.restore {
            backup::restore(&host, path).await?;
        }
        Ok(host)
    }

    async fn open(shared: Arc<Shared<M>>) -> Result<Host<M>, LogError> {
        let damaged = |error: &dyn std::error::Error| LogError::Refused(crate::error::chain(error));
        let environment = shared.runtime.environment();
        let dir = &shared.config.dir;
        let identity = Identity::open_when_free(environment, dir, shared.config.patience).await;
        let identity = identity.map_err(|error| damaged(&error))?;
        let who = Who::new(identity.node, identity.cluster);
        let log = LogStore::open(environment, dir).map_err(|error| damaged(&error))?;
        let machine = StateMachine::open(environment, dir, shared.applied.clone(), log.kept());
        let machine = machine.map_err(|error| damaged(&error))?;
        let network = Network {
            outside: shared.outside.clone(),
            who: who.clone(),
            patience: shared.config.timing.election.1 * 2,
        };
        let consensus = Consensus::start(environment, &shared.config, network, log.clone(), machine).await?;
        let _ = shared.running.set(Running { who, consensus, log });
        Ok(Host { shared, identity: Mutex::new(identity) })
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    pub(crate) fn consensus(&self) -> &Consensus<M> {
        &self.running().consensus
    }

    pub(crate) fn who(&self) -> &Who {
        &self.running().who
    }

    fn running(&self) -> &Running<M> {
        self.shared.running.get().expect("set when the host was opened")
    }

    /// Belongs to this cluster from now on; it is on disk when this returns.
    ///
    /// Errors: when it belongs to another, or the disk fails.
    pub(crate) fn belong(&self, cluster: ClusterId) -> Result<(), LogError> {
        match self.who().cluster() {
            Some(known) if known == cluster => return Ok(()),
            Some(known) => {
                return Err(LogError::Refused(format!("this replica belongs to the cluster {known}")));
            }
            None => {}
        }
        let joined =
            self.identity.lock().join(self.runtime().environment(), &self.shared.config.dir, cluster);
        joined.map_err(|error| LogError::Stopped(crate::error::chain(&error)))?;
        self.who().joined(cluster);
        tracing::info!(%cluster, node = %self.who().node(), "replica belongs to a cluster");
        Ok(())
    }

    /// Takes no part from now on, and says why.
    pub(crate) async fn give_up(&self, why: &str) {
        self.shared.lease.revoke();
        self.shared.outside.close();
        self.consensus().close().await;
        self.shared.status.change(|status| {
            status.phase = crate::Phase::Damaged(why.to_owned());
            true
        });
    }

    /// What it says of itself to anybody.
    fn known(&self) -> Known {
        let standing = self.consensus().standing();
        let leader = standing.leader.and_then(|leader| standing.members.get(leader));
        Known {
            cluster: self.who().cluster(),
            node: self.who().node(),
            masters: bootstrap::sorted(&self.shared.config.masters),
            leader: leader.map(|member| member.address),
        }
    }

    /// Whether a message is meant for this replica. One that names it by its random id, while it is new, comes from a
    /// cluster that has taken it in: it belongs to that one then.
    pub(crate) fn is_meant(&self, address: Address) -> bool {
        let meant = address.to == self.who().node() && self.belong(address.cluster).is_ok();
        if !meant {
            self.shared.metrics.stranger();
            tracing::debug!(cluster = %address.cluster, to = %address.to, from = %address.from, "not meant for this replica");
        }
        meant
    }

    /// Answers with what comes of `answer`, which begins now, in the order in which questions came.
    async fn answer<T, F>(&self, address: Address, reply: libprocess::Reply<Heard<T>>, answer: F)
    where
        T: wire::Part + Send + 'static,
        F: Future<Output = Result<T, String>> + 'static,
    {
        if !self.is_meant(address) {
            return reply.send(self.not_me());
        }
        let mut answer = Box::pin(answer);
        match futures_util::poll!(&mut answer) {
            std::task::Poll::Ready(answer) => reply.send(heard(answer)),
            std::task::Poll::Pending => spawn(async move { reply.send(heard(answer.await)) }),
        }
    }

    pub(crate) fn not_me<T>(&self) -> Heard<T> {
        Heard::NotMe { cluster: self.who().cluster(), node: self.who().node() }
    }

    /// Takes entries, or a heartbeat; and notes how fresh what it knows is then.
    async fn append(&self, asked: Asked<Append>) {
        let Asked { body, reply, .. } = asked;
        let at = self.runtime().elapsed();
        let committed = body.committed.map_or(0, |place| place.index);
        let (address, shared) = (body.address, self.shared.clone());
        let consensus = self.consensus().clone();
        let appended = async move { consensus.append(body).await };
        let appended = appended.map(move |appended| {
            use crate::messages::Appended;
            if matches!(appended, Ok(Appended::All | Appended::UpTo(_))) {
                let mut heard = shared.heard.lock();
                *heard = LastWord { at: heard.at.max(Some(at)), committed: heard.committed.max(committed) };
            }
            appended
        });
        self.answer(address, reply, appended).await;
    }
}

fn heard<T>(answer: Result<T, String>) -> Heard<T> {
    match answer {
        Ok(answer) => Heard::Done(answer),
        Err(why) => Heard::Failed(why),
    }
}

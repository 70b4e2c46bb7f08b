//! Applies what is committed, and keeps snapshots of what that amounts to.

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use libprocess::environment::Environment;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::codec::Covered;
use super::types::{LogId, SnapshotMeta, StoredMembership, Types};
use crate::applied::Applied;
use crate::command::Answer;
use crate::damage::OpenError;
use crate::snapshot::{Snapshot, Snapshots};
use crate::state::State;
use crate::{Machine, View};

type Whole = openraft::type_config::alias::SnapshotOf<Types, Snapshot>;

/// How many entries are applied before those who read get their turn.
const BATCH: usize = 256;

/// The state machine of a replica.
pub(crate) struct StateMachine<M> {
    environment: Environment,
    applied: Arc<Applied<M>>,
    last: Option<LogId>,
    membership: StoredMembership,
    snapshots: Snapshots,
    latest: Arc<Mutex<Option<Whole>>>,
}

impl<M: Machine> StateMachine<M> {
    /// One that has applied what the latest snapshot in `dir` says. Blocks while that is read.
    ///
    /// The log holds all from `kept` on.
    ///
    /// Errors: the disk refuses, or no snapshot that the log follows can be read.
    pub(crate) fn open(
        environment: &Environment,
        dir: &Path,
        applied: Arc<Applied<M>>,
        kept: u64,
    ) -> Result<StateMachine<M>, OpenError> {
        let snapshots = Snapshots::open(environment, dir)?;
        let mut machine = StateMachine {
            environment: environment.clone(),
            applied,
            last: None,
            membership: StoredMembership::default(),
            snapshots: snapshots.clone(),
            latest: Arc::default(),
        };
        let read = |snapshot: Snapshot| {
            let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            let meta = SnapshotMeta::try_from(snapshot.covered().clone()).map_err(invalid)?;
            let state = State::restore(&mut snapshot.reader())?;
            Ok((Whole { meta, snapshot }, state))
        };
        if let Some((whole, state)) = snapshots.latest(kept, read)? {
            machine.become_of(whole, state);
        }
        Ok(machine)
    }

    fn become_of(&mut self, whole: Whole, state: State<M>) {
        *self.applied.write() = state;
        self.last = whole.meta.last_log_id;
        self.membership = whole.meta.last_membership.clone();
        self.applied.reached(self.last.map_or(0, |last| last.index));
        *self.latest.lock() = Some(whole);
    }
}

/// A view of the state, and where it was taken.
pub(crate) struct Builder {
    environment: Environment,
    meta: SnapshotMeta,
    view: Option<View>,
    snapshots: Snapshots,
    latest: Arc<Mutex<Option<Whole>>>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = Snapshot;

    async fn build_snapshot(&mut self) -> Result<Whole, io::Error> {
        let view = self.view.take().ok_or_else(|| io::Error::other("a view writes itself once"))?;
        let (snapshots, covered) = (self.snapshots.clone(), Covered::from(&self.meta));
        let snapshot = beside(&self.environment, move || snapshots.write(covered, view)).await?;
        let whole = Whole { meta: self.meta.clone(), snapshot };
        *self.latest.lock() = Some(whole.clone());
        Ok(whole)
    }
}

impl<M: Machine> RaftStateMachine<Types> for StateMachine<M> {
    type SnapshotData = Snapshot;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.last, self.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        let mut batches = entries.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let mut answers = Vec::with_capacity(batch.len());
            let applied = self.apply_batch(batch, &mut answers);
            // Whoever is answered reads at least that, also if what came after it could not be applied.
            self.applied.reached(self.last.map_or(0, |last| last.index));
            for (responder, answer) in answers {
                responder.send(answer);
            }
            applied?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let meta = SnapshotMeta { last_log_id: self.last, last_membership: self.membership.clone() };
        let view = self.applied.read().view();
        Builder {
            environment: self.environment.clone(),
            meta,
            view: Some(view),
            snapshots: self.snapshots.clone(),
            latest: self.latest.clone(),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Snapshot) -> Result<(), io::Error> {
        let (snapshots, meta) = (self.snapshots.clone(), meta.clone());
        let install = move || {
            // What cannot be read is not installed.
            let state = State::<M>::restore(&mut snapshot.reader())?;
            Ok((state, snapshots.adopt(snapshot)?))
        };
        let (state, snapshot) = beside(&self.environment, install).await?;
        self.become_of(Whole { meta, snapshot }, state);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Whole>, io::Error> {
        Ok(self.latest.lock().clone())
    }
}

type Responder = openraft::storage::ApplyResponder<Types>;

impl<M: Machine> StateMachine<M> {
    fn apply_batch(
        &mut self,
        batch: Vec<io::Result<EntryResponder<Types>>>,
        answers: &mut Vec<(Responder, Answer)>,
    ) -> io::Result<()> {
        let mut state = self.applied.write();
        for next in batch {
            let (entry, responder) = next?;
            let at = entry.log_id;
            let answer = match entry.payload {
                EntryPayload::Blank => Answer::Nothing,
                EntryPayload::Normal(command) => state.apply(at.index, command).map_err(io::Error::other)?,
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(at), membership);
                    Answer::Nothing
                }
            };
            self.last = Some(at);
            answers.extend(responder.map(|responder| (responder, answer)));
        }
        Ok(())
    }
}

/// Does something that blocks where it may.
async fn beside<T: Send + 'static>(
    environment: &Environment,
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (tell, told) = oneshot::channel();
    environment.spawner.blocking(Box::new(move || drop(tell.send(job()))));
    told.await.map_err(|_| io::Error::other("the replica has stopped"))?
}

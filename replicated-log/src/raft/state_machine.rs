//! Applies what is committed, and keeps snapshots of what that amounts to.

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt};
use libprocess::environment::Environment;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};

use super::types::{LogId, SnapshotMeta, StoredMembership, Types};
use crate::applied::Applied;
use crate::command::Answer;
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::{Machine, View};

type Whole = openraft::type_config::alias::SnapshotOf<Types, Snapshot>;

/// The state machine of a replica; its snapshots are kept in memory.
pub(crate) struct StateMachine<M> {
    applied: Arc<Applied<M>>,
    last: Option<LogId>,
    membership: StoredMembership,
    snapshot: Arc<parking_lot::Mutex<Option<Whole>>>,
}

impl<M: Machine> StateMachine<M> {
    /// One that has applied nothing yet.
    pub(crate) fn open(
        _: &Environment,
        _dir: &Path,
        applied: Arc<Applied<M>>,
    ) -> io::Result<StateMachine<M>> {
        let snapshot = Arc::default();
        Ok(StateMachine { applied, last: None, membership: StoredMembership::default(), snapshot })
    }
}

/// A view of the state, and where it was taken.
pub(crate) struct Builder {
    meta: SnapshotMeta,
    view: Option<View>,
    snapshot: Arc<parking_lot::Mutex<Option<Whole>>>,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = Snapshot;

    async fn build_snapshot(&mut self) -> Result<Whole, io::Error> {
        let mut bytes = Vec::new();
        let view = self.view.take().ok_or_else(|| io::Error::other("a view writes itself once"))?;
        view.write(&mut bytes)?;
        let whole = Whole { meta: self.meta.clone(), snapshot: Snapshot::of(bytes) };
        *self.snapshot.lock() = Some(whole.clone());
        Ok(whole)
    }
}

impl<M: Machine> RaftStateMachine<Types> for StateMachine<M> {
    type SnapshotData = Snapshot;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.last, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let at = entry.log_id;
            let answer = match entry.payload {
                EntryPayload::Blank => Answer::Nothing,
                EntryPayload::Normal(command) => {
                    self.applied.write().apply(at.index, command).map_err(io::Error::other)?
                }
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(at), membership);
                    Answer::Nothing
                }
            };
            self.last = Some(at);
            self.applied.reached(at.index);
            if let Some(responder) = responder {
                responder.send(answer);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let meta = SnapshotMeta { last_log_id: self.last, last_membership: self.membership.clone() };
        let view = self.applied.read().view();
        Builder { meta, view: Some(view), snapshot: self.snapshot.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Snapshot) -> Result<(), io::Error> {
        *self.applied.write() = State::restore(&mut snapshot.reader())?;
        self.last = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.applied.reached(meta.last_log_id.map_or(0, |last| last.index));
        *self.snapshot.lock() = Some(Whole { meta: meta.clone(), snapshot });
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Whole>, io::Error> {
        Ok(self.snapshot.lock().clone())
    }
}

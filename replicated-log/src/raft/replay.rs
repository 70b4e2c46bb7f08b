//! What a directory amounts to, without taking part: its snapshot, and the entries after it.

use std::path::Path;
use std::sync::Arc;

use libprocess::environment::Environment;
use openraft::EntryPayload;
use openraft::storage::{RaftLogReader, RaftLogStorage, RaftStateMachine};

use super::codec::{self, Covered, Vote};
use super::log_store::{LogStore, Settings};
use super::payload::described;
use super::state_machine::StateMachine;
use crate::applied::Applied;
use crate::damage::OpenError;
use crate::error::chain;
use crate::snapshot::Snapshots;
use crate::{Described, LogError, Machine, Members, View};

/// A log and its snapshot that nobody else uses.
pub(crate) struct Files {
    log: LogStore,
}

/// What they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) vote: Option<Vote>,
    /// Known to be on a majority; more may be.
    pub(crate) committed: u64,
    pub(crate) purged: u64,
    pub(crate) last: u64,
}

/// What all of it amounts to.
pub(crate) struct Replayed {
    pub(crate) state: View,
    /// The last entry in it.
    pub(crate) last: u64,
    pub(crate) members: Members,
    /// The last entry of the snapshot it began with.
    pub(crate) snapshot: u64,
}

/// No entry is larger than what is read at once, so that reading goes on.
const SETTINGS: Settings = Settings { segment: 64 << 20, prepare: false };

impl Files {
    pub(crate) fn open(environment: &Environment, dir: &Path) -> Result<Files, OpenError> {
        Ok(Files { log: LogStore::open_with(environment, dir, SETTINGS)? })
    }

    pub(crate) async fn held(&mut self) -> Result<Held, LogError> {
        let failed = |error: std::io::Error| LogError::Refused(chain(&error));
        let vote = self.log.read_vote().await.map_err(failed)?.map(Vote::from);
        let committed = self.log.read_committed().await.map_err(failed)?.map_or(0, |id| id.index);
        let state = self.log.get_log_state().await.map_err(failed)?;
        let index = |id: Option<super::types::LogId>| id.map_or(0, |id| id.index);
        Ok(Held { vote, committed, purged: index(state.last_purged_log_id), last: index(state.last_log_id) })
    }

    /// Entries in words, as many as are read at once, from the first retained one of the range on.
    pub(crate) fn entries<M: Machine>(&self, from: u64, to: u64) -> Result<Vec<Described>, LogError> {
        let read = self.log.entries(from..=to).map_err(|error| LogError::Refused(chain(&error)))?;
        Ok(read.into_iter().map(described::<M>).collect())
    }

    /// Applies all that is there: also what is not known to be committed, since it may have been answered.
    pub(crate) async fn replay<M: Machine>(
        &self,
        environment: &Environment,
        dir: &Path,
    ) -> Result<Replayed, LogError> {
        let applied = Arc::new(Applied::<M>::default());
        let machine = StateMachine::open(environment, dir, applied.clone(), self.log.kept());
        let mut machine = machine.map_err(|error| LogError::Refused(chain(&error)))?;
        let failed = |error: std::io::Error| LogError::Refused(chain(&error));
        let (last, membership) = machine.applied_state().await.map_err(failed)?;
        let mut members = codec::members(membership.membership());
        let snapshot = last.map_or(0, |last| last.index);
        let mut next = last.map_or(0, |last| last.index + 1);
        loop {
            let entries = self.log.entries(next..).map_err(failed)?;
            let Some(first) = entries.first() else { break };
            if first.log_id.index != next {
                return Err(LogError::Refused(format!(
                    "{}: entries from {next} to {} are missing; use another replica's directory, or a backup",
                    dir.display(),
                    first.log_id.index
                )));
            }
            for entry in entries {
                let index = entry.log_id.index;
                next = index + 1;
                match entry.payload {
                    EntryPayload::Blank => {}
                    EntryPayload::Membership(membership) => members = codec::members(&membership),
                    EntryPayload::Normal(command) => {
                        let answer = applied.write().apply(index, command);
                        answer.map_err(|error| LogError::Refused(chain(&error)))?;
                    }
                }
            }
        }
        let state = applied.read().view();
        Ok(Replayed { state, last: next.saturating_sub(1), members, snapshot })
    }
}

/// Makes a directory, which has an identity and nothing else, begin with a state.
pub(crate) async fn begin(
    environment: &Environment,
    dir: &Path,
    covered: Covered,
    vote: Vote,
    state: View,
) -> Result<(), LogError> {
    let refused = |error: &dyn std::error::Error| LogError::Refused(chain(error));
    let snapshots = Snapshots::open(environment, dir).map_err(|error| refused(&error))?;
    let last = covered.last;
    snapshots.write(covered, state).map_err(|error| refused(&error))?;
    let mut log = LogStore::open_with(environment, dir, SETTINGS).map_err(|error| refused(&error))?;
    if let Some(last) = last {
        log.purge(last.into()).await.map_err(|error| refused(&error))?;
    }
    // Kept in order: when this is, so is what was asked for before.
    log.save_vote(&vote.into()).await.map_err(|error| refused(&error))
}

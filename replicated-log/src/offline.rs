//! A data directory while no replica uses it: what is in it, a backup of it, and clusters that begin in one.
//!
//! | what is begun | with what                              | epochs and positions                     |
//! |---------------|----------------------------------------|------------------------------------------|
//! | a new one     | nothing                                | from the first                           |
//! | a restored one| the state of a backup                  | far beyond those the old one can have had |
//! | one anew      | all that one survivor has on its disk  | far beyond those the old one can have had |
//!
//! Each is a cluster of its own, with this replica as its only voter: those of the old one are strangers to it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use libprocess::environment::{Environment, Locked};
use rand::Rng;

use crate::backup::{Backup, write_backup};
use crate::error::chain;
use crate::identity::{self, Identity};
use crate::raft::codec::{Covered, Place, Quorums, Vote};
use crate::raft::replay::{self, Files, Replayed};
use crate::{ClusterId, Described, LogError, Machine, Member, Members, NodeId, Position, View};

/// How far beyond what is known a cluster begins that goes on with the state of another. The other may have gone on, and
/// those who knew its leader's epoch follow only a later one.
pub(crate) const BEYOND: u64 = 1 << 32;

/// A data directory that no process uses, locked as long as this lives.
pub struct Directory {
    environment: Environment,
    dir: PathBuf,
    about: identity::Known,
    files: Files,
    _lock: Locked,
}

/// What a directory says of itself.
#[derive(Clone, Debug)]
pub struct About {
    pub cluster: Option<ClusterId>,
    pub node: NodeId,
    /// How often a replica was started in it.
    pub incarnation: u64,
    /// The latest term it knows, and for whom it voted in it.
    pub vote: Option<(u64, NodeId)>,
    /// The last entry it knew to be on a majority of disks.
    pub committed: u64,
    pub snapshot: u64,
    pub purged: u64,
    pub last: u64,
    pub members: Members,
}

impl Directory {
    /// Opens what is in `dir`.
    ///
    /// Errors: when a process uses it, none ever did, or it cannot be gone on from.
    pub fn open(environment: &Environment, dir: &Path) -> Result<Directory, LogError> {
        let refused = |error: &dyn std::error::Error| LogError::Refused(chain(error));
        let (about, lock) = identity::look(environment, dir).map_err(|error| refused(&error))?;
        let files = Files::open(environment, dir).map_err(|error| refused(&error))?;
        Ok(Directory { environment: environment.clone(), dir: dir.to_owned(), about, files, _lock: lock })
    }

    /// What it says of itself, as a machine of this kind.
    ///
    /// Errors: when it cannot be read to its end.
    pub async fn about<M: Machine>(&mut self) -> Result<About, LogError> {
        let held = self.files.held().await?;
        let Replayed { members, snapshot, .. } = self.replay::<M>().await?;
        let identity::Known { cluster, node, incarnation } = self.about;
        Ok(About {
            cluster,
            node,
            incarnation,
            vote: held.vote.map(|vote| (vote.term, vote.node)),
            committed: held.committed,
            snapshot,
            purged: held.purged,
            last: held.last,
            members,
        })
    }

    /// Entries in words, as many as are read at once, from the first retained one of the range on.
    pub fn entries<M: Machine>(&self, from: u64, to: u64) -> Result<Vec<Described>, LogError> {
        self.files.entries::<M>(from, to)
    }

    /// Writes all that is here to a file; also entries that are not known to be committed, since they may have been
    /// answered.
    pub async fn backup<M: Machine>(&self, path: &Path) -> Result<Position, LogError> {
        let cluster = self.about.cluster;
        let cluster = cluster.ok_or_else(|| {
            LogError::Refused(format!(
                "{} belongs to no cluster yet: there is nothing in it",
                self.dir.display()
            ))
        })?;
        let replayed = self.replay::<M>().await?;
        let position = Position::new(replayed.last);
        let backup = Backup::of::<M>(cluster, position, replayed.state);
        let written = backup.and_then(|backup| write_backup(&*self.environment.storage, path, &backup));
        written.map_err(|error| LogError::Refused(format!("{}: {error}", path.display())))?;
        Ok(position)
    }

    async fn replay<M: Machine>(&self) -> Result<Replayed, LogError> {
        self.files.replay::<M>(&self.environment, &self.dir).await
    }
}

/// Makes `dir` the first replica of a new and empty cluster.
///
/// Errors: when there is something in it.
pub async fn initialise<M: Machine>(
    environment: &Environment,
    dir: &Path,
    address: SocketAddr,
) -> Result<(ClusterId, NodeId), LogError> {
    let state = crate::state::State::<M>::default();
    begin(environment, dir, address, 1, state.view()).await
}

/// Makes `dir` the first replica of a cluster that begins with a backup.
///
/// Errors: when there is something in it, or the backup is none of this machine.
pub async fn restore<M: Machine>(
    environment: &Environment,
    dir: &Path,
    address: SocketAddr,
    path: &Path,
) -> Result<(ClusterId, NodeId, Backup), LogError> {
    let backup = Backup::of_machine::<M>(environment, path)?;
    let state = backup.state();
    let (cluster, node) =
        begin(environment, dir, address, backup.position.index().saturating_add(BEYOND), state).await?;
    Ok((cluster, node, backup))
}

/// Makes what a survivor has on its disk a cluster of its own. What was in `dir` is kept beside it; gives where.
///
/// Errors: when a process uses it, or it cannot be read to its end; nothing was changed then.
pub async fn begin_anew<M: Machine>(
    environment: &Environment,
    dir: &Path,
    address: SocketAddr,
) -> Result<(ClusterId, NodeId, PathBuf), LogError> {
    let storage = &environment.storage;
    let old = Directory::open(environment, dir)?;
    let replayed = old.replay::<M>().await?;
    let Some(before) =
        (1..1000).map(|number| beside(dir, &format!("before-{number}"))).find(|path| !storage.exists(path))
    else {
        return Err(LogError::Refused(format!(
            "{}: a thousand earlier ones lie beside it; remove some",
            dir.display()
        )));
    };
    let anew = beside(dir, "anew");
    if storage.exists(&anew) {
        return Err(LogError::Refused(format!(
            "{} is left of an attempt that was interrupted: remove it and try again",
            anew.display()
        )));
    }
    let index = replayed.last.saturating_add(BEYOND);
    let (cluster, node) = begin(environment, &anew, address, index, replayed.state).await?;
    let moved = storage.rename(dir, &before).and_then(|()| storage.rename(&anew, dir));
    let moved = moved.and_then(|()| match dir.parent() {
        Some(parent) if parent != Path::new("") => storage.sync_dir(parent),
        _ => Ok(()),
    });
    moved.map_err(|error| {
        LogError::Refused(format!(
            "failed to put {} in the place of {}, which is kept as {}: {error}",
            anew.display(),
            dir.display(),
            before.display()
        ))
    })?;
    Ok((cluster, node, before))
}

/// One voter, a state, and nothing else; the state's last entry stands at `index`.
async fn begin(
    environment: &Environment,
    dir: &Path,
    address: SocketAddr,
    index: u64,
    state: View,
) -> Result<(ClusterId, NodeId), LogError> {
    let refused = |error: &dyn std::error::Error| LogError::Refused(chain(error));
    if identity::is_used(&*environment.storage, dir) {
        return Err(LogError::Refused(format!(
            "{} is in use already: name a directory that does not exist yet, or move this one away",
            dir.display()
        )));
    }
    let mut identity = Identity::open(environment, dir).map_err(|error| refused(&error))?;
    let cluster = new_cluster(environment);
    // First, so that an interrupted beginning is never taken for a new replica.
    identity.join(environment, dir, cluster).map_err(|error| refused(&error))?;
    let (covered, vote) = alone(identity.node, address, index);
    replay::begin(environment, dir, covered, vote, state).await?;
    Ok((cluster, identity.node))
}

/// The id of a cluster that begins with the state of another, or with none.
pub(crate) fn new_cluster(environment: &Environment) -> ClusterId {
    let mut chance = environment.rng.stream("new cluster");
    ClusterId(u128::from(chance.next_u64()) << 64 | u128::from(chance.next_u64()))
}

/// What a snapshot covers that one voter begins with, and the vote that goes with it.
pub(crate) fn alone(node: NodeId, address: SocketAddr, index: u64) -> (Covered, Vote) {
    // Nobody's: a replica that hears of its own reign from elsewhere does not stand for election.
    let before = NodeId(0);
    let last = Some(Place { term: 1, node: before, index });
    let membership = Quorums::of(node, Member { address });
    let covered = Covered { last, membership_at: last, membership };
    (covered, Vote { term: 1, node: before, committed: true })
}

fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".");
    name.push(suffix);
    dir.with_file_name(name)
}

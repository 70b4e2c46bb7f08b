//! Who the replica in a data directory is.
//!
//! ```text
//! <dir>/LOCK        held while a process uses the directory
//!       identity    "HRid" │ version u8 = 1 │ zero × 3 │ crc32c u32 │ cluster, node, incarnation, created │
//!       VERSION     "1"; made last, once all the rest is there
//!       wal/        the log and the votes
//!       snap/       what they amount to
//! ```
//!
//! The id is random and lives with the data: an empty directory is a new replica, which has promised nothing. A directory
//! of which a part is missing is none at all.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use libprocess::environment::{Environment, Locked, Open, Storage, read_all};
use libprocess_wire as wire;
use rand::Rng;

use crate::damage::OpenError;
use crate::raft::runtime::{elapsed, sleep};
use crate::{ClusterId, NodeId};

/// What a directory looks like.
const VERSION: &str = "1";
/// How often a directory in use is looked at.
const LOOK: Duration = Duration::from_millis(50);
const MAGIC: [u8; 8] = *b"HRid\x01\0\0\0";

/// Who the replica in a data directory is. The directory is its own for as long as this lives.
#[derive(Clone)]
pub(crate) struct Identity {
    /// None until it is known to belong to one: such a replica votes for nobody.
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) node: NodeId,
    /// The how-manieth start of it this is; counted from one.
    pub(crate) incarnation: u64,
    /// Unit: seconds since 1970.
    created: u64,
    _lock: Arc<Locked>,
}

#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    cluster: Option<ClusterId>,
    node: NodeId,
    incarnation: u64,
    created: u64,
}

impl Identity {
    /// The identity in `dir`; drawn if there is nothing in it. It is on disk when this returns.
    ///
    /// Errors: the directory is in use, of a later version, or has lost a part; the disk refuses.
    pub(crate) fn open(environment: &Environment, dir: &Path) -> Result<Identity, OpenError> {
        let storage = &*environment.storage;
        if !storage.exists(dir) {
            make(storage, dir).map_err(OpenError::storage(dir, "make"))?;
        }
        let lock = dir.join("LOCK");
        let lock = storage.lock(&lock).map_err(OpenError::storage(&lock, "lock"))?;
        let lock = lock.ok_or_else(|| OpenError::InUse(dir.to_owned()))?;
        let begun = has_begun(storage, dir)?;
        let mut kept = match read(storage, dir)? {
            Some(kept) => kept,
            None if begun || holds_files(storage, dir) => {
                return Err(OpenError::Lost { dir: dir.to_owned(), what: "file named identity" });
            }
            None => {
                let node = NodeId(environment.rng.stream("log identity").next_u64());
                let created = environment.clock.now().duration_since(SystemTime::UNIX_EPOCH);
                let created = created.map_or(0, |since| since.as_secs());
                Kept { cluster: None, node, incarnation: 0, created }
            }
        };
        kept.incarnation += 1;
        let identity = Identity {
            cluster: kept.cluster,
            node: kept.node,
            incarnation: kept.incarnation,
            created: kept.created,
            _lock: Arc::new(lock),
        };
        let path = dir.join("identity");
        identity.write(storage, dir).map_err(OpenError::storage(&path, "write"))?;
        Ok(identity)
    }

    /// The same, but waits a while for one that is about to end to let go of the directory.
    pub(crate) async fn open_when_free(
        environment: &Environment,
        dir: &Path,
        patience: Duration,
    ) -> Result<Identity, OpenError> {
        let until = elapsed() + patience;
        loop {
            match Identity::open(environment, dir) {
                Err(OpenError::InUse(_)) if elapsed() < until => sleep(LOOK).await,
                opened => return opened,
            }
        }
    }

    /// Belongs to this cluster from now on; it is on disk when this returns.
    pub(crate) fn join(
        &mut self,
        environment: &Environment,
        dir: &Path,
        cluster: ClusterId,
    ) -> io::Result<()> {
        self.cluster = Some(cluster);
        self.write(&*environment.storage, dir)
    }

    fn write(&self, storage: &dyn Storage, dir: &Path) -> io::Result<()> {
        let Identity { cluster, node, incarnation, created, .. } = *self;
        let body = wire::encode(&Kept { cluster, node, incarnation, created });
        let bytes = [&MAGIC[..], &crc32c::crc32c(&body).to_le_bytes(), &body].concat();
        replace(storage, dir, "identity", &bytes)
    }
}

/// What a directory says of its replica.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) node: NodeId,
    pub(crate) incarnation: u64,
}

/// The identity in a directory that is there, which nobody uses as long as the lock is held. Changes nothing.
///
/// Errors: there is none; it is in use, of a later version, or has lost a part.
pub(crate) fn look(environment: &Environment, dir: &Path) -> Result<(Known, Locked), OpenError> {
    let storage = &*environment.storage;
    if !storage.exists(&dir.join("LOCK")) {
        return Err(OpenError::Absent(dir.to_owned()));
    }
    let lock = dir.join("LOCK");
    let lock = storage.lock(&lock).map_err(OpenError::storage(&lock, "lock"))?;
    let lock = lock.ok_or_else(|| OpenError::InUse(dir.to_owned()))?;
    has_begun(storage, dir)?;
    let kept = read(storage, dir)?;
    let lost = || OpenError::Lost { dir: dir.to_owned(), what: "file named identity" };
    let Kept { cluster, node, incarnation, .. } = kept.ok_or_else(lost)?;
    Ok((Known { cluster, node, incarnation }, lock))
}

/// Whether there is anything of a replica in a directory.
pub(crate) fn is_used(storage: &dyn Storage, dir: &Path) -> bool {
    storage.list(dir).is_ok_and(|names| names.iter().any(|name| name != "LOCK"))
}

/// The id of the node whose directory this is.
pub(crate) fn node(storage: &dyn Storage, dir: &Path) -> Result<NodeId, OpenError> {
    let kept = read(storage, dir)?;
    let lost = || OpenError::Lost { dir: dir.to_owned(), what: "file named identity" };
    Ok(kept.ok_or_else(lost)?.node)
}

/// Whether all parts of the directory were there once, so that none may be missing now.
///
/// Errors: when it is of a later version.
pub(crate) fn has_begun(storage: &dyn Storage, dir: &Path) -> Result<bool, OpenError> {
    let path = dir.join("VERSION");
    if !storage.exists(&path) {
        return Ok(false);
    }
    let found = read_all(storage, &path).map_err(OpenError::storage(&path, "read"))?;
    let found = String::from_utf8_lossy(&found).trim().to_owned();
    if found == VERSION { Ok(true) } else { Err(OpenError::Newer { path, found }) }
}

/// All parts of the directory are there.
pub(crate) fn begin(storage: &dyn Storage, dir: &Path) -> Result<(), OpenError> {
    let written = replace(storage, dir, "VERSION", format!("{VERSION}\n").as_bytes());
    written.map_err(OpenError::storage(&dir.join("VERSION"), "write"))
}

fn read(storage: &dyn Storage, dir: &Path) -> Result<Option<Kept>, OpenError> {
    let path = dir.join("identity");
    if !storage.exists(&path) {
        return Ok(None);
    }
    let bytes = read_all(storage, &path).map_err(OpenError::storage(&path, "read"))?;
    let damaged = |offset, why| OpenError::Damaged { path: path.clone(), offset, why };
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| damaged(0, "it is cut off"))?;
    if magic[..4] == MAGIC[..4] && magic[4] > MAGIC[4] {
        return Err(OpenError::Newer { path, found: magic[4].to_string() });
    }
    if *magic != MAGIC {
        return Err(damaged(0, "it is no identity"));
    }
    let (sum, body) = rest.split_first_chunk::<4>().ok_or_else(|| damaged(8, "it is cut off"))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return Err(damaged(8, "its checksum is wrong"));
    }
    wire::decode(body).map(Some).map_err(|_| damaged(12, "it is no identity"))
}

/// Whether there is a log or a snapshot.
fn holds_files(storage: &dyn Storage, dir: &Path) -> bool {
    ["wal", "snap"].iter().any(|part| storage.list(&dir.join(part)).is_ok_and(|names| !names.is_empty()))
}

fn make(storage: &dyn Storage, dir: &Path) -> io::Result<()> {
    storage.create_dir(dir)?;
    match dir.parent() {
        Some(parent) if parent != Path::new("") => storage.sync_dir(parent),
        _ => Ok(()),
    }
}

/// Writes a file anew, all of it or not at all.
fn replace(storage: &dyn Storage, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = dir.join(format!("{name}.new"));
    let mut file = storage.open(&new, Open::Create)?;
    file.set_len(0)?;
    file.write_at(bytes, 0)?;
    file.sync_data()?;
    storage.rename(&new, &dir.join(name))?;
    storage.sync_dir(dir)
}

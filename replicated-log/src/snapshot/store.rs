//! Which snapshots a replica keeps: the latest, and the one before it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libprocess::environment::{Environment, Storage};

use super::{ARRIVING, Snapshot, Writing};
use crate::View;
use crate::damage::OpenError;
use crate::raft::codec::Covered;

/// How many are kept.
const KEPT: usize = 2;

/// The snapshots of a replica.
#[derive(Clone)]
pub(crate) struct Snapshots {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
}

impl Snapshots {
    /// Those in `dir`; removes what was not finished, but for one that arrives.
    pub(crate) fn open(environment: &Environment, dir: &Path) -> Result<Snapshots, OpenError> {
        let snapshots = Snapshots { storage: environment.storage.clone(), dir: dir.join("snap") };
        let Snapshots { storage, dir } = &snapshots;
        if !storage.exists(dir) {
            storage.create_dir(dir).map_err(OpenError::storage(dir, "make"))?;
        }
        let making = dir.join("making.new");
        if storage.exists(&making) {
            storage.remove(&making).map_err(OpenError::storage(&making, "remove"))?;
        }
        Ok(snapshots)
    }

    /// The latest one, if there is one.
    ///
    /// Errors: it is damaged, or of a later version. The one before it may do, but only whoever runs the replica can say
    /// so, by moving this one away.
    pub(crate) fn latest(&self) -> Result<Option<Snapshot>, OpenError> {
        let names = self.names().map_err(OpenError::storage(&self.dir, "read"))?;
        let Some((_, name)) = names.last() else { return Ok(None) };
        let path = self.dir.join(name);
        let opened = Snapshot::open(&*self.storage, &path);
        opened.map(Some).map_err(OpenError::storage(&path, "read the snapshot"))
    }

    /// Writes a view; it is the latest then. Blocks.
    pub(crate) fn write(&self, covered: Covered, view: View) -> io::Result<Snapshot> {
        let mut writing = Writing::begin(&self.storage, self.dir.join("making.new"), covered)?;
        view.write(&mut writing)?;
        self.adopt(writing.finish()?)
    }

    /// Makes a finished one the latest. Blocks.
    pub(crate) fn adopt(&self, snapshot: Snapshot) -> io::Result<Snapshot> {
        let last = snapshot.covered().last;
        let (index, term) = last.map_or((0, 0), |last| (last.index, last.term));
        let path = self.dir.join(format!("{index:016x}-{term:016x}.snap"));
        if snapshot.path != path {
            self.storage.rename(&snapshot.path, &path)?;
            self.storage.sync_dir(&self.dir)?;
        }
        let names = self.names()?;
        for (_, name) in names.iter().rev().skip(KEPT) {
            self.storage.remove(&self.dir.join(name))?;
        }
        Ok(Snapshot { path, ..snapshot })
    }

    /// Shape: (index, term) and name, in order.
    fn names(&self) -> io::Result<Vec<((u64, u64), String)>> {
        let names = self.storage.list(&self.dir)?.into_iter().filter(|name| name != ARRIVING);
        let mut names: Vec<_> = names.filter_map(|name| Some((place(&name)?, name))).collect();
        names.sort();
        Ok(names)
    }
}

fn place(name: &str) -> Option<(u64, u64)> {
    let (index, term) = name.strip_suffix(".snap")?.split_once('-')?;
    Some((u64::from_str_radix(index, 16).ok()?, u64::from_str_radix(term, 16).ok()?))
}

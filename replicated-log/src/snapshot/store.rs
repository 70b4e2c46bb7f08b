//! Which snapshots a replica keeps: the latest, and the one before it.

use std::io::{self, ErrorKind};
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

    /// What the latest one that is whole amounts to, if there is one.
    ///
    /// One that is damaged is put aside, and the one before it taken, if the log still holds all that follows that:
    /// everything from `kept` on.
    ///
    /// Errors: none that the log follows is whole, or one is of a later version; the disk refuses.
    pub(crate) fn latest<T>(
        &self,
        kept: u64,
        mut read: impl FnMut(Snapshot) -> io::Result<T>,
    ) -> Result<Option<T>, OpenError> {
        let names = self.names().map_err(OpenError::storage(&self.dir, "read"))?;
        let mut damaged: Option<(PathBuf, io::Error)> = None;
        let mut rest = names.into_iter().rev();
        loop {
            let next = rest.next();
            let follows = next.as_ref().map_or(0, |((index, _), _)| *index + 1);
            match damaged.take() {
                Some((path, error)) if follows < kept => {
                    return Err(OpenError::storage(&path, "read the snapshot")(error));
                }
                Some((path, error)) => self.put_aside(&path, &error)?,
                None => {}
            }
            let Some((_, name)) = next else { return Ok(None) };
            let path = self.dir.join(name);
            match Snapshot::open(&*self.storage, &path).and_then(&mut read) {
                Ok(read) => return Ok(Some(read)),
                Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {
                    damaged = Some((path, error));
                }
                Err(error) => return Err(OpenError::storage(&path, "read the snapshot")(error)),
            }
        }
    }

    /// Keeps a damaged one for inspection, under a name that nobody reads.
    fn put_aside(&self, path: &Path, error: &io::Error) -> Result<(), OpenError> {
        let aside = path.with_extension("damaged");
        tracing::warn!(%error, kept = %aside.display(), "a snapshot is damaged: the one before it and the log take its place");
        self.storage.rename(path, &aside).map_err(OpenError::storage(path, "put aside"))?;
        self.storage.sync_dir(&self.dir).map_err(OpenError::storage(&self.dir, "write"))
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

//! A disk in memory that knows what was synced.
//!
//! ```text
//!   write ──► now ── sync_data ──► synced        bytes of a file
//!   create, rename, remove ──► names ── sync_dir ──► durable
//!                 └── pending, in order ──────────────┘
//! ```
//!
//! A crash leaves of `now` and `pending` what its [`Disk`] says. Directories survive once made.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::content::Content;
use crate::environment::{File, Locked, Open, Storage};

/// What a node finds on its disk when it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// All that was written: only the process died.
    Kept,
    /// What was synced, and nothing else.
    Synced,
    /// What was synced, and of the rest what chance picks: power was lost in the midst of it.
    Torn,
    /// Nothing: it is another disk.
    Lost,
}

/// The disk of one node; it outlives the node's lives.
pub(super) struct NodeDisk(Mutex<State>);

struct State {
    /// Whose handles work; nobody's while the node is down.
    life: Option<u32>,
    names: BTreeMap<PathBuf, Inode>,
    durable: BTreeMap<PathBuf, Inode>,
    pending: Vec<Change>,
    directories: BTreeSet<PathBuf>,
    full: bool,
    broken: bool,
    /// What the present life has taken for itself.
    locks: BTreeSet<PathBuf>,
    /// Flushes fail.
    failing: bool,
    /// Changes and flushes so far.
    operations: u64,
    /// How many of them there may be.
    operations_max: u64,
    chance: ChaCha8Rng,
}

type Inode = Arc<Mutex<Content>>;

/// A change of names that no sync has covered.
enum Change {
    Add(PathBuf, Inode),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl NodeDisk {
    pub(super) fn new(chance: ChaCha8Rng) -> Arc<NodeDisk> {
        Arc::new(NodeDisk(Mutex::new(State {
            life: None,
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            directories: BTreeSet::new(),
            full: false,
            broken: false,
            locks: BTreeSet::new(),
            failing: false,
            operations: 0,
            operations_max: u64::MAX,
            chance,
        })))
    }

    /// The disk in the hands of one life of its node.
    pub(super) fn storage(self: Arc<Self>, life: u32) -> Arc<dyn Storage> {
        let mut state = self.0.lock();
        state.life = Some(life);
        state.locks.clear();
        drop(state);
        Arc::new(Mounted { disk: self, life })
    }

    pub(super) fn set_full(&self, full: bool) {
        self.0.lock().full = full;
    }

    pub(super) fn set_broken(&self, broken: bool) {
        self.0.lock().broken = broken;
    }

    pub(super) fn set_failing(&self, failing: bool) {
        self.0.lock().failing = failing;
    }

    pub(super) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    pub(super) fn stop_after(&self, operations: u64) {
        let mut state = self.0.lock();
        state.operations_max = state.operations.saturating_add(operations);
    }

    pub(super) fn edit(&self, mut edit: impl FnMut(&Path, &mut Vec<u8>)) {
        let state = self.0.lock();
        for (path, inode) in &state.names {
            let Content { now, synced, .. } = &mut *inode.lock();
            let same = *now == *synced;
            let mut bytes = now.to_vec();
            edit(path, &mut bytes);
            *now = bytes.into();
            if same {
                synced.clone_from(now);
                continue;
            }
            let mut bytes = synced.to_vec();
            edit(path, &mut bytes);
            *synced = bytes.into();
        }
    }

    /// That life touches the disk no more.
    pub(super) fn crash(&self, life: u32) {
        let mut state = self.0.lock();
        if state.life == Some(life) {
            state.life = None;
        }
    }

    /// Decides what the crash has left.
    pub(super) fn recover(&self, fate: Disk) {
        let mut state = self.0.lock();
        state.operations_max = u64::MAX;
        let State { names, durable, pending, directories, chance, .. } = &mut *state;
        match fate {
            Disk::Kept => *durable = std::mem::take(names),
            Disk::Synced => {}
            Disk::Torn => {
                let kept = chance.random_range(0..=pending.len());
                pending.drain(..kept).for_each(|change| change.apply(durable));
            }
            Disk::Lost => {
                durable.clear();
                directories.clear();
            }
        }
        pending.clear();
        for inode in durable.values_mut() {
            let content = inode.lock();
            let left = match fate {
                Disk::Kept => content.now.clone(),
                Disk::Synced | Disk::Lost => content.synced.clone(),
                Disk::Torn => content.torn(chance).into(),
            };
            drop(content);
            *inode = Arc::new(Mutex::new(Content::found(left)));
        }
        *names = durable.clone();
    }
}

impl Change {
    fn touches(&self, dir: &Path) -> bool {
        match self {
            Change::Add(path, _) | Change::Remove(path) => path.parent() == Some(dir),
            Change::Rename(from, to) => from.parent() == Some(dir) || to.parent() == Some(dir),
        }
    }

    fn apply(self, names: &mut BTreeMap<PathBuf, Inode>) {
        match self {
            Change::Add(path, inode) => drop(names.insert(path, inode)),
            Change::Remove(path) => drop(names.remove(&path)),
            Change::Rename(from, to) => {
                if let Some(inode) = names.remove(&from) {
                    names.insert(to, inode);
                }
            }
        }
    }
}

/// A disk as one life of its node sees it.
#[derive(Clone)]
struct Mounted {
    disk: Arc<NodeDisk>,
    life: u32,
}

impl Mounted {
    /// Errors: when that life is over.
    fn state(&self) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let state = self.disk.0.lock();
        if state.life != Some(self.life) {
            return Err(io::Error::other("the node is down"));
        }
        Ok(state)
    }

    /// For a change or a flush.
    ///
    /// Errors: when that life is over, or the disk was to stop before this.
    fn act(&self) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let mut state = self.state()?;
        if state.operations >= state.operations_max {
            return Err(io::Error::other("the disk has stopped"));
        }
        state.operations += 1;
        Ok(state)
    }
}

impl State {
    fn change(&mut self, change: Change) {
        match &change {
            Change::Add(path, inode) => drop(self.names.insert(path.clone(), inode.clone())),
            Change::Remove(path) => drop(self.names.remove(path)),
            Change::Rename(from, to) => {
                if let Some(inode) = self.names.remove(from) {
                    self.names.insert(to.clone(), inode);
                }
            }
        }
        self.pending.push(change);
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.parent().is_none() || path == Path::new("") || self.directories.contains(path)
    }

    fn can_sync(&self) -> io::Result<()> {
        if self.failing { Err(io::Error::other("the disk cannot be flushed")) } else { Ok(()) }
    }

    fn has_room(&self) -> io::Result<()> {
        if self.full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn can_write(&self) -> io::Result<()> {
        if self.broken { Err(io::Error::other("input/output error")) } else { Ok(()) }
    }
}

impl Storage for Mounted {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn File>> {
        let made = how != Open::Read && !self.state()?.names.contains_key(path);
        let mut state = if made { self.act()? } else { self.state()? };
        let inode = match (state.names.get(path), how) {
            (Some(_), Open::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(inode), _) => inode.clone(),
            (None, Open::Read | Open::Write) => return Err(io::ErrorKind::NotFound.into()),
            (None, Open::Create | Open::CreateNew) => {
                if !path.parent().is_some_and(|parent| state.is_directory(parent)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                state.can_write()?;
                state.has_room()?;
                let inode = Inode::default();
                state.change(Change::Add(path.to_owned(), inode.clone()));
                inode
            }
        };
        Ok(Box::new(Opened { mounted: self.clone(), inode, writable: how != Open::Read }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state()?;
        if !state.is_directory(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let within = state.names.keys().chain(&state.directories).filter(|path| path.parent() == Some(dir));
        let names: BTreeSet<String> =
            within.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
        Ok(names.into_iter().collect())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.act()?;
        if !state.is_directory(dir) {
            state.can_write()?;
            state.has_room()?;
        }
        state.directories.extend(dir.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.act()?;
        state.can_write()?;
        if state.names.contains_key(from) {
            state.change(Change::Rename(from.to_owned(), to.to_owned()));
            return Ok(());
        }
        if !state.directories.contains(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let moved = |path: &PathBuf| path.strip_prefix(from).ok().map(|rest| (path.clone(), to.join(rest)));
        let directories: Vec<_> = state.directories.iter().filter_map(moved).collect();
        let files: Vec<_> = state.names.keys().filter_map(moved).collect();
        for (from, to) in directories {
            state.directories.remove(&from);
            state.directories.insert(to);
        }
        files.into_iter().for_each(|(from, to)| state.change(Change::Rename(from, to)));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.act()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.can_write()?;
        state.change(Change::Remove(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.act()?;
        state.can_write()?;
        state.can_sync()?;
        let State { pending, durable, .. } = &mut *state;
        pending.extract_if(.., |change| change.touches(dir)).for_each(|change| change.apply(durable));
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.state().is_ok_and(|state| state.names.contains_key(path) || state.is_directory(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Locked>> {
        self.open(path, Open::Create)?;
        let taken = self.state()?.locks.insert(path.to_owned());
        Ok(taken.then(|| Locked::new(Held { mounted: self.clone(), path: path.to_owned() })))
    }
}

/// What one life has taken for itself.
struct Held {
    mounted: Mounted,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        // A life that is over holds nothing.
        if let Ok(mut state) = self.mounted.state() {
            state.locks.remove(&self.path);
        }
    }
}

struct Opened {
    mounted: Mounted,
    inode: Inode,
    writable: bool,
}

impl Opened {
    fn changed(&self, grows: bool, change: impl FnOnce(&mut Content)) -> io::Result<()> {
        let state = self.mounted.act()?;
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        state.can_write()?;
        if grows {
            state.has_room()?;
        }
        change(&mut self.inode.lock());
        Ok(())
    }
}

impl File for Opened {
    fn len(&self) -> io::Result<u64> {
        let _state = self.mounted.state()?;
        Ok(self.inode.lock().now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let _state = self.mounted.state()?;
        let content = self.inode.lock();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.now.len());
        let many = buffer.len().min(content.now.len() - start);
        content.now.read(&mut buffer[..many], start);
        Ok(many)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let grows = offset + bytes.len() > self.inode.lock().now.len();
        self.changed(grows, |content| content.write(bytes, offset))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let mut end = 0;
        self.changed(true, |content| {
            end = content.now.len();
            content.write(bytes, end);
        })?;
        Ok(end as u64)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let grows = len > self.inode.lock().now.len();
        self.changed(grows, |content| content.set_len(len))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let state = self.mounted.act()?;
        state.can_write()?;
        let mut content = self.inode.lock();
        state.can_sync().inspect_err(|_| content.lose())?;
        content.sync();
        Ok(())
    }
}

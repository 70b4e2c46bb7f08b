//! A disk in memory that forgets what was not synced, and fails when told to.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use libprocess::environment::{File, Locked, Open, Storage};

use crate::{Config, Frame, OpenError, Recovered, Writer};

/// Shared by all who opened it.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Clone, Default)]
struct State {
    files: BTreeMap<PathBuf, Content>,
    /// Names as they will be found after a crash.
    durable: BTreeMap<PathBuf, Content>,
    syncs: usize,
    /// Every operation from this one on fails.
    fails_at: Option<usize>,
    operations: usize,
}

type Content = Arc<Mutex<Bytes>>;

#[derive(Clone, Default)]
struct Bytes {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// What was written since: where, and what.
    unsynced: Vec<(usize, Vec<u8>)>,
}

/// What a crash does to what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Only the process dies: all is there, and what was not synced may still be lost later.
    Process,
    /// All of it is there for good.
    Nothing,
    /// All of it is gone.
    Everything,
    /// So many bytes of it are there, in the order of writing.
    AllButFirst(usize),
    /// The same, and the file is as long as if all were: what is missing is zeros.
    Zeros(usize),
    /// The same, but what is missing is what was in those blocks before.
    Stale(usize),
    /// Each sector is there or not.
    Sectors(u64),
    /// All is there but for one bit.
    Flip(usize),
}

impl Bytes {
    fn after(&self, loss: Loss) -> Self {
        let total: usize = self.unsynced.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut left = if total == 0 { self.now.clone() } else { self.synced.clone() };
        if self.now.len() < left.len() {
            left.truncate(self.now.len());
        }
        let mut seen = 0;
        for (offset, bytes) in &self.unsynced {
            let mut put = |offset: usize, bytes: &[u8]| {
                if left.len() < offset + bytes.len() {
                    left.resize(offset + bytes.len(), 0);
                }
                left[offset..offset + bytes.len()].copy_from_slice(bytes);
            };
            let rest = |kept: usize| kept.saturating_sub(seen).min(bytes.len());
            match loss {
                Loss::Process | Loss::Nothing => put(*offset, bytes),
                Loss::Everything => {}
                Loss::AllButFirst(kept) => put(*offset, &bytes[..rest(kept)]),
                Loss::Zeros(kept) => {
                    let zeros = vec![0; bytes.len() - rest(kept)];
                    put(*offset, &[&bytes[..rest(kept)], &zeros].concat());
                }
                Loss::Stale(kept) => {
                    // As an older file of the same journal would look: valid frames, but not of this one.
                    let old = self.synced.iter().copied().chain(bytes.iter().copied()).cycle();
                    let old: Vec<u8> = old.take(bytes.len() - rest(kept)).collect();
                    put(*offset, &[&bytes[..rest(kept)], &old].concat());
                }
                Loss::Sectors(seed) => {
                    let mut at = 0;
                    while at < bytes.len() {
                        let sector = (offset + at) / SECTOR;
                        let end = ((sector + 1) * SECTOR - offset).min(bytes.len());
                        if mixed(seed ^ sector as u64) & 1 == 0 {
                            put(offset + at, &bytes[at..end]);
                        }
                        at = end;
                    }
                }
                Loss::Flip(bit) => {
                    let mut bytes = bytes.clone();
                    let at = bit % (total * 8);
                    if let Some(byte) = (at / 8).checked_sub(seen).and_then(|at| bytes.get_mut(at)) {
                        *byte ^= 1 << (at % 8);
                    }
                    put(*offset, &bytes);
                }
            }
            seen += bytes.len();
        }
        if loss == Loss::Process {
            return Self { now: left, ..self.clone() };
        }
        Self { now: left.clone(), synced: left, unsynced: Vec::new() }
    }
}

/// Small, so that a group of a test takes several. Unit: bytes.
const SECTOR: usize = 64;

/// A number that looks like chance.
pub(crate) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Disk {
    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.clone())
    }

    /// Loses power: what was not synced is gone, but for the first `kept` bytes.
    pub(crate) fn crash(&self, kept: usize) -> Self {
        self.after(Loss::AllButFirst(kept), false)
    }

    /// What a crash leaves; with `renamed`, changes of names that were not synced are there.
    pub(crate) fn after(&self, loss: Loss, renamed: bool) -> Self {
        let state = self.0.lock().unwrap();
        let after = |(path, content): (&PathBuf, &Content)| {
            (path.clone(), Arc::new(Mutex::new(content.lock().unwrap().after(loss))))
        };
        let names = if renamed || loss == Loss::Process { &state.files } else { &state.durable };
        let files: BTreeMap<PathBuf, Content> = names.iter().map(after).collect();
        let durable = match loss {
            Loss::Process => state
                .durable
                .iter()
                .map(|(path, old)| {
                    let same = |(_, content): &(&PathBuf, &Content)| Arc::ptr_eq(content, old);
                    let now = state.files.iter().find(same).map(|(path, _)| files[path].clone());
                    (path.clone(), now.unwrap_or_else(|| old.clone()))
                })
                .collect(),
            _ => files.clone(),
        };
        Self(Arc::new(Mutex::new(State { durable, files, ..State::default() })))
    }

    /// How many bytes a crash could lose.
    pub(crate) fn unsynced(&self) -> usize {
        let state = self.0.lock().unwrap();
        let lengths = state.files.values().map(|content| {
            content.lock().unwrap().unsynced.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
        });
        lengths.max().unwrap_or(0)
    }

    pub(crate) fn fail_from(&self, operation: usize) {
        let mut state = self.0.lock().unwrap();
        state.fails_at = Some(state.operations + operation);
    }

    pub(crate) fn syncs(&self) -> usize {
        self.0.lock().unwrap().syncs
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.list(Path::new("/j")).unwrap()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.0.lock().unwrap().files[&Path::new("/j").join(name)].lock().unwrap().now.clone()
    }

    /// What the disk would hold if `name` held these bytes.
    pub(crate) fn with(&self, name: &str, bytes: &[u8]) -> Self {
        let other = self.crash(usize::MAX);
        let content = Bytes { now: bytes.to_vec(), synced: bytes.to_vec(), unsynced: Vec::new() };
        other.0.lock().unwrap().files.insert(Path::new("/j").join(name), Arc::new(Mutex::new(content)));
        other
    }

    pub(crate) fn open_journal(&self) -> Result<(Writer, Recovered), OpenError> {
        self.open_with(|_| {})
    }

    pub(crate) fn open_with(
        &self,
        change: impl FnOnce(&mut Config),
    ) -> Result<(Writer, Recovered), OpenError> {
        let mut config = Config::new("/j", 7);
        change(&mut config);
        Writer::open(self.storage(), config)
    }

    fn step(&self) -> io::Result<std::sync::MutexGuard<'_, State>> {
        let mut state = self.0.lock().unwrap();
        state.operations += 1;
        if state.fails_at.is_some_and(|at| state.operations > at) {
            return Err(io::Error::other("the disk is full"));
        }
        Ok(state)
    }
}

/// A frame that says `text`.
pub(crate) fn frame(text: &str) -> Frame {
    Frame { kind: 1, version: 1, body: text.as_bytes().to_vec() }
}

/// What frames say.
pub(crate) fn texts(frames: &[Frame]) -> Vec<String> {
    frames.iter().map(|frame| String::from_utf8(frame.body.clone()).unwrap()).collect()
}

impl Storage for Disk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn File>> {
        let mut state = self.step()?;
        let content = match (state.files.get(path), how) {
            (Some(_), Open::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(content), _) => content.clone(),
            (None, Open::Read | Open::Write) => return Err(io::ErrorKind::NotFound.into()),
            (None, _) => {
                let content = Content::default();
                state.files.insert(path.to_owned(), content.clone());
                content
            }
        };
        Ok(Box::new(Opened { disk: self.clone(), content }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock().unwrap();
        let names = state.files.keys().filter(|path| path.parent() == Some(dir));
        Ok(names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let content = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?.files.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        state.durable = state.files.clone();
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.lock().unwrap().files.keys().any(|file| file.starts_with(path))
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Locked>> {
        Ok(Some(Locked::new(())))
    }
}

struct Opened {
    disk: Disk,
    content: Content,
}

impl File for Opened {
    fn len(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.content.lock().unwrap();
        let rest = bytes.now.get(offset as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn write_at(&mut self, new: &[u8], offset: u64) -> io::Result<()> {
        drop(self.disk.step()?);
        let mut bytes = self.content.lock().unwrap();
        let end = offset as usize + new.len();
        if bytes.now.len() < end {
            bytes.now.resize(end, 0);
        }
        bytes.now[offset as usize..end].copy_from_slice(new);
        bytes.unsynced.push((offset as usize, new.to_vec()));
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let end = self.len()?;
        self.write_at(bytes, end)?;
        Ok(end)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        drop(self.disk.step()?);
        self.content.lock().unwrap().now.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.disk.step()?.syncs += 1;
        let mut bytes = self.content.lock().unwrap();
        bytes.synced = bytes.now.clone();
        bytes.unsynced.clear();
        Ok(())
    }
}

//! A disk in memory that forgets what was not synced, and fails when told to.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use libprocess::environment::{File, Open, Storage};

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
}

impl Disk {
    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.clone())
    }

    /// Loses power: what was not synced is gone, but for the first `kept` bytes that were written last.
    pub(crate) fn crash(&self, kept: usize) -> Self {
        let state = self.0.lock().unwrap();
        let files: BTreeMap<PathBuf, Content> = state
            .durable
            .iter()
            .map(|(path, content)| {
                let bytes = content.lock().unwrap();
                let mut left = bytes.synced.clone();
                if bytes.now.len() > left.len() {
                    let end = bytes.now.len().min(left.len() + kept);
                    left.extend_from_slice(&bytes.now[left.len()..end]);
                }
                (path.clone(), Arc::new(Mutex::new(Bytes { now: left.clone(), synced: left })))
            })
            .collect();
        Self(Arc::new(Mutex::new(State { durable: files.clone(), files, ..State::default() })))
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
        let content = Bytes { now: bytes.to_vec(), synced: bytes.to_vec() };
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
        self.0.lock().unwrap().files.contains_key(path)
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
        Ok(())
    }
}

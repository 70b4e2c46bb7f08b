//! The world of a runtime as five values: clock, chance, work, network, disk.
//!
//! There are two sets: `real` asks the operating system, [`sim`](crate::sim) a heap
//! of events and one seed. Nothing else in the workspace reads a clock or opens a file that a
//! replay would have to repeat.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::LocalBoxFuture;
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncRead, AsyncWrite};

/// A pause that can be awaited on any thread of the runtime.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time.
pub trait Clock: Send + Sync {
    /// Wall time; never goes backwards within a runtime.
    fn now(&self) -> SystemTime;
    /// Time since the runtime started; what deadlines are counted in.
    fn elapsed(&self) -> Duration;
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// Chance.
pub trait Rng: Send + Sync {
    /// A stream of its own for one purpose; under one seed the same purpose draws the same.
    fn stream(&self, purpose: &str) -> ChaCha8Rng;
}

/// Work beside the handlers.
pub trait Spawner: Send + Sync {
    /// Runs a future on the shard that asks; it ends when the task is dropped.
    fn local(&self, future: LocalBoxFuture<'static, ()>) -> Task;
    /// Runs a blocking job on a bounded pool.
    fn blocking(&self, job: Box<dyn FnOnce() + Send>);
    /// Whether there are threads at all: in a simulation, nobody may start one.
    fn has_threads(&self) -> bool;
}

/// A running future; dropping it ends the future.
pub struct Task(Option<Box<dyn FnOnce()>>);

impl Task {
    pub fn new(abort: impl FnOnce() + 'static) -> Task {
        Task(Some(Box::new(abort)))
    }

    /// Lets it run to its end.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(abort) = self.0.take() {
            abort();
        }
    }
}

/// A connection to another node: bytes in order, or a break.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Network.
pub trait Transport: Send + Sync {
    fn dial(&self, to: SocketAddr) -> LocalBoxFuture<'static, io::Result<Box<dyn Stream>>>;
}

/// Disk. Calls block, so they belong into [`Context::blocking`](crate::Context::blocking) or a
/// thread of one's own.
///
/// What was written survives a crash only once it was synced: a file's bytes by
/// [`File::sync_data`], its name by [`Storage::sync_dir`] of its directory.
pub trait Storage: Send + Sync {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn File>>;
    /// Names within a directory, in order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a directory and those above it.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    fn exists(&self, path: &Path) -> bool;
    /// Takes a file for this process alone, making it if it is missing; nothing if another has it. A process that ends,
    /// however it does, gives back what it had.
    fn lock(&self, path: &Path) -> io::Result<Option<Locked>>;
}

/// A file that is this process' alone until this is dropped.
pub struct Locked(#[expect(dead_code, reason = "what is done with it is to drop it")] Box<dyn Send + Sync>);

impl Locked {
    pub fn new(held: impl Send + Sync + 'static) -> Locked {
        Locked(Box::new(held))
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It must exist; only read.
    Read,
    /// It must exist; read and written.
    Write,
    /// Made if it does not exist; read and written.
    Create,
    /// Made; an error if it exists.
    CreateNew,
}

/// An open file.
pub trait File: Send {
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Fills as much of `buffer` as there is, and says how much.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes`; what lies between the end and `offset` becomes zeros.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes` at the end, and says where that was.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64>;
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Returns once what was written will survive a crash.
    fn sync_data(&mut self) -> io::Result<()>;
}

/// Reads a whole file.
pub fn read_all(storage: &dyn Storage, path: &Path) -> io::Result<Vec<u8>> {
    let file = storage.open(path, Open::Read)?;
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], read as u64)? {
            0 => break,
            n => read += n,
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// The five together.
#[derive(Clone)]
pub struct Environment {
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub spawner: Arc<dyn Spawner>,
    pub transport: Arc<dyn Transport>,
    pub storage: Arc<dyn Storage>,
}

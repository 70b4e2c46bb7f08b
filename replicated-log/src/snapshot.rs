//! A snapshot: what all entries up to one amount to, in chunks of which each proves itself; written, sent, put together.
//!
//! ```text
//! <dir>/snap/<index>-<term>.snap     the latest, and the one before it
//!            arriving.new            one of another replica, as far as it has come
//!            making.new              one that is being written
//!
//! "HRsnap\0" 1 │ length u32 │ crc32c u32 │ covered … │ chunk │ chunk │ … │ 0 u32 │ crc32c u32 │ total u64 │
//! chunk │ length u32 │ crc32c u32 over the head's, its number, its length and its bytes │ bytes, 256 KiB but for the last │
//! ```

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libprocess::environment::{Environment, File, Open, Storage};
use parking_lot::Mutex;

use crate::raft::codec::Covered;

mod format;
mod store;

pub(crate) use store::Snapshots;

use format::{CHUNK, CHUNK_HEAD, END, Head, chunk_head, end};

const ARRIVING: &str = "arriving.new";

/// A whole snapshot, where it lies. It can be read even after its file was removed.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) path: PathBuf,
    file: Arc<Mutex<Box<dyn File>>>,
    head: Head,
    length: u64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "snapshot {} of {} bytes", self.path.display(), self.length)
    }
}

impl Snapshot {
    /// Opens one that is whole: its ends are looked at, its chunks when they are read.
    pub(crate) fn open(storage: &dyn Storage, path: &Path) -> io::Result<Snapshot> {
        let file = storage.open(path, Open::Read)?;
        let head = Head::read(&*file)?;
        let size = file.len()?;
        let body = size.checked_sub(head.size() + END as u64).ok_or_else(|| damaged(path, 0))?;
        let mut bytes = [0; END];
        read_at(&*file, &mut bytes, size - END as u64)?;
        let total = u64::from_le_bytes(bytes[8..].try_into().expect("eight bytes"));
        let framed = total + total.div_ceil(CHUNK as u64) * CHUNK_HEAD as u64;
        if bytes != end(&head, total) || framed != body {
            return Err(damaged(path, size - END as u64));
        }
        Ok(Snapshot { path: path.to_owned(), file: Arc::new(Mutex::new(file)), head, length: total })
    }

    /// What it covers.
    pub(crate) fn covered(&self) -> &Covered {
        &self.head.covered
    }

    /// Unit: bytes.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Up to `max` bytes from `offset` on; none at its end.
    ///
    /// Errors: the disk refuses, or what is there is not what was written.
    pub(crate) fn chunk(&self, offset: u64, max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < max && offset + (bytes.len() as u64) < self.length {
            let at = offset + bytes.len() as u64;
            let whole = self.whole_chunk(at / CHUNK as u64)?;
            let from = (at % CHUNK as u64) as usize;
            let to = whole.len().min(from + max - bytes.len());
            if bytes.is_empty() && from == 0 && to == whole.len() && to == max {
                return Ok(whole);
            }
            bytes.extend_from_slice(&whole[from..to]);
        }
        Ok(bytes)
    }

    /// For reading all of it.
    pub(crate) fn reader(&self) -> impl Read + '_ {
        Reading { snapshot: self, next: 0, chunk: io::Cursor::new(Vec::new()) }
    }

    fn whole_chunk(&self, number: u64) -> io::Result<Vec<u8>> {
        let offset = self.head.chunk_at(number);
        let length = (self.length - number * CHUNK as u64).min(CHUNK as u64) as usize;
        let mut framed = vec![0; CHUNK_HEAD + length];
        read_at(&**self.file.lock(), &mut framed, offset)?;
        let bytes = framed.split_off(CHUNK_HEAD);
        if framed != chunk_head(&self.head, number, &bytes) {
            return Err(damaged(&self.path, offset));
        }
        Ok(bytes)
    }
}

struct Reading<'a> {
    snapshot: &'a Snapshot,
    next: u64,
    chunk: io::Cursor<Vec<u8>>,
}

impl Read for Reading<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.chunk.position() == self.chunk.get_ref().len() as u64
            && self.next * (CHUNK as u64) < self.snapshot.length
        {
            self.chunk = io::Cursor::new(self.snapshot.whole_chunk(self.next)?);
            self.next += 1;
        }
        self.chunk.read(to)
    }
}

/// A snapshot that is being written.
pub(crate) struct Writing {
    storage: Arc<dyn Storage>,
    path: PathBuf,
    file: Box<dyn File>,
    head: Head,
    /// What does not fill a chunk yet.
    rest: Vec<u8>,
    /// How many chunks there are.
    chunks: u64,
}

impl Writing {
    fn begin(storage: &Arc<dyn Storage>, path: PathBuf, covered: Covered) -> io::Result<Writing> {
        let mut file = storage.open(&path, Open::Create)?;
        file.set_len(0)?;
        let head = Head::of(covered);
        file.write_at(&head.bytes, 0)?;
        Ok(Writing { storage: storage.clone(), path, file, head, rest: Vec::with_capacity(CHUNK), chunks: 0 })
    }

    fn length(&self) -> u64 {
        self.chunks * CHUNK as u64 + self.rest.len() as u64
    }

    fn put_chunk(&mut self) -> io::Result<()> {
        let head = chunk_head(&self.head, self.chunks, &self.rest);
        self.file.write_at(&[&head[..], &self.rest].concat(), self.head.chunk_at(self.chunks))?;
        self.rest.clear();
        self.chunks += 1;
        Ok(())
    }

    /// All is written: makes it durable, under the name it has while it is not the latest.
    fn finish(mut self) -> io::Result<Snapshot> {
        let total = self.length();
        let rest = self.rest.len() as u64;
        let mut end_at = self.head.chunk_at(self.chunks);
        if rest > 0 {
            self.put_chunk()?;
            end_at += CHUNK_HEAD as u64 + rest;
        }
        self.file.write_at(&end(&self.head, total), end_at)?;
        self.file.sync_data()?;
        drop(self.file);
        Snapshot::open(&*self.storage, &self.path)
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let many = bytes.len().min(CHUNK - self.rest.len());
        self.rest.extend_from_slice(&bytes[..many]);
        if self.rest.len() == CHUNK {
            self.put_chunk()?;
        }
        Ok(many)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A snapshot of another replica, as far as it has come.
pub(crate) struct Arriving(Writing);

impl Arriving {
    /// The one of `covered`; what of it has come already, also before a restart, is kept.
    pub(crate) fn begin(environment: &Environment, dir: &Path, covered: &Covered) -> io::Result<Arriving> {
        let storage = &environment.storage;
        let dir = dir.join("snap");
        if !storage.exists(&dir) {
            storage.create_dir(&dir)?;
        }
        let path = dir.join(ARRIVING);
        if let Some(writing) = resumed(storage, &path, covered) {
            return Ok(Arriving(writing));
        }
        Writing::begin(storage, path, covered.clone()).map(Arriving)
    }

    /// How much of it is here; the next chunk begins there.
    pub(crate) fn arrived(&self) -> u64 {
        self.0.length()
    }

    pub(crate) fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.0.write_all(chunk)
    }

    /// It is all here.
    pub(crate) fn finish(self) -> io::Result<Snapshot> {
        self.0.finish()
    }
}

/// What is left of an interrupted arrival: the chunks from the first on that prove themselves.
fn resumed(storage: &Arc<dyn Storage>, path: &Path, covered: &Covered) -> Option<Writing> {
    let mut file = storage.open(path, Open::Write).ok()?;
    let head = Head::read(&*file).ok().filter(|head| head.covered == *covered)?;
    let mut chunks = 0;
    let mut framed = vec![0; CHUNK_HEAD + CHUNK];
    while read_at(&*file, &mut framed, head.chunk_at(chunks)).is_ok()
        && framed[..CHUNK_HEAD] == chunk_head(&head, chunks, &framed[CHUNK_HEAD..])
    {
        chunks += 1;
    }
    file.set_len(head.chunk_at(chunks)).ok()?;
    let rest = Vec::with_capacity(CHUNK);
    Some(Writing { storage: storage.clone(), path: path.to_owned(), file, head, rest, chunks })
}

fn read_at(file: &dyn File, to: &mut [u8], offset: u64) -> io::Result<()> {
    let mut read = 0;
    while read < to.len() {
        match file.read_at(&mut to[read..], offset + read as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
    }
    Ok(())
}

fn damaged(path: &Path, offset: u64) -> io::Error {
    let why = format!("the snapshot {} is damaged at byte {offset}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;

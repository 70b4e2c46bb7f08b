//! The next segment's file, full of zeros before it is needed: writing into it then changes no length, which would cost
//! every flush a second write.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use libprocess::environment::{Open, Storage};

use crate::lane::{Aside, Lane};

/// Unit: bytes.
const CHUNK: usize = 1 << 20;
/// Flushed so often, so that it never stands long in the way of what somebody waits for. Unit: bytes.
const FLUSH_EVERY: u64 = 4 << 20;

const MAKING: u8 = 0;
const READY: u8 = 1;
const UNWANTED: u8 = 2;

/// Makes files ahead of need.
pub(crate) struct Spares {
    lane: Lane,
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    /// Unit: bytes.
    length: u64,
    /// Differs from that of any earlier start, so that a file is never shared with one.
    salt: u64,
    made: u64,
    next: Option<Making>,
}

struct Making {
    path: PathBuf,
    state: Arc<AtomicU8>,
    _aside: Aside,
}

impl Spares {
    pub(crate) fn new(lane: Lane, storage: Arc<dyn Storage>, dir: &Path, length: u64, salt: u64) -> Self {
        Self { lane, storage, dir: dir.to_owned(), length, salt, made: 0, next: None }
    }

    /// Has the next one made, if none is.
    pub(crate) fn ask(&mut self) {
        if self.next.is_some() {
            return;
        }
        self.made += 1;
        let path = self.dir.join(format!("spare-{:016x}-{}.new", self.salt, self.made));
        let state = Arc::new(AtomicU8::new(MAKING));
        let (storage, length) = (self.storage.clone(), self.length);
        let (theirs, file) = (state.clone(), path.clone());
        let job = move || {
            // Without room for it, the segment is made when it is needed; if there is none then, that is told.
            if make(&*storage, &file, length, &theirs).is_err() {
                let _ = storage.remove(&file);
            }
        };
        let aside = self.lane.aside("journal spare", job);
        self.next = Some(Making { path, state, _aside: aside });
    }

    /// The one that was made, if it is ready.
    pub(crate) fn take(&mut self) -> Option<PathBuf> {
        self.next.take_if(|next| next.state.load(Ordering::Acquire) == READY).map(|next| next.path.clone())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        let _ = self.state.compare_exchange(MAKING, UNWANTED, Ordering::AcqRel, Ordering::Acquire);
    }
}

fn make(storage: &dyn Storage, path: &Path, length: u64, state: &AtomicU8) -> io::Result<()> {
    let mut file = storage.open(path, Open::CreateNew)?;
    let zeros = vec![0; CHUNK];
    let mut written = 0;
    while written < length {
        if state.load(Ordering::Acquire) == UNWANTED {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let chunk = (length - written).min(CHUNK as u64);
        file.write_at(&zeros[..chunk as usize], written)?;
        written += chunk;
        if written % FLUSH_EVERY == 0 {
            file.sync_data()?;
        }
    }
    file.sync_data()?;
    match state.compare_exchange(MAKING, READY, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Ok(()),
        Err(_) => Err(io::ErrorKind::Interrupted.into()),
    }
}

//! Reading entries that are still there.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use libprocess::environment::{File, Open};

use super::Log;
use super::change::{Written, written};
use super::index::Piece;
use crate::flush::unpoisoned;
use crate::frame::{self, Seal};
use crate::segment::segment_name;

/// What is read from a file at once, unless one entry is longer. Unit: bytes.
const PIECE_MAX: u64 = 1 << 20;

/// Why entries cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// They were removed, or never here.
    #[error("the log no longer has entry {index}; the first it has is {first}")]
    Gone {
        /// What was asked for.
        index: u64,
        /// What there is.
        first: u64,
    },
    /// The disk refused.
    #[error("failed to read the log from {}", .file.display())]
    Storage {
        /// The segment.
        file: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// What is on disk is no longer what was written there.
    #[error("the log is damaged in {} at byte {offset}, entry {index}", .file.display())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where the entry is.
        offset: u64,
        /// Which it is.
        index: u64,
    },
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::Gone { .. } => io::ErrorKind::NotFound,
            ReadError::Storage { source, .. } => source.kind(),
            ReadError::Damaged { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// Where the next entries are.
enum Source {
    Memory(Vec<Bytes>),
    Disk(Piece, Seal),
    Gone { first: u64 },
}

impl Log {
    /// Reads entries from `from` to before `to`, as many as there are and as take `bytes`, but one at least if there is
    /// one. Blocks on the disk for those that are no longer in memory.
    pub fn read(&self, from: u64, to: u64, bytes: usize) -> Result<Vec<Bytes>, ReadError> {
        let mut entries: Vec<Bytes> = Vec::new();
        let mut room = bytes;
        while let next = from + entries.len() as u64
            && next < to
            && (room > 0 || entries.is_empty())
        {
            let mut more = match self.source(next, to, room) {
                None => break,
                Some(Source::Memory(entries)) => entries,
                Some(Source::Disk(piece, seal)) => match self.load(&piece, seal) {
                    // Between the look and the opening, the file may have been removed.
                    Err(ReadError::Storage { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                        return Err(ReadError::Gone { index: next, first: self.bounds().floor });
                    }
                    loaded => loaded?,
                },
                Some(Source::Gone { first }) => return Err(ReadError::Gone { index: next, first }),
            };
            room = more.iter().fold(room, |room, entry| room.saturating_sub(entry.len()));
            entries.append(&mut more);
        }
        Ok(entries)
    }

    fn source(&self, next: u64, to: u64, room: usize) -> Option<Source> {
        let state = unpoisoned(&self.state);
        let to = to.min(state.bounds.end);
        if next >= to {
            return None;
        }
        if let Some(at) = next.checked_sub(state.tail.first) {
            let mut room = room;
            let (at, many) = (at as usize, (to - next) as usize);
            let entries = state.tail.entries.iter().skip(at).take(many).enumerate();
            let fitting = entries.take_while(|(number, (_, entry))| {
                let fits = *number == 0 || entry.len() <= room;
                room = room.saturating_sub(entry.len());
                fits
            });
            return Some(Source::Memory(fitting.map(|(_, (_, entry))| entry.clone()).collect()));
        }
        let on_disk = next..to.min(state.tail.first);
        let piece = state.index.find(on_disk, PIECE_MAX.min(room as u64));
        let seal = piece.as_ref().and_then(|piece| state.seals.get(&piece.segment)).copied();
        Some(match piece.zip(seal) {
            Some((piece, seal)) => Source::Disk(piece, seal),
            None => Source::Gone { first: state.index.first().unwrap_or(state.tail.first) },
        })
    }

    fn load(&self, piece: &Piece, seal: Seal) -> Result<Vec<Bytes>, ReadError> {
        let path = self.dir.join(segment_name(piece.segment));
        let failed = |source| ReadError::Storage { file: path.clone(), source };
        let begin = u64::from(piece.offsets[0]);
        let file = self.storage.open(&path, Open::Read).map_err(failed)?;
        let bytes = Bytes::from(read_exactly(&*file, begin, piece.end).map_err(failed)?);
        (piece.first..)
            .zip(&piece.offsets)
            .map(|(index, offset)| {
                let offset = u64::from(*offset);
                let found = frame::get(&bytes, begin, seal, offset).and_then(|found| written(found.frame));
                match found {
                    Some(Written::Entry { index: found, bytes: entry }) if found == index => {
                        Ok(bytes.slice_ref(entry))
                    }
                    _ => Err(ReadError::Damaged { file: path.clone(), offset, index }),
                }
            })
            .collect()
    }
}

fn read_exactly(file: &dyn File, begin: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (end - begin) as usize];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], begin + read as u64)? {
            // What is missing is found to be no frame.
            0 => break,
            more => read += more,
        }
    }
    Ok(bytes)
}

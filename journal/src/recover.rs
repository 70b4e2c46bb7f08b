//! Reading a journal back.
//!
//! | what is found | it is |
//! |---|---|
//! | every byte makes sense | clean |
//! | the last segment ends in bytes that are no frame, and no frame of a later group comes after them | a torn tail: the writer was stopped in the middle of a write nobody was answered for; it no longer counts |
//! | anything else | damaged: what was answered may be lost; refused, naming file and offset |
//!
//! Nothing that was written is overwritten or cut: the next segment says where the one before it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libprocess::environment::{Open, Storage, read_all};

use crate::frame::{Format, Frame, Seal};
use crate::scan::{Finish, Scanned, Segment, Visit};
use crate::segment::{End, HEADER, Head, Name, head, segment_name, snapshot_body, snapshot_name};

/// What a journal held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// What everything before `frames` amounts to, as its owner wrote it.
    pub snapshot: Option<Vec<u8>>,
    /// What was written since, in order.
    pub frames: Vec<Frame>,
    /// How it ended.
    pub tail: Tail,
}

/// How a journal ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// With its last frame.
    #[default]
    Clean,
    /// In the middle of a group, which does not count.
    Torn {
        /// The segment.
        file: PathBuf,
        /// Where what counts ends.
        offset: u64,
    },
    /// Something in the middle is not what was written; what is valid around it was kept, because the owner said so.
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the first bad bytes are.
        offset: u64,
    },
}

/// Why a journal cannot be used. Nothing was changed on disk.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("failed to {doing} the journal in {}", .dir.display())]
    Storage {
        /// Where it is.
        dir: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Going on would lose silently what somebody was told is kept.
    #[error("the journal is damaged in {} at byte {offset}: {why}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the first bad bytes are.
        offset: u64,
        /// What is wrong with them.
        why: &'static str,
    },
    /// A later version of the program has written it.
    #[error(
        "{} has format {format}, this version reads up to 2: start the version that wrote it, or one after it",
        .file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its format.
        format: u8,
    },
    /// It belongs to somebody else.
    #[error("{} was written by another owner ({found:x}, not {expected:x}): it was copied here", .file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Whose it is.
        found: u128,
        /// Whose journal this is.
        expected: u128,
    },
}

/// What is read, and how strictly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) owner: u128,
    pub(crate) accept_damage: bool,
    /// Segments are removed from the front as their owner no longer needs them; it knows itself whether one is missing.
    pub(crate) open_front: bool,
}

/// What was read, and where writing goes on.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) snapshot: Option<Vec<u8>>,
    pub(crate) tail: Tail,
    /// The first segment that counts: everything before it is in the snapshot, or no longer needed.
    pub(crate) first: u64,
    /// The segments that count, and how they are spelled.
    pub(crate) seals: BTreeMap<u64, Seal>,
    /// Where the last segment ends.
    pub(crate) end: Option<End>,
    /// Whether it can be written on.
    pub(crate) goes_on: bool,
    /// The number of the next segment to make.
    pub(crate) next: u64,
    /// Files that no longer count.
    pub(crate) stale: Vec<PathBuf>,
    /// Unit: bytes of segments that count.
    pub(crate) size: u64,
}

/// Reads everything; changes nothing.
pub(crate) fn read(
    storage: &Arc<dyn Storage>,
    reading: Reading<'_>,
    visit: &mut Visit<'_>,
) -> Result<Found, OpenError> {
    let Reading { dir, .. } = reading;
    let failed = |source| OpenError::Storage { dir: dir.to_owned(), doing: "read", source };
    let mut found = Found::default();
    let mut damage = Damage { accepted: reading.accept_damage, first: None };
    let mut segments = names(storage, dir, &mut found, &mut damage)?;
    found.next = segments.last().map_or(found.first, |last| last + 1).max(found.first);
    if reading.open_front && found.snapshot.is_none() {
        // Files at the front were removed; not all removals need have become durable.
        let mut first = found.next;
        while first > 0 && segments.contains(&(first - 1)) {
            first -= 1;
        }
        found.first = first;
    }
    let current = segments.split_off(&found.first);
    found.stale.extend(segments.into_iter().map(|number| dir.join(segment_name(number))));

    let mut heads = Vec::with_capacity(current.len());
    for number in &current {
        let path = dir.join(segment_name(*number));
        let file = storage.open(&path, Open::Read).map_err(failed)?;
        let mut bytes = [0; HEADER];
        let read = file.read_at(&mut bytes, 0).map_err(failed)?;
        heads.push((*number, head(&bytes[..read], *number), file.len().map_err(failed)?, path));
    }
    for (_, head, _, path) in &heads {
        match head {
            Head::Newer(format) => return Err(OpenError::Newer { file: path.clone(), format: *format }),
            Head::Known { header: Some(header), .. } if header.owner != reading.owner => {
                let (found, expected) = (header.owner, reading.owner);
                return Err(OpenError::Foreign { file: path.clone(), found, expected });
            }
            _ => {}
        }
    }
    let mut expected = found.first;
    for (at, (number, this, length, path)) in heads.iter().enumerate() {
        if expected < *number {
            damage.met(dir.join(segment_name(expected)), 0, "the file is missing")?;
        }
        expected = number + 1;
        let next = heads.get(at + 1);
        let Head::Known { seal, begin, link, .. } = *this else {
            if next.is_none() && *length <= 32 {
                // Format 1 made segments in place, and synced their headers before anything else was written.
                found.tail = Tail::Torn { file: path.clone(), offset: 0 };
                found.stale.push(path.clone());
                found.next = *number;
                continue;
            }
            damage.met(path.clone(), 0, "the segment's header is not what was written")?;
            continue;
        };
        let end = next.and_then(|(following, head, ..)| match head {
            Head::Known { header: Some(header), .. } if *following == number + 1 => header.previous,
            _ => None,
        });
        let bytes = read_all(&**storage, path).map_err(failed)?;
        let last = next.is_none();
        let accept_damage = reading.accept_damage;
        let segment = Segment { number: *number, bytes: &bytes, seal, begin, link, end, last, accept_damage };
        let Scanned { end, finish } = segment.scan(visit);
        found.seals.insert(*number, seal);
        found.size += end.length;
        found.end = Some(end);
        found.goes_on = last && finish == Finish::Clean && seal.format == Format::PRESENT;
        match finish {
            Finish::Clean => {}
            Finish::Torn => found.tail = Tail::Torn { file: path.clone(), offset: end.length },
            Finish::Damaged { offset, why } => damage.met(path.clone(), offset, why)?,
        }
    }
    if let Some((file, offset)) = damage.first {
        found.tail = Tail::Damaged { file, offset };
        found.goes_on = false;
    }
    Ok(found)
}

/// The segments in a directory; snapshots and what is stale go to `found`.
fn names(
    storage: &Arc<dyn Storage>,
    dir: &Path,
    found: &mut Found,
    damage: &mut Damage,
) -> Result<BTreeSet<u64>, OpenError> {
    let failed = |source| OpenError::Storage { dir: dir.to_owned(), doing: "read", source };
    let (mut segments, mut snapshots) = (BTreeSet::new(), BTreeSet::new());
    for name in storage.list(dir).map_err(failed)? {
        match Name::of(&name) {
            Name::Segment(number) => drop(segments.insert(number)),
            Name::Snapshot(number) => drop(snapshots.insert(number)),
            Name::Unfinished => found.stale.push(dir.join(name)),
            Name::Other => {}
        }
    }
    if let Some(number) = snapshots.pop_last() {
        let path = dir.join(snapshot_name(number));
        let bytes = read_all(&**storage, &path).map_err(failed)?;
        match snapshot_body(&bytes, number) {
            Some(body) => found.snapshot = Some(body.to_vec()),
            // It was renamed into place after it was synced, so it was whole once.
            None => damage.met(path, 0, "the snapshot is not what was written")?,
        }
        found.first = number;
    }
    found.stale.extend(snapshots.into_iter().map(|number| dir.join(snapshot_name(number))));
    Ok(segments)
}

/// Damage that was met, and whether it may be.
struct Damage {
    accepted: bool,
    first: Option<(PathBuf, u64)>,
}

impl Damage {
    fn met(&mut self, file: PathBuf, offset: u64, why: &'static str) -> Result<(), OpenError> {
        if !self.accepted {
            return Err(OpenError::Damaged { file, offset, why });
        }
        self.first.get_or_insert((file, offset));
        Ok(())
    }
}

/// Makes durable what was read, since its owner acts on it, and removes what no longer counts.
pub(crate) fn tidy(storage: &Arc<dyn Storage>, dir: &Path, found: &Found) -> io::Result<()> {
    if let Some(last) = found.seals.keys().next_back() {
        storage.open(&dir.join(segment_name(*last)), Open::Write)?.sync_data()?;
    }
    for path in &found.stale {
        storage.remove(path)?;
    }
    storage.sync_dir(dir)
}

#[cfg(test)]
mod tests;

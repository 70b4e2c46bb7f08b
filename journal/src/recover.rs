//! Reading a journal back.
//!
//! | what is found | it is |
//! |---|---|
//! | every byte makes sense | clean |
//! | the last segment ends in bytes that are no frame, and no frame comes after them | a torn tail: the writer was stopped in the middle of a write nobody was answered for; cut |
//! | anything else | damaged: what was answered may be lost; refused, naming file and offset |

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libprocess::environment::{Open, Storage, read_all};

use crate::frame::{ALIGNED, Frame};
use crate::segment::{HEADER, Name, segment_name, segment_salt, snapshot_body, snapshot_name};

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
    /// In the middle of an append, which was cut off.
    Torn {
        /// The segment.
        file: PathBuf,
        /// Where it was cut.
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

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk refused.
    #[error("failed to read the journal in {dir}")]
    Storage {
        /// Where it is.
        dir: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Going on would lose silently what somebody was told is kept.
    #[error("the journal is damaged in {file} at byte {offset}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the first bad bytes are.
        offset: u64,
    },
}

/// What was read, and where writing goes on.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) recovered: Recovered,
    /// The first segment that counts: everything before it is in the snapshot.
    pub(crate) first: u64,
    /// The last segment, if it can be written on: number, salt, length.
    pub(crate) last: Option<(u64, u64, u64)>,
    /// The number of the next segment to make.
    pub(crate) next: u64,
    /// Files that no longer count.
    pub(crate) stale: Vec<PathBuf>,
    /// Unit: bytes of segments that count.
    pub(crate) size: u64,
}

/// Reads everything; changes nothing.
pub(crate) fn read(storage: &Arc<dyn Storage>, dir: &Path, accept_damage: bool) -> Result<Found, OpenError> {
    let failed = |source| OpenError::Storage { dir: dir.to_owned(), source };
    let mut names = storage.list(dir).map_err(failed)?;
    names.sort();
    let (mut segments, mut snapshots, mut stale) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for name in &names {
        match Name::of(name) {
            Name::Segment(number) => drop(segments.insert(number)),
            Name::Snapshot(number) => drop(snapshots.insert(number)),
            Name::Unfinished => stale.push(dir.join(name)),
            Name::Other => {}
        }
    }

    let mut found = Found {
        recovered: Recovered::default(),
        first: 0,
        last: None,
        next: segments.last().map_or(0, |last| last + 1),
        stale,
        size: 0,
    };
    let mut damage = Damage { accepted: accept_damage, first: None };
    if let Some(number) = snapshots.pop_last() {
        let path = dir.join(snapshot_name(number));
        let bytes = read_all(&**storage, &path).map_err(failed)?;
        match snapshot_body(&bytes, number) {
            Some(body) => found.recovered.snapshot = Some(body.to_vec()),
            // It was renamed into place after it was synced, so it was whole once.
            None => damage.met(path, 0)?,
        }
        found.first = number;
        found.next = found.next.max(number);
    }
    found.stale.extend(snapshots.into_iter().map(|number| dir.join(snapshot_name(number))));
    let current = segments.split_off(&found.first);
    found.stale.extend(segments.into_iter().map(|number| dir.join(segment_name(number))));

    let mut expected = found.first;
    let last = current.last().copied();
    for number in current {
        while expected < number {
            damage.met(dir.join(segment_name(expected)), 0)?;
            expected = number;
        }
        expected += 1;
        let path = dir.join(segment_name(number));
        let bytes = read_all(&**storage, &path).map_err(failed)?;
        read_segment(&mut found, &mut damage, path, number, &bytes, Some(number) == last)?;
    }
    if let Some((file, offset)) = damage.first {
        found.recovered.tail = Tail::Damaged { file, offset };
    }
    Ok(found)
}

/// Damage that was met, and whether it may be.
struct Damage {
    accepted: bool,
    first: Option<(PathBuf, u64)>,
}

impl Damage {
    fn met(&mut self, file: PathBuf, offset: u64) -> Result<(), OpenError> {
        if !self.accepted {
            return Err(OpenError::Damaged { file, offset });
        }
        self.first.get_or_insert((file, offset));
        Ok(())
    }
}

fn read_segment(
    found: &mut Found,
    damage: &mut Damage,
    path: PathBuf,
    number: u64,
    bytes: &[u8],
    last: bool,
) -> Result<(), OpenError> {
    let Some(salt) = segment_salt(bytes, number) else {
        if last && bytes.len() <= HEADER {
            // The header is synced before any frame is written, so nothing was ever in it.
            found.recovered.tail = Tail::Torn { file: path.clone(), offset: 0 };
            found.stale.push(path);
            found.next = number;
            return Ok(());
        }
        return damage.met(path, 0);
    };
    let mut offset = HEADER;
    let mut whole = HEADER;
    let mut open = Vec::new();
    while offset < bytes.len() {
        match Frame::get(bytes, salt, offset) {
            Some((frame, is_last)) => {
                offset += frame.size();
                open.push(frame);
                if is_last {
                    whole = offset;
                    found.recovered.frames.append(&mut open);
                }
            }
            None => {
                let bad = offset;
                let later = next_frame(bytes, salt, offset + ALIGNED);
                if later.is_none() && last {
                    break;
                }
                damage.met(path.clone(), bad as u64)?;
                open.clear();
                match later {
                    Some(later) => {
                        offset = later;
                        whole = later;
                    }
                    None => break,
                }
            }
        }
    }
    // What follows the last whole append was never answered for; but only the end of all can be like that.
    if whole < bytes.len() && damage.first.is_none() {
        if !last {
            return damage.met(path, whole as u64);
        }
        found.recovered.tail = Tail::Torn { file: path, offset: whole as u64 };
    } else if last && damage.first.is_none() {
        found.last = Some((number, salt, whole as u64));
    }
    found.size += whole as u64;
    Ok(())
}

/// Where the next valid frame begins, if there is one: a sign that what is bad before it is no torn tail.
fn next_frame(bytes: &[u8], salt: u64, from: usize) -> Option<usize> {
    (from..bytes.len()).step_by(ALIGNED).find(|at| Frame::get(bytes, salt, *at).is_some())
}

/// Makes the directory what reading it said it is: the torn end cut, stale files gone. All of it is durable before
/// anything new is written, so that cut bytes never come back behind a newer segment.
pub(crate) fn tidy(storage: &Arc<dyn Storage>, dir: &Path, found: &Found) -> io::Result<()> {
    if let Tail::Torn { file, offset } = &found.recovered.tail
        && *offset > 0
    {
        let mut torn = storage.open(file, Open::Write)?;
        torn.set_len(*offset)?;
        torn.sync_data()?;
    }
    for path in &found.stale {
        storage.remove(path)?;
    }
    storage.sync_dir(dir)
}

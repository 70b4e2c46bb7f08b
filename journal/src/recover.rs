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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Disk, frame, texts};

    const FIRST: &str = "0000000000000000.log";

    /// A journal of appends, each flushed; a small segment size makes it several files.
    fn written(appends: &[Vec<&str>], segment_bytes: u64) -> Disk {
        let disk = Disk::default();
        let (mut writer, _) = disk.open_with(|config| config.segment_bytes = segment_bytes).unwrap();
        for append in appends {
            writer.put(&append.iter().map(|text| frame(text)).collect::<Vec<_>>());
            writer.flush().unwrap();
        }
        disk
    }

    fn read_texts(disk: &Disk) -> Result<(Vec<String>, Tail), OpenError> {
        let (_, recovered) = disk.open_journal()?;
        Ok((texts(&recovered.frames), recovered.tail))
    }

    #[test]
    fn everything_that_was_flushed_is_found_in_order() {
        let disk = written(&[vec!["a", "b"], vec![""], vec!["c"]], 1 << 20);
        assert_eq!(
            read_texts(&disk.crash(0)).unwrap(),
            (vec!["a".into(), "b".into(), String::new(), "c".into()], Tail::Clean)
        );
        let many = written(&[vec!["a"], vec!["b"], vec!["c"]], 1);
        assert_eq!(many.names().len(), 4);
        assert_eq!(read_texts(&many.crash(0)).unwrap().0, ["a", "b", "c"]);
    }

    #[test]
    fn a_journal_cut_anywhere_holds_whole_appends_only_and_can_be_written_on() {
        let appends =
            [vec!["first"], vec!["second", "third"], vec!["fourth, which is longer than the others"]];
        let disk = written(&appends, 1 << 20);
        let bytes = disk.bytes(FIRST);
        let wholes = [vec![], vec!["first"], vec!["first", "second", "third"], appends.concat()];
        for cut in 0..bytes.len() {
            let torn = disk.with(FIRST, &bytes[..cut]);
            let (mut writer, recovered) = torn.open_journal().unwrap();
            let found = texts(&recovered.frames);
            assert!(wholes.iter().any(|whole| *whole == found), "cut at {cut}: {found:?}");

            writer.put(&[frame("later")]);
            writer.flush().unwrap();
            let (again, tail) = read_texts(&torn.crash(0)).unwrap();
            assert_eq!(again, [found, vec!["later".to_owned()]].concat(), "cut at {cut}");
            assert_eq!(tail, Tail::Clean, "cut at {cut}");
        }
    }

    #[test]
    fn a_byte_changed_anywhere_is_never_taken_for_something_else() {
        let appends = [vec!["first"], vec!["second", "third"], vec!["fourth"]];
        let disk = written(&appends, 1 << 20);
        let bytes = disk.bytes(FIRST);
        let all = appends.concat();
        for at in 0..bytes.len() {
            for bit in [0x01, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                match read_texts(&disk.with(FIRST, &changed)) {
                    // Only the last append may go, since a torn write looks the same.
                    Ok((found, tail)) => {
                        assert_eq!(found, all[..3], "changed at {at}");
                        assert!(matches!(tail, Tail::Torn { .. }), "changed at {at}");
                    }
                    Err(OpenError::Damaged { file, offset }) => {
                        assert!(
                            file.ends_with(FIRST) && offset <= at as u64,
                            "changed at {at}, found at {offset}"
                        );
                    }
                    Err(other) => panic!("changed at {at}: {other}"),
                }
            }
        }
    }

    #[test]
    fn a_torn_end_is_only_forgiven_in_the_last_segment() {
        let disk = written(&[vec!["a"], vec!["b"]], 1);
        let bytes = disk.bytes(FIRST);
        let damaged = disk.with(FIRST, &bytes[..bytes.len() - 1]);
        assert!(matches!(read_texts(&damaged), Err(OpenError::Damaged { .. })));
    }

    #[test]
    fn a_missing_segment_is_damage() {
        let disk = written(&[vec!["a"], vec!["b"], vec!["c"]], 1);
        disk.storage().remove(Path::new("/j/0000000000000001.log")).unwrap();
        let Err(OpenError::Damaged { file, .. }) = read_texts(&disk) else { panic!("it was read") };
        assert!(file.ends_with("0000000000000001.log"));
    }

    #[test]
    fn damage_that_is_accepted_costs_what_is_damaged_and_no_more() {
        let disk = written(&[vec!["first"], vec!["second"], vec!["third"]], 1 << 20);
        let mut bytes = disk.bytes(FIRST);
        let at = bytes.windows(6).position(|window| window == b"second").unwrap();
        bytes[at] = b'S';
        let damaged = disk.with(FIRST, &bytes);
        assert!(damaged.open_journal().is_err());

        let (mut writer, recovered) = damaged.open_with(|config| config.accept_damage = true).unwrap();
        assert_eq!(texts(&recovered.frames), ["first", "third"]);
        assert!(matches!(recovered.tail, Tail::Damaged { .. }));

        // The owner writes down what it makes of that; the damage is gone with the segment.
        writer.compact(b"first, third").unwrap();
        let (_, recovered) = damaged.open_journal().unwrap();
        assert_eq!(recovered.snapshot.as_deref(), Some(&b"first, third"[..]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_journal_panic(junk in prop::collection::vec(any::<u8>(), 0..300), whole_header in any::<bool>()) {
            let disk = written(&[], 1 << 20);
            let mut bytes = if whole_header { disk.bytes(FIRST) } else { Vec::new() };
            bytes.extend(junk);
            let _ = read_texts(&disk.with(FIRST, &bytes));
            let _ = disk.with(FIRST, &bytes).open_with(|config| config.accept_damage = true);
        }

        #[test]
        fn what_was_flushed_survives_a_crash_and_what_was_not_is_whole_or_absent(
            groups in prop::collection::vec(prop::collection::vec("[a-z]{0,20}", 1..4), 1..8),
            kept in 0..200usize,
            segment_bytes in 1..400u64,
        ) {
            let disk = Disk::default();
            let (mut writer, _) = disk.open_with(|config| config.segment_bytes = segment_bytes).unwrap();
            let (last, earlier) = groups.split_last().unwrap();
            for group in earlier {
                writer.put(&group.iter().map(|text| frame(text)).collect::<Vec<_>>());
                writer.flush().unwrap();
            }
            // The last is written and the power goes before the flush.
            disk.fail_from(1);
            writer.put(&last.iter().map(|text| frame(text)).collect::<Vec<_>>());
            prop_assert!(writer.flush().is_err());
            prop_assert!(writer.flush().is_err());

            let (found, _) = read_texts(&disk.crash(kept)).unwrap();
            let kept_all = earlier.concat();
            prop_assert!(found == kept_all || found == groups.concat(), "{found:?}");
        }
    }
}

//! Writing, one step at a time: groups, segments, snapshots.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libprocess::environment::{File, Open, Storage};

use crate::frame::{BODY_MAX, Frame};
use crate::recover::{Found, OpenError, Recovered, read, tidy};
use crate::segment::{HEADER, segment_header, segment_name, snapshot_bytes, snapshot_name};

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is; a directory of its own.
    pub dir: PathBuf,
    /// A segment that has grown beyond this is followed by the next. Unit: bytes.
    pub segment_bytes: u64,
    /// How much may wait to be written. Unit: bytes.
    pub pending_bytes: usize,
    /// Read around damage instead of refusing. The owner compacts at once, or the damage is met again.
    pub accept_damage: bool,
    /// What the salts of new segments begin with: anything that differs from start to start.
    pub salt: u64,
}

impl Config {
    /// The usual, in `dir`.
    pub fn new(dir: impl Into<PathBuf>, salt: u64) -> Self {
        Self { dir: dir.into(), segment_bytes: 16 << 20, pending_bytes: 64 << 20, accept_damage: false, salt }
    }
}

/// Why nothing is written any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to write the journal: {message}")]
pub struct JournalError {
    /// The first error of the disk.
    pub message: Arc<str>,
}

impl JournalError {
    pub(crate) fn of(error: &io::Error) -> Self {
        Self { message: error.to_string().into() }
    }
}

/// The one who writes. Whatever fails once, fails from then on.
pub struct Writer {
    storage: Arc<dyn Storage>,
    config: Config,
    segment: Segment,
    /// The number of the next segment.
    next: u64,
    /// The first segment the last snapshot does not cover.
    first: u64,
    /// Frames put and not yet written, as they will be in the current segment.
    group: Vec<u8>,
    /// Unit: bytes of segments since the last snapshot.
    size: u64,
    failed: Option<JournalError>,
}

struct Segment {
    file: Box<dyn File>,
    salt: u64,
    length: u64,
}

impl Writer {
    /// Opens the journal in `config.dir`, making it if it is missing.
    ///
    /// Errors: the disk refuses, or the journal is damaged and `accept_damage` is not set.
    pub fn open(storage: Arc<dyn Storage>, config: Config) -> Result<(Self, Recovered), OpenError> {
        let failed = |source| OpenError::Storage { dir: config.dir.clone(), source };
        storage.create_dir(&config.dir).map_err(failed)?;
        let found = read(&storage, &config.dir, config.accept_damage)?;
        tidy(&storage, &config.dir, &found).map_err(failed)?;
        let Found { recovered, first, last, next, size, .. } = found;
        let (segment, next) = match last {
            Some((number, salt, length)) => {
                let file =
                    storage.open(&config.dir.join(segment_name(number)), Open::Write).map_err(failed)?;
                (Segment { file, salt, length }, next)
            }
            None => (Segment::make(&*storage, &config, next).map_err(failed)?, next + 1),
        };
        let writer = Self { storage, config, segment, next, first, group: Vec::new(), size, failed: None };
        Ok((writer, recovered))
    }

    /// Puts frames into the next group. They are found whole or not at all.
    ///
    /// # Panics
    /// If a body is longer than [`BODY_MAX`]: its writer promised not to.
    pub fn put(&mut self, frames: &[Frame]) {
        for (index, frame) in frames.iter().enumerate() {
            assert!(frame.body.len() <= BODY_MAX, "a frame of kind {} is too long", frame.kind);
            let offset = self.segment.length + self.group.len() as u64;
            frame.put(&mut self.group, self.segment.salt, offset, index + 1 == frames.len());
        }
    }

    /// Writes the group: one write, one flush. After it returns, everything put is kept.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.guarded(Self::write_group)
    }

    /// Replaces all that was put so far by `snapshot`, which stands for it.
    pub fn compact(&mut self, snapshot: &[u8]) -> Result<(), JournalError> {
        self.guarded(|writer| {
            // Not needed for the snapshot, but for whoever waits for what is in the group.
            writer.write_group()?;
            let number = writer.next;
            writer.roll()?;
            writer.write_snapshot(number, snapshot)?;
            writer.remove_before(number)
        })
    }

    /// How much was written since the last snapshot: a reason to make one. Unit: bytes.
    pub fn size(&self) -> u64 {
        self.size + self.group.len() as u64
    }

    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), JournalError> {
        if let Some(error) = &self.failed {
            self.group.clear();
            return Err(error.clone());
        }
        step(self).map_err(|error| {
            let error = JournalError::of(&error);
            self.failed = Some(error.clone());
            error
        })
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.group.is_empty() {
            return Ok(());
        }
        self.segment.file.write_at(&self.group, self.segment.length)?;
        self.segment.file.sync_data()?;
        self.segment.length += self.group.len() as u64;
        self.size += self.group.len() as u64;
        self.group.clear();
        if self.segment.length > self.config.segment_bytes {
            self.roll()?;
        }
        Ok(())
    }

    fn roll(&mut self) -> io::Result<()> {
        self.segment = Segment::make(&*self.storage, &self.config, self.next)?;
        self.next += 1;
        Ok(())
    }

    fn write_snapshot(&mut self, number: u64, body: &[u8]) -> io::Result<()> {
        let dir = &self.config.dir;
        let new = dir.join(format!("{number:016x}.new"));
        let mut file = self.storage.open(&new, Open::Create)?;
        file.set_len(0)?;
        file.write_at(&snapshot_bytes(number, body), 0)?;
        file.sync_data()?;
        drop(file);
        self.storage.rename(&new, &dir.join(snapshot_name(number)))?;
        self.storage.sync_dir(dir)
    }

    /// Removes what the snapshot `number` stands for.
    fn remove_before(&mut self, number: u64) -> io::Result<()> {
        let dir = &self.config.dir;
        for covered in self.first..number {
            let path = dir.join(segment_name(covered));
            if self.storage.exists(&path) {
                self.storage.remove(&path)?;
            }
        }
        let older = dir.join(snapshot_name(self.first));
        if self.first < number && self.storage.exists(&older) {
            self.storage.remove(&older)?;
        }
        self.first = number;
        self.size = 0;
        self.storage.sync_dir(dir)
    }
}

impl Segment {
    /// A new segment, durable before anything is written to it.
    fn make(storage: &dyn Storage, config: &Config, number: u64) -> io::Result<Self> {
        let dir: &Path = &config.dir;
        // Differs from that of any file that had this number before.
        let salt = config.salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
        let mut file = storage.open(&dir.join(segment_name(number)), Open::Create)?;
        file.set_len(0)?;
        file.write_at(&segment_header(number, salt), 0)?;
        file.sync_data()?;
        storage.sync_dir(dir)?;
        Ok(Self { file, salt, length: HEADER as u64 })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Disk, frame, texts};

    #[test]
    fn a_group_costs_one_flush() {
        let disk = Disk::default();
        let (mut writer, _) = disk.open_journal().unwrap();
        let before = disk.syncs();
        for _ in 0..100 {
            writer.put(&[frame("a"), frame("b")]);
        }
        writer.flush().unwrap();
        writer.flush().unwrap();
        assert_eq!(disk.syncs() - before, 1);
    }

    #[test]
    fn a_snapshot_stands_for_all_before_it_and_frames_follow_it() {
        let disk = Disk::default();
        let (mut writer, _) = disk.open_with(|config| config.segment_bytes = 1).unwrap();
        for text in ["a", "b", "c"] {
            writer.put(&[frame(text)]);
            writer.flush().unwrap();
        }
        writer.put(&[frame("in the group")]);
        writer.compact(b"abc and the group").unwrap();
        assert_eq!(writer.size(), 0);
        writer.put(&[frame("d")]);
        writer.flush().unwrap();

        let (_, recovered) = disk.crash(0).open_journal().unwrap();
        assert_eq!(recovered.snapshot.as_deref(), Some(&b"abc and the group"[..]));
        assert_eq!(texts(&recovered.frames), ["d"]);
        assert_eq!(disk.names().iter().filter(|name| name.ends_with(".snap")).count(), 1);
    }

    #[test]
    fn a_crash_at_any_step_of_a_compaction_loses_nothing() {
        for step in 0..20 {
            let disk = Disk::default();
            let (mut writer, _) = disk.open_journal().unwrap();
            writer.put(&[frame("a"), frame("b")]);
            writer.flush().unwrap();
            writer.compact(b"ab").unwrap();
            writer.put(&[frame("c")]);
            writer.flush().unwrap();
            disk.fail_from(step);
            let compacted = writer.compact(b"abc");

            let (_, recovered) =
                disk.crash(0).open_journal().unwrap_or_else(|error| panic!("step {step}: {error}"));
            let found = (recovered.snapshot.as_deref(), texts(&recovered.frames));
            let before = (Some(&b"ab"[..]), vec!["c".to_owned()]);
            let after = (Some(&b"abc"[..]), vec![]);
            assert!(found == before || found == after, "step {step}: {found:?}");
            assert!(compacted.is_err() || found == after, "step {step}: it was answered");
        }
    }

    #[test]
    fn a_crash_while_a_segment_begins_loses_nothing() {
        for step in 0..12 {
            let disk = Disk::default();
            let (mut writer, _) = disk.open_with(|config| config.segment_bytes = 1).unwrap();
            writer.put(&[frame("a")]);
            writer.flush().unwrap();
            disk.fail_from(step);
            writer.put(&[frame("b")]);
            let answered = writer.flush().is_ok();
            let (_, recovered) =
                disk.crash(0).open_journal().unwrap_or_else(|error| panic!("step {step}: {error}"));
            let found = texts(&recovered.frames);
            assert!(found == ["a", "b"] || (!answered && found == ["a"]), "step {step}: {found:?}");
        }
    }
}

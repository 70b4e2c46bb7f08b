//! Writing, one step at a time: groups, segments, snapshots.

use std::io;
use std::sync::Arc;

use libprocess::environment::{File, Open, Storage};

use crate::config::{Config, JournalError};
use crate::frame::{self, BODY_MAX, Frame, Place, Seal};
use crate::lane::Lane;
use crate::recover::{Found, OpenError, Reading, Recovered, Tail, read, tidy};
use crate::scan::Visit;
use crate::segment::{End, HEADER, Header, segment_name, snapshot_bytes, snapshot_name};
use crate::spare::Spares;

/// The one who writes. Whatever fails once, fails from then on.
pub struct Writer {
    storage: Arc<dyn Storage>,
    config: Config,
    segment: Segment,
    /// The number of the next segment.
    next: u64,
    /// The first segment that is still needed.
    first: u64,
    /// Frames put and not yet written, as they will be in the current segment.
    group: Vec<u8>,
    /// Where in it the last frame begins.
    last: usize,
    /// Unit: bytes of segments since the last snapshot.
    size: u64,
    failed: Option<JournalError>,
    spares: Option<Spares>,
}

struct Segment {
    number: u64,
    file: Box<dyn File>,
    salt: u64,
    end: End,
}

/// A journal that was read and is not yet written to.
pub(crate) struct Opening {
    storage: Arc<dyn Storage>,
    config: Config,
    pub(crate) found: Found,
}

impl Opening {
    /// Reads the journal in `config.dir`. If segments are removed from its front, its owner checks that none is missing.
    pub(crate) fn read(
        storage: Arc<dyn Storage>,
        config: Config,
        open_front: bool,
        visit: &mut Visit<'_>,
    ) -> Result<Self, OpenError> {
        if !storage.exists(&config.dir) {
            let doing = "make";
            let failed = |source| OpenError::Storage { dir: config.dir.clone(), doing, source };
            storage.create_dir(&config.dir).map_err(failed)?;
        }
        let Config { dir, owner, accept_damage, .. } = &config;
        let reading = Reading { dir, owner: *owner, accept_damage: *accept_damage, open_front };
        let found = read(&storage, reading, visit)?;
        Ok(Self { storage, config, found })
    }

    /// Makes what was read durable and goes on after it. A segment that begins repeats `carry`.
    pub(crate) fn write(self, lane: &Lane, carry: &[Frame]) -> Result<Writer, OpenError> {
        let dir = self.config.dir.clone();
        self.begin(lane, carry).map_err(|source| OpenError::Storage { dir, doing: "write to", source })
    }

    fn begin(self, lane: &Lane, carry: &[Frame]) -> io::Result<Writer> {
        let Self { storage, config, found } = self;
        tidy(&storage, &config.dir, &found)?;
        let mut spares = config.prepare.then(|| {
            Spares::new(lane.clone(), storage.clone(), &config.dir, config.segment_bytes, config.salt)
        });
        let last = found.seals.last_key_value().zip(found.end).filter(|_| found.goes_on);
        let (segment, next, size) = match last {
            Some(((number, seal), end)) => {
                let file = storage.open(&config.dir.join(segment_name(*number)), Open::Write)?;
                let segment = Segment { number: *number, file, salt: seal.salt, end };
                (segment, found.next, found.size)
            }
            None => {
                // What was damaged and is to be read around has no end anybody could name.
                let end = found.end.filter(|_| !matches!(found.tail, Tail::Damaged { .. }));
                let segment = Segment::make(&storage, &config, found.next, end, &mut spares, carry)?;
                let size = found.size + segment.end.length;
                (segment, found.next + 1, size)
            }
        };
        Ok(Writer {
            storage,
            config,
            segment,
            next,
            first: found.first,
            group: Vec::new(),
            last: 0,
            size,
            failed: None,
            spares,
        })
    }
}

impl Writer {
    /// Opens the journal in `config.dir`, making it if it is missing.
    ///
    /// Errors: the disk refuses, the journal is not this owner's or a later version's, or it is damaged and
    /// `accept_damage` is not set.
    pub fn open(storage: Arc<dyn Storage>, config: Config) -> Result<(Self, Recovered), OpenError> {
        let mut frames = Vec::new();
        let mut opening = Opening::read(storage, config, false, &mut |_, frame| {
            frames.push(frame.to_frame());
            Ok(())
        })?;
        let (snapshot, tail) = (opening.found.snapshot.take(), opening.found.tail.clone());
        let writer = opening.write(&Lane::inline(), &[])?;
        Ok((writer, Recovered { snapshot, frames, tail }))
    }

    /// Puts frames into the next group. A group is found whole or not at all.
    ///
    /// # Panics
    /// If a body is longer than [`BODY_MAX`]: its writer promised not to.
    pub fn put(&mut self, frames: &[Frame]) {
        for frame in frames {
            self.put_parts([frame.kind, frame.version], [&frame.body, &[]]);
        }
    }

    /// Puts one frame, whose body is all of `parts`, into the next group; says where it will be.
    pub(crate) fn put_parts(&mut self, meaning: [u8; 2], parts: [&[u8]; 2]) -> Place {
        assert!(parts[0].len() + parts[1].len() <= BODY_MAX, "a frame of kind {} is too long", meaning[0]);
        self.last = self.group.len();
        let Segment { number, salt, end, .. } = self.segment;
        let offset = end.length + self.group.len() as u64;
        frame::put(&mut self.group, salt, offset, end.link, meaning, parts);
        Place { segment: number, offset }
    }

    /// Writes the group: one write, one flush. After it returns, everything put is kept.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.flush_carrying(&mut Vec::new)
    }

    /// The same; a segment that begins thereafter repeats what `carry` says.
    pub(crate) fn flush_carrying(
        &mut self,
        carry: &mut dyn FnMut() -> Vec<Frame>,
    ) -> Result<(), JournalError> {
        self.guarded(|writer| {
            writer.write_group()?;
            let (length, limit) = (writer.segment.end.length, writer.config.segment_bytes);
            if length > limit {
                writer.roll(&carry())?;
            } else if length > limit / 2
                && let Some(spares) = &mut writer.spares
            {
                // Not before, so that a small journal stays small.
                spares.ask();
            }
            Ok(())
        })
    }

    /// Replaces all that was put so far by `snapshot`, which stands for it.
    pub fn compact(&mut self, snapshot: &[u8]) -> Result<(), JournalError> {
        self.guarded(|writer| {
            // Not needed for the snapshot, but for whoever waits for what is in the group.
            writer.write_group()?;
            let number = writer.next;
            writer.roll(&[])?;
            writer.write_snapshot(number, snapshot)?;
            writer.forget_before(number)?;
            writer.size = 0;
            Ok(())
        })
    }

    /// Removes the segments before `number`: nothing in them is needed any more.
    pub(crate) fn remove_before(&mut self, number: u64) -> Result<(), JournalError> {
        self.guarded(|writer| if writer.first < number { writer.forget_before(number) } else { Ok(()) })
    }

    /// How much was written since the last snapshot: a reason to make one. Unit: bytes.
    pub fn size(&self) -> u64 {
        self.size + self.group.len() as u64
    }

    /// The first segment that is still there, and the present one with its seal.
    pub(crate) fn segments(&self) -> (u64, u64, Seal) {
        let Segment { number, salt, .. } = self.segment;
        (self.first, number, Seal { format: frame::Format::PRESENT, salt })
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
        let Segment { file, salt, end, .. } = &mut self.segment;
        let link = frame::close(&mut self.group, self.last, *salt, end.length + self.last as u64);
        file.write_at(&self.group, end.length)?;
        file.sync_data()?;
        *end = End { length: end.length + self.group.len() as u64, link };
        self.size += self.group.len() as u64;
        // The room for the next group follows the size of groups: a journal that has become quiet holds little.
        let room = (self.group.capacity() / 2).max(self.group.len());
        self.group.clear();
        self.group.shrink_to(room);
        Ok(())
    }

    fn roll(&mut self, carry: &[Frame]) -> io::Result<()> {
        let end = Some(self.segment.end);
        self.segment = Segment::make(&self.storage, &self.config, self.next, end, &mut self.spares, carry)?;
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

    fn forget_before(&mut self, number: u64) -> io::Result<()> {
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
        self.storage.sync_dir(dir)
    }
}

impl Segment {
    /// A new segment, which has its name only once it is durable as far as it is written here.
    fn make(
        storage: &Arc<dyn Storage>,
        config: &Config,
        number: u64,
        previous: Option<End>,
        spares: &mut Option<Spares>,
        carry: &[Frame],
    ) -> io::Result<Self> {
        // Differs from that of any file that had this number before.
        let salt = config.salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
        let header = Header { number, salt, owner: config.owner, previous };
        let mut bytes = header.bytes().to_vec();
        let mut end = End { length: HEADER as u64, link: header.link() };
        let mut last = bytes.len();
        for frame in carry {
            last = bytes.len();
            let meaning = [frame.kind, frame.version];
            frame::put(&mut bytes, salt, last as u64, end.link, meaning, [&frame.body, &[]]);
        }
        if !carry.is_empty() {
            end = End { length: bytes.len() as u64, link: frame::close(&mut bytes, last, salt, last as u64) };
        }

        let (new, mut file) = match spares.as_mut().and_then(Spares::take) {
            Some(path) => {
                let file = storage.open(&path, Open::Write)?;
                (path, file)
            }
            None => {
                let path = config.dir.join(format!("{number:016x}.new"));
                let mut file = storage.open(&path, Open::Create)?;
                file.set_len(0)?;
                (path, file)
            }
        };
        file.write_at(&bytes, 0)?;
        file.sync_data()?;
        storage.rename(&new, &config.dir.join(segment_name(number)))?;
        storage.sync_dir(&config.dir)?;
        Ok(Self { number, file, salt, end })
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

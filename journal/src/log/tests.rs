//! A log against a plain vector: by script with a crash after every operation of the disk, and by chance.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use proptest::prelude::*;

use super::{Change, Log};
use crate::testing::{Disk, Loss, mixed};
use crate::{Config, Lane, OpenError, ReadError, Tail};

/// What a log should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    begin: u64,
    end: u64,
    entries: BTreeMap<u64, Bytes>,
    cells: BTreeMap<u8, Bytes>,
}

impl Model {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Append { first, entries } => {
                self.entries.extend((*first..).zip(entries.iter().cloned()));
                self.end += entries.len() as u64;
            }
            Change::Set { cell, value } => drop(self.cells.insert(*cell, value.clone())),
            Change::Truncate { end } => {
                self.end = self.end.min((*end).max(self.begin));
                self.entries.split_off(&self.end);
            }
            Change::Purge { begin } => {
                self.begin = self.begin.max(*begin);
                self.end = self.end.max(self.begin);
                self.entries = self.entries.split_off(&self.begin);
            }
            Change::Retain { .. } => {}
        }
    }

    fn after(&self, changes: &[Change]) -> Self {
        let mut after = self.clone();
        changes.iter().for_each(|change| after.apply(change));
        after
    }

    /// What a log is.
    fn of(log: &Log, cells: impl Iterator<Item = u8>) -> Result<Self, ReadError> {
        let bounds = log.bounds();
        let mut entries = BTreeMap::new();
        while let next = bounds.begin + entries.len() as u64
            && next < bounds.end
        {
            // In pieces of several entries, which go over the ends of segments.
            let read = log.read(next, bounds.end, 200)?;
            assert!(!read.is_empty());
            entries.extend((next..).zip(read));
        }
        let cells = cells.filter_map(|cell| Some((cell, log.cell(cell)?))).collect();
        Ok(Self { begin: bounds.begin, end: bounds.end, entries, cells })
    }
}

fn open(disk: &Disk, salt: u64) -> Result<(Log, Tail), OpenError> {
    // Several segments, with spares that are too short and too long.
    let config = Config { segment_bytes: 700, prepare: true, owner: 5, ..Config::new("/j", salt) };
    Log::open(disk.storage(), config, Lane::inline(), 300)
}

/// Says whether it was answered as kept.
fn change(log: &Log, changes: Vec<Change>) -> bool {
    let kept = Arc::new(Mutex::new(None));
    let told = kept.clone();
    let done = move |result: Result<(), _>| *told.lock().unwrap() = Some(result.is_ok());
    log.change(changes, Box::new(done)).unwrap();
    let kept = kept.lock().unwrap().take();
    kept.expect("a log without a thread answers at once")
}

fn entry(index: u64, length: usize) -> Bytes {
    Bytes::from(mixed(index * 31 + length as u64).to_le_bytes().repeat(length.div_ceil(8))[..length].to_vec())
}

fn append(first: u64, lengths: &[usize]) -> Change {
    Change::Append {
        first,
        entries: (first..).zip(lengths).map(|(index, length)| entry(index, *length)).collect(),
    }
}

fn set(cell: u8, text: &str) -> Change {
    Change::Set { cell, value: Bytes::copy_from_slice(text.as_bytes()) }
}

/// What a replica does in its life, in forty requests.
fn script() -> Vec<Vec<Change>> {
    let (truncate, purge) = (|end| Change::Truncate { end }, |begin| Change::Purge { begin });
    let mut script = vec![
        vec![set(0, "vote 1")],
        vec![append(0, &[10])],
        vec![append(1, &[40, 0, 100])],
        vec![set(1, "committed 2"), append(4, &[64])],
        vec![set(0, "vote 2"), truncate(3), append(3, &[30, 31])],
        vec![append(5, &[500])],
        vec![append(6, &[8; 12])],
        vec![truncate(9), append(9, &[20])],
        vec![set(1, "committed 9")],
        vec![append(10, &[900])],
        vec![purge(4)],
        vec![append(11, &[50; 8])],
        vec![truncate(11)],
        vec![append(11, &[51; 4])],
        vec![purge(12), set(2, "purged 11")],
        vec![append(15, &[1, 2, 3])],
        vec![set(0, "vote 3")],
        vec![purge(40), set(2, "purged 39")],
        vec![append(40, &[300, 300])],
        vec![append(42, &[300, 300])],
        vec![Change::Retain { from: 40 }],
        vec![purge(43)],
        vec![append(44, &[600])],
        vec![Change::Retain { from: 44 }],
        vec![truncate(43), append(43, &[9])],
        vec![set(0, "vote 4"), set(1, "committed 43")],
    ];
    for number in 0..14 {
        let first = 44 + number * 2;
        script
            .push(vec![append(first, &[70 + number as usize, 90]), set(0, &format!("vote {}", 5 + number))]);
    }
    script
}

/// What is found after a crash is what was answered, or that and the request that was on its way.
fn check(disk: &Disk, answered: &Model, asked: &Model, salt: u64, what: &dyn std::fmt::Debug) {
    let (log, _) = open(disk, salt).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    let found = Model::of(&log, 0..3).unwrap_or_else(|error| panic!("{what:?}: {error}"));
    assert!(found == *answered || found == *asked, "{what:?}:\nfound {found:?}\nafter {answered:?}");
    // What its owner has seen now, no later loss takes back.
    drop(log);
    let later = disk.after(Loss::Everything, false);
    let (log, tail) = open(&later, salt + 1).unwrap_or_else(|error| panic!("{what:?}, again: {error}"));
    assert_eq!(tail, Tail::Clean, "{what:?}");
    assert_eq!(Model::of(&log, 0..3).unwrap(), found, "{what:?}, again");
    // And it goes on from there.
    let more = vec![append(found.end, &[5, 6]), set(2, "more")];
    assert!(change(&log, more.clone()));
    drop(log);
    let (log, _) = open(&later.after(Loss::Everything, false), salt + 2).unwrap();
    assert_eq!(Model::of(&log, 0..3).unwrap(), found.after(&more), "{what:?}, and more");
}

/// Every loss that is tried where so many bytes are not synced.
fn losses(unsynced: usize, many: usize) -> Vec<Loss> {
    let mut losses = vec![Loss::Process, Loss::Nothing, Loss::Everything];
    let step = (unsynced / many).max(1);
    for kept in (0..unsynced).step_by(step) {
        losses.extend([Loss::AllButFirst(kept), Loss::Zeros(kept), Loss::Stale(kept)]);
    }
    let many = if unsynced > 0 { many } else { 0 };
    for seed in 0..many {
        let seed = mixed((seed + unsynced) as u64);
        losses.extend([Loss::Sectors(seed), Loss::Flip(seed as usize)]);
    }
    losses
}

/// How many losses of each kind; more by night.
fn thoroughness() -> usize {
    std::env::var("HECTARE_JOURNAL_LOSSES").ok().and_then(|many| many.parse().ok()).unwrap_or(4)
}

#[test]
fn after_a_crash_at_any_operation_everything_answered_is_there_and_nothing_else() {
    let many = thoroughness();
    let tried = AtomicUsize::new(0);
    let attempt = |crash: usize| {
        let disk = Disk::default();
        disk.fail_from(crash);
        let (mut answered, mut asked) = (Model::default(), Model::default());
        let mut whole = false;
        if let Ok((log, _)) = open(&disk, 1) {
            whole = true;
            for changes in script() {
                asked = answered.after(&changes);
                if !change(&log, changes) {
                    whole = false;
                    break;
                }
                answered = asked.clone();
            }
        }
        for renamed in [false, true] {
            for loss in losses(disk.unsynced(), many) {
                let left = disk.after(loss, renamed);
                check(&left, &answered, &asked, 10, &(crash, loss, renamed));
                tried.fetch_add(1, Ordering::Relaxed);
            }
        }
        whole
    };
    let mut crash = 0;
    while !attempt(crash) {
        crash += 1;
    }
    assert!(crash > 150, "only {crash} operations");
    assert!(tried.into_inner() > crash * 10);
}

#[test]
fn a_crash_while_it_is_opened_after_a_crash_loses_nothing_either() {
    let disk = Disk::default();
    let (log, _) = open(&disk, 1).unwrap();
    let mut model = Model::default();
    for changes in script() {
        model = model.after(&changes);
        assert!(change(&log, changes));
    }
    let last = vec![append(model.end, &[200, 300]), set(0, "vote last")];
    disk.fail_from(1);
    assert!(!change(&log, last.clone()));
    for loss in losses(disk.unsynced(), 8) {
        for crash in 0..10 {
            let left = disk.after(loss, true);
            left.fail_from(crash);
            let _ = open(&left, 10);
            for then in [Loss::Process, Loss::Nothing, Loss::Everything] {
                let asked = model.after(&last);
                check(&left.after(then, true), &model, &asked, 20, &(loss, crash, then));
            }
        }
    }
}

/// A request that could be made of a log with these bounds.
fn request(model: &Model, kind: u8, chance: u64) -> Vec<Change> {
    let lengths: Vec<usize> = (0..1 + chance % 5).map(|at| (mixed(chance + at) % 400) as usize).collect();
    let live = model.end - model.begin;
    match kind {
        0..4 => vec![append(model.end, &lengths)],
        4 => vec![set((chance % 3) as u8, &chance.to_string())],
        5 => vec![Change::Truncate { end: model.begin + chance % (live + 3) }],
        6 => {
            let end = model.begin + chance % (live + 1);
            vec![Change::Truncate { end }, append(end, &lengths), set(0, &chance.to_string())]
        }
        7 => vec![Change::Purge { begin: model.begin + chance % (live + 1) }],
        8 => vec![Change::Purge { begin: model.end + chance % 9 }, set(1, "snapshot")],
        _ => vec![Change::Retain { from: if chance.is_multiple_of(4) { u64::MAX } else { model.begin } }],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48 * thoroughness() as u32))]

    #[test]
    fn a_log_is_what_a_vector_would_be_also_after_crashes(
        steps in prop::collection::vec((0..12u8, any::<u64>()), 1..60),
    ) {
        let mut disk = Disk::default();
        let mut log = open(&disk, 1).unwrap().0;
        let mut model = Model::default();
        let mut retained = BTreeMap::new();
        for (salt, (kind, chance)) in (2..).zip(steps) {
            if kind >= 10 {
                // The power goes, perhaps in the midst of a request.
                let changes = request(&model, 6, chance);
                disk.fail_from((chance % 4) as usize);
                let kept = change(&log, changes.clone());
                let asked = model.after(&changes);
                drop(log);
                let possible = losses(disk.unsynced(), 5);
                let loss = possible[(mixed(chance) % possible.len() as u64) as usize];
                disk = disk.after(loss, chance % 2 == 0);
                log = open(&disk, salt).unwrap().0;
                let found = Model::of(&log, 0..3).unwrap();
                prop_assert!(found == asked || (!kept && found == model), "{:?}", found);
                model = found;
                // Those that are written again are others.
                retained.clear();
                continue;
            }
            let changes = request(&model, kind, chance);
            let before = model.clone();
            model = model.after(&changes);
            prop_assert!(change(&log, changes.clone()));
            prop_assert_eq!(&Model::of(&log, 0..3).unwrap(), &model);
            // What readers have asked for stays, though it was purged.
            match changes[0] {
                Change::Retain { from } if from <= before.begin => retained = before.entries.clone(),
                Change::Retain { .. } => retained.clear(),
                Change::Truncate { end } => drop(retained.split_off(&end)),
                _ => {}
            }
            for (index, entry) in &retained {
                prop_assert_eq!(&log.read(*index, index + 1, 0).unwrap()[0], entry);
            }
        }
    }
}

#[test]
fn files_go_when_nobody_needs_them_and_reading_what_is_gone_says_so() {
    let disk = Disk::default();
    let (log, _) = open(&disk, 1).unwrap();
    for index in 0..40 {
        assert!(change(&log, vec![append(index, &[100])]));
    }
    let segments = || disk.names().iter().filter(|name| name.ends_with(".log")).count();
    let before = segments();
    assert!(change(&log, vec![Change::Retain { from: 0 }, Change::Purge { begin: 38 }]));
    assert_eq!(segments(), before);
    assert_eq!(log.read(3, 4, 0).unwrap(), [entry(3, 100)]);
    assert!(change(&log, vec![Change::Retain { from: u64::MAX }]));
    assert!(segments() <= 2);
    assert!(matches!(log.read(3, 4, 0), Err(ReadError::Gone { index: 3, first }) if first > 3));
    assert_eq!(log.read(39, 99, 0).unwrap(), [entry(39, 100)]);
    assert!(log.read(40, 99, 0).unwrap().is_empty());
    assert_eq!(log.bounds().begin, 38);
}

#[test]
fn a_segment_missing_at_the_front_is_damage() {
    let disk = Disk::default();
    let (log, _) = open(&disk, 1).unwrap();
    for index in 0..40 {
        assert!(change(&log, vec![append(index, &[100])]));
    }
    drop(log);
    disk.storage().remove("/j/0000000000000000.log".as_ref()).unwrap();
    let Err(OpenError::Damaged { file, .. }) = open(&disk, 2) else { panic!("it was opened") };
    assert!(file.ends_with("0000000000000000.log"));
}

#[test]
fn an_entry_that_has_changed_on_disk_is_not_read() {
    let disk = Disk::default();
    let (log, _) = open(&disk, 1).unwrap();
    for index in 0..8 {
        assert!(change(&log, vec![append(index, &[100])]));
    }
    let name = "0000000000000000.log";
    let mut bytes = disk.bytes(name);
    let at = bytes.windows(8).position(|window| window == &entry(1, 100)[..8]).unwrap();
    bytes[at] ^= 4;
    let mut file = disk
        .storage()
        .open("/j/0000000000000000.log".as_ref(), libprocess::environment::Open::Write)
        .unwrap();
    file.write_at(&bytes, 0).unwrap();
    assert_eq!(log.read(0, 1, 0).unwrap(), [entry(0, 100)]);
    assert!(matches!(log.read(1, 2, 0), Err(ReadError::Damaged { index: 1, .. })));
    drop(log);
    assert!(matches!(open(&disk, 2), Err(OpenError::Damaged { .. })));
}

//! The log beside bare writes: what a group of entries costs against `write` + `fdatasync` of as many bytes in one stream,
//! how many bytes an entry takes, and how long a log takes to open.
//!
//! `cargo bench -p journal --bench wal`. Slices of both take turns, so that a disk's moods hit both alike; ratios decide.
//! `HECTARE_BENCH_DIR` says on which disk, `HECTARE_BENCH_SECONDS` for how long each.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use journal::{Change, Config, Lane, Log};
use libprocess::Runtime;
use libprocess::environment::{Open, Storage};

/// Unit: bytes.
const ENTRY: usize = 256;
const SLICE: Duration = Duration::from_millis(250);

/// Time as the runtime counts it.
struct Watch(Runtime);

impl Watch {
    fn time(&self, work: impl FnOnce()) -> Duration {
        let began = self.0.elapsed();
        work();
        self.0.elapsed() - began
    }
}

fn main() {
    let runtime =
        Runtime::start(libprocess::Config { listen: None, ..Default::default() }).expect("a runtime");
    let base = std::env::var_os("HECTARE_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = base.join(format!("journal-bench-{}", std::process::id()));
    let seconds = std::env::var("HECTARE_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let slices = (Duration::from_secs(seconds.unwrap_or(8)).as_millis() / SLICE.as_millis()) as usize;
    println!("{:<34}{:>12}{:>12}{:>8}", "groups of 256 B entries, one stream", "log /s", "raw /s", "ratio");
    for prepare in [true, false] {
        for batch in [1, 16, 256] {
            groups(&runtime, &dir.join(format!("{batch}-{prepare}")), batch, prepare, slices);
        }
    }
    opening(&runtime, &dir.join("opening"));
    runtime.shutdown();
    std::fs::remove_dir_all(&dir).expect("the directory of this bench");
}

fn groups(runtime: &Runtime, dir: &std::path::Path, batch: usize, prepare: bool, slices: usize) {
    let watch = Watch(runtime.clone());
    let storage = runtime.storage().clone();
    let config = Config { segment_bytes: 64 << 20, prepare, ..Config::new(dir.join("log"), 1) };
    let (log, _) =
        Log::open(storage.clone(), config, Lane::of(runtime.environment()), 1 << 20).expect("a log");
    // The second segment is one that was made ready, if any is; it is reached before the measuring begins.
    warm(&log, prepare);
    let mut raw = Raw::new(&storage, dir);
    let entry = Bytes::from(vec![7; ENTRY]);
    let (before, first) = (log.size(), log.bounds().end);
    let (mut logged, mut written) = (Vec::new(), Vec::new());
    for _ in 0..slices {
        logged.push(rate(&watch, || append(&log, vec![entry.clone(); batch])));
        written.push(rate(&watch, || raw.write(batch * ENTRY)));
    }
    let bytes = (log.size() - before) as f64 / (log.bounds().end - first) as f64;
    let mut ratios: Vec<f64> = logged.iter().zip(&written).map(|(log, raw)| log / raw).collect();
    let name = format!("{batch}{}", if prepare { ", segments made ready" } else { "" });
    let (log, raw, ratio) = (median(&mut logged), median(&mut written), median(&mut ratios));
    println!("{name:<34}{log:>12.0}{raw:>12.0}{ratio:>8.2}   {bytes:.0} bytes an entry");
}

fn warm(log: &Log, prepare: bool) {
    if !prepare {
        return;
    }
    for number in 0..17 {
        append(log, vec![Bytes::from(vec![7; 4 << 20])]);
        if number == 8 {
            // The segment is half full: its successor is being made.
            std::thread::sleep(Duration::from_secs(4));
        }
    }
}

fn append(log: &Log, entries: Vec<Bytes>) {
    let (tell, told) = mpsc::channel();
    let first = log.bounds().end;
    let done = move |result: Result<(), _>| tell.send(result.is_ok()).expect("somebody waits");
    log.change(vec![Change::Append { first, entries }], Box::new(done)).expect("room");
    assert!(told.recv().expect("an answer"));
}

/// A file that is appended to and flushed, and nothing else.
struct Raw {
    file: Box<dyn libprocess::environment::File>,
    end: u64,
}

impl Raw {
    fn new(storage: &Arc<dyn Storage>, dir: &std::path::Path) -> Raw {
        Raw { file: storage.open(&dir.join("raw"), Open::Create).expect("a file"), end: 0 }
    }

    fn write(&mut self, bytes: usize) {
        self.file.write_at(&vec![7; bytes], self.end).expect("a write");
        self.file.sync_data().expect("a flush");
        self.end += bytes as u64;
    }
}

/// How often something is done in a slice. Unit: per second.
fn rate(watch: &Watch, mut work: impl FnMut()) -> f64 {
    let (mut many, mut took) = (0, Duration::ZERO);
    while took < SLICE {
        took += watch.time(&mut work);
        many += 1;
    }
    f64::from(many) / took.as_secs_f64()
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// How long a log takes to open.
fn opening(runtime: &Runtime, dir: &std::path::Path) {
    const MANY: usize = 200_000;
    let watch = Watch(runtime.clone());
    let open = || {
        let config = Config { segment_bytes: 64 << 20, ..Config::new(dir, 1) };
        let lane = Lane::of(runtime.environment());
        Log::open(runtime.storage().clone(), config, lane, 1 << 20).expect("a log").0
    };
    let log = open();
    for _ in 0..MANY / 1000 {
        append(&log, vec![Bytes::from(vec![7; ENTRY]); 1000]);
    }
    drop(log);
    let took = watch.time(|| drop(open()));
    println!("open a log of {MANY} entries: {} ms", took.as_millis());
}

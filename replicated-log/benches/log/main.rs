//! A log of three durable replicas on one machine: writes and reads beside etcd's, and how long a lost leader is missed.
//!
//! Both are given the same disk, the same number of clients, each of which waits for its answer, and values of 256 bytes;
//! they are measured in turns, so that a disk that changes its mind changes it for both. etcd is looked for in `PATH`, or
//! where `HECTARE_ETCD` says; without it, ours alone is measured.

mod etcd;
mod ours;

use std::time::Duration;

/// One turn.
const SLICE: Duration = Duration::from_secs(2);
const TURNS: usize = 3;
/// How often a leader is lost.
const LOSSES: usize = 20;

/// What came of one turn.
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) p99: Duration,
}

fn main() {
    let scratch = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("log");
    let _ = std::fs::remove_dir_all(&scratch);
    let ours = ours::Cluster::start(&scratch.join("ours"));
    let etcd = etcd::Cluster::start(&scratch.join("etcd"));
    if etcd.is_none() {
        println!("etcd is not installed (Debian: etcd-server): ours alone");
    }
    println!(
        "{:>8} {:>12} {:>9} {:>12} {:>9} {:>7}",
        "clients", "ours/s", "p99 ms", "etcd/s", "p99 ms", "ratio"
    );
    for clients in [1, 16, 64, 256] {
        let (mut mine, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            mine.push(ours.writes(clients, SLICE));
            theirs.extend(etcd.as_ref().map(|etcd| etcd.writes(clients, SLICE)));
        }
        line(&clients.to_string(), &mine, &theirs);
    }
    let reads: Vec<Rate> = (0..TURNS).map(|_| ours.reads(64, SLICE)).collect();
    let theirs: Vec<Rate> =
        (0..TURNS).filter_map(|_| etcd.as_ref().map(|etcd| etcd.reads(64, SLICE))).collect();
    line("64 reads", &reads, &theirs);
    drop(etcd);

    let mut missed = ours.losses(LOSSES);
    missed.sort();
    let ms = |at: usize| missed[at].as_secs_f64() * 1e3;
    let last = missed.len() - 1;
    println!(
        "leader lost until the next write, ms: min {:.0}, median {:.0}, max {:.0}",
        ms(0),
        ms(last / 2),
        ms(last)
    );
    let _ = std::fs::remove_dir_all(&scratch);
}

/// The median turn of each.
fn line(what: &str, ours: &[Rate], theirs: &[Rate]) {
    let median = |rates: &[Rate]| {
        let mut rates: Vec<(f64, f64)> =
            rates.iter().map(|rate| (rate.per_second, rate.p99.as_secs_f64() * 1e3)).collect();
        rates.sort_by(|one, two| one.0.total_cmp(&two.0));
        rates.get(rates.len() / 2).copied()
    };
    let Some((rate, p99)) = median(ours) else { return };
    match median(theirs) {
        Some((their, their_p99)) => {
            println!("{what:>8} {rate:>12.0} {p99:>9.1} {their:>12.0} {their_p99:>9.1} {:>7.2}", rate / their)
        }
        None => println!("{what:>8} {rate:>12.0} {p99:>9.1}"),
    }
}

/// The rate of many, each of which took so long. Shape of `took`: one list a client.
pub(crate) fn rate(took: Vec<Vec<Duration>>, slice: Duration) -> Rate {
    let mut took: Vec<Duration> = took.into_iter().flatten().collect();
    took.sort();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    Rate { per_second: took.len() as f64 / slice.as_secs_f64(), p99 }
}

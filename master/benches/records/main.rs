//! The allocator beside the published records: each figure with its sizes, the goal, and what was published.
//!
//! | figure | how it is taken |
//! |---|---|
//! | everything free | agents and frameworks are there, each in a role of its own; one run that offers every agent |
//! | declined round | everything offered is declined for a year, and one run offers it to others; the mean of several rounds |
//! | quota | every role is promised something and limited to it; one run that hands it out |
//! | quota, nothing given | the next run, though something of every agent came back; and one after nothing happened |
//! | reservations | an operator reserves something for a role and takes that back, with a run after each |
//!
//! Figures are processor time of the thread that runs the allocator, the least of five.
//!
//! `HECTARE_BENCH_AGENTS`, `HECTARE_BENCH_FRAMEWORKS` and `HECTARE_BENCH_ROUNDS` set other sizes for all of them. `cargo test` runs
//! all of it once, small.

mod cluster;

use std::time::{Duration, Instant};

use cluster::{Cluster, Size};

/// As the program has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    for (size, goal, record) in
        [(Size::or(10_000, 1_000), "50 ms", "1.1 s"), (Size::or(20_000, 2_000), "100 ms", "3.8 s")]
    {
        let took = best(|| everything_free(size));
        report(&format!("everything free, {size}"), took, goal, record);
    }

    let (size, rounds) =
        (Size::or(10_000, 1_000), number("ROUNDS").unwrap_or(if is_bench() { 20 } else { 2 }));
    let took = best(|| declined(size, rounds));
    report(&format!("declined round, {size}, mean of {rounds}"), took, "50 ms", "1.06 s");

    let size = Size::or(3_000, 3_000);
    let rows = [0, 1, 2].map(|row| best(|| quota(size)[row]));
    report(&format!("quota, {size}, as many roles"), rows[0], "150 ms", "15.3 s");
    report(&format!("quota, nothing given, {size}, every agent touched"), rows[1], "150 ms", "13 s");
    report(&format!("quota, nothing given, {size}, nothing touched"), rows[2], "1 ms", "13 s");

    for size in [Size::or(1_600, 1_600), Size { agents: 1, ..Size::or(1, 1_600) }] {
        let resources = 4 * size.frameworks;
        let took = best(|| reservations(size, resources, 20));
        let what = format!("20 times reserved and unreserved, {resources} resources, {size}");
        report(&what, took, "500 ms", "90 s");
    }
}

fn everything_free(size: Size) -> Duration {
    let mut cluster = Cluster::whole(size);
    timed(|| assert_eq!(cluster.allocate().len(), size.agents))
}

fn declined(size: Size, rounds: usize) -> Duration {
    let year = Duration::from_secs(365 * 24 * 3600);
    let mut cluster = Cluster::whole(size);
    let mut offers = cluster.allocate();
    let took = timed(|| {
        for _ in 0..rounds {
            cluster.decline(&offers, year);
            // As with the master, which has an offer no more once it is declined.
            drop(offers);
            offers = cluster.allocate();
            assert!(offers.len() == size.agents || rounds >= size.frameworks);
        }
    });
    took / u32::try_from(rounds).expect("few rounds")
}

/// A run that gives, one that finds nothing to give, and one that has nothing to look at.
fn quota(size: Size) -> [Duration; 3] {
    let mut cluster = Cluster::with_quota(size);
    let mut offers = Vec::new();
    let gives = timed(|| offers = cluster.allocate());
    assert!(offers.len() >= size.frameworks, "every role was promised something");
    cluster.touch();
    let looks = timed(|| assert!(cluster.allocate().is_empty()));
    let idle = timed(|| assert!(cluster.allocate().is_empty()));
    [gives, looks, idle]
}

fn reservations(size: Size, resources: usize, times: usize) -> Duration {
    let mut cluster = Cluster::with_reservations(size, resources);
    let mut offers = cluster.allocate();
    timed(|| (0..times).for_each(|time| cluster.reserve_and_unreserve(time, &mut offers)))
}

/// The least of some, which is what the machine does when nobody disturbs it.
fn best(mut once: impl FnMut() -> Duration) -> Duration {
    (0..if is_bench() { 5 } else { 1 }).map(|_| once()).min().expect("at least one")
}

/// What the work takes of a processor, as the kernel counts it for this thread: what else the machine does is not in it. What
/// is over before the kernel counts is taken by the clock.
#[expect(clippy::disallowed_methods, reason = "a bench measures with the real clock")]
fn timed(work: impl FnOnce()) -> Duration {
    let (began, counted) = (Instant::now(), on_processor());
    work();
    let (took, counted) = (began.elapsed(), on_processor() - counted);
    if counted.is_zero() { took } else { counted.min(took) }
}

fn on_processor() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
    let nanos = counted.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("the first number is nanoseconds"))
}

fn report(what: &str, took: Duration, goal: &str, record: &str) {
    println!("{what}: {took:.2?} (goal {goal}, published {record})");
}

fn number(name: &str) -> Option<usize> {
    std::env::var(format!("HECTARE_BENCH_{name}")).ok().and_then(|text| text.parse().ok())
}

/// `cargo bench` says so; the test suite does not.
fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

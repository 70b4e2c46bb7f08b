//! CPU time, rounds and the table.

use nix::sys::resource::{UsageWho, getrusage};

/// One row: what ours costs, what the peer costs, and the goal for the ratio of the two.
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    pub(crate) peer: &'static str,
    pub(crate) theirs: f64,
    /// The most that ours may be of theirs, if that is promised.
    pub(crate) goal: Option<f64>,
}

/// CPU time of all threads of this OS process. Unit: nanoseconds.
pub(crate) fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("one's own usage can be read");
    let (user, system) = (usage.user_time(), usage.system_time());
    ((user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec()) as f64 * 1_000.0
}

/// Resident memory of this OS process. Unit: bytes.
pub(crate) fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("procfs is there");
    let pages: f64 = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("the second field");
    pages * 4096.0
}

/// The CPU time of `work`, per operation. Unit: nanoseconds.
pub(crate) fn per_operation(operations: u64, work: impl FnOnce()) -> f64 {
    let before = cpu();
    work();
    (cpu() - before) / operations as f64
}

/// Medians of interleaved rounds of both, behind one round each to warm up.
pub(crate) fn versus(mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) -> (f64, f64) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    ours();
    theirs();
    for _ in 0..7 {
        a.push(ours());
        b.push(theirs());
    }
    (median(a), median(b))
}

/// A peer's name, and what the same costs there.
pub(crate) type Peer<'a> = (&'static str, Box<dyn FnMut() -> f64 + 'a>);

/// One figure for each peer, by medians of interleaved rounds of all, behind one round each to warm
/// up; what is promised is promised against the first.
pub(crate) fn among<'a>(
    what: &'static str,
    unit: &'static str,
    goal: Option<f64>,
    mut ours: impl FnMut() -> f64,
    mut peers: Vec<Peer<'a>>,
) -> Vec<Figure> {
    let mut rounds: Vec<Vec<f64>> = vec![Vec::new(); peers.len() + 1];
    for round in 0..6 {
        let costs: Vec<f64> =
            std::iter::once(ours()).chain(peers.iter_mut().map(|(_, theirs)| theirs())).collect();
        if round > 0 {
            rounds.iter_mut().zip(costs).for_each(|(rounds, cost)| rounds.push(cost));
        }
    }
    let mut medians = rounds.into_iter().map(median);
    let ours = medians.next().expect("ours is the first");
    let figure = |(at, (peer, theirs)): (usize, (&'static str, f64))| Figure {
        what,
        unit,
        ours,
        peer,
        theirs,
        goal: goal.filter(|_| at == 0),
    };
    peers.iter().map(|(name, _)| *name).zip(medians).enumerate().map(figure).collect()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

pub(crate) fn head() {
    println!(
        "{:<8} {:<34} {:>10} {:>10}  {:<8} {:>6} {:>6}",
        "bench", "what", "ours", "peer", "", "ratio", "goal"
    );
}

pub(crate) fn row(name: &str, figure: &Figure) {
    let ratio = figure.ours / figure.theirs;
    let goal = figure.goal.map_or(String::new(), |goal| format!("≤{goal:.2}"));
    let verdict = match figure.goal {
        Some(goal) if ratio > goal => " MISSED",
        _ => "",
    };
    let (ours, theirs) = (figure.ours, figure.theirs);
    println!(
        "{name:<8} {:<34} {ours:>7.0} {:<2} {theirs:>7.0} {:<2}  {:<8} {ratio:>6.2} {goal:>6}{verdict}",
        figure.what, figure.unit, figure.unit, figure.peer
    );
}

/// A runtime that listens to nobody.
pub(crate) fn runtime(shards: usize) -> libprocess::Runtime {
    libprocess::Runtime::start(config(shards)).expect("a runtime starts")
}

pub(crate) fn config(shards: usize) -> libprocess::Config {
    libprocess::Config { listen: None, http_workers: 0, shards, ..Default::default() }
}

/// Runs `start` on a stock arbiter, then `measure` here; the arbiter ends afterwards.
pub(crate) fn with_arbiter<T: Send + 'static>(
    start: impl FnOnce() -> T + Send + 'static,
    measure: impl FnOnce(T) -> f64,
) -> f64 {
    actix_rt::System::new().block_on(async {
        let arbiter = actix_rt::Arbiter::new();
        let (give, given) = std::sync::mpsc::channel();
        arbiter.spawn_fn(move || drop(give.send(start())));
        let cost = measure(given.recv().expect("the arbiter starts"));
        arbiter.stop();
        arbiter.join().expect("the arbiter ends");
        cost
    })
}

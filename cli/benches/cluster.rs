//! What a person waits for, measured on the real binary: `cargo bench -p cli`.
//!
//! One table: figure, goal, measured. Nothing here decides whether a change is right; tests do that.

#![allow(clippy::disallowed_methods, reason = "a stopwatch needs the real clock")]

use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use driver::{Calls, Config, Handle, Scheduler};
use libprocess::Runtime;
use model::{
    CommandInfo, Filters, FrameworkId, FrameworkInfo, Offer, Resources, TaskId, TaskInfo, TaskStatus,
};

const HECTARE: &str = env!("CARGO_BIN_EXE_hectare");
const SUBSCRIPTIONS: usize = 200;
const FREED: usize = 200;
const TASKS: u32 = 1000;
/// Nothing here may take longer.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    if cfg!(debug_assertions) {
        println!("skipped: figures are for release builds; run `cargo bench -p cli`");
        return;
    }
    let runtime = Runtime::start(libprocess::Config { listen: None, http_workers: 0, ..Default::default() })
        .expect("a runtime without sockets starts");
    let size = std::fs::metadata(HECTARE).map_or(0, |file| file.len());
    row("release binary, stripped", "≤ 25 MB", &format!("{:.1} MB", size as f64 / 1e6));

    let first: Vec<Duration> = (0..5).map(|_| to_first_offers(&runtime)).collect();
    row("`hectare local` from exec to first OFFERS", "≤ 500 ms", &spread(first));

    let cluster = Cluster::start();
    std::thread::sleep(Duration::from_secs(3));
    let idle = cluster.memory_mb();
    row("idle memory of `hectare local`", "≤ 60 MB", &format!("{idle:.1} MB"));
    row("SUBSCRIBE to first OFFERS, idle agents", "p99 ≤ 20 ms", &spread(subscriptions(&runtime, &cluster)));
    row("resources freed to re-offered", "p99 ≤ 10 ms", &spread(freed(&runtime, &cluster)));

    let before = cluster.memory_mb();
    let (took, cpu) = thousand_tasks(&runtime, &cluster);
    let rate = f64::from(TASKS) / took.as_secs_f64();
    row("1,000 command tasks `true`, acknowledged", "≥ 150 tasks/s", &format!("{rate:.0} tasks/s"));
    row(
        "  CPU per task, whole machine",
        "",
        &format!("{:.1} ms", cpu.as_secs_f64() * 1e3 / f64::from(TASKS)),
    );
    let after = cluster.memory_mb();
    thousand_tasks(&runtime, &cluster);
    let again = format!("{before:.1}, {after:.1}, {:.1} MB", cluster.memory_mb());
    row("  memory before, after, after 1,000 more", "flat", &again);
    runtime.shutdown();
}

fn row(what: &str, goal: &str, measured: &str) {
    println!("| {what:<44} | {goal:<14} | {measured:<40} |");
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1e3;
    format!("p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(0.5), at(0.99), at(1.0))
}

/// A running `hectare local`.
struct Cluster {
    child: Child,
    master: String,
}

impl Cluster {
    /// Starts one on a port nobody else had a moment ago.
    fn start() -> Cluster {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .map_or(5050, |a| a.port());
        let child = Command::new(HECTARE)
            .args(["local", &format!("--port={port}"), "--output=json", "--quiet"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Cluster { child, master: format!("127.0.0.1:{port}") }
    }

    fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// What a measuring scheduler saw, and when.
enum Saw {
    Offers(Instant),
    Ended(Instant),
    AllEnded(Instant),
}

/// Runs `left` tasks as offers allow, and reports.
struct Probe {
    saw: Sender<Saw>,
    task: Resources,
    left: u32,
    /// How many launches one round of offers may make.
    at_once: usize,
    launched: u32,
    ended: u32,
    all: u32,
}

impl Scheduler for Probe {
    fn subscribed(&mut self, _: &mut Calls, _: &FrameworkId) {}

    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
        let now = Instant::now();
        let _ = self.saw.send(Saw::Offers(now));
        for offer in offers {
            let mut left = offer.resources.unallocate();
            let mut tasks = Vec::new();
            while self.left > 0 && tasks.len() < self.at_once && left.contains(&self.task) {
                left -= &self.task;
                self.left -= 1;
                self.launched += 1;
                let id = TaskId::new(format!("true-{}", self.launched));
                let mut task = TaskInfo::new(id, offer.agent_id.clone(), self.task.clone());
                task.command = Some(CommandInfo::program("true", []));
                tasks.push(task);
            }
            match tasks.is_empty() {
                true if self.all == 0 => {}
                true => calls.decline([offer.id], Filters::default()),
                false => calls.accept(
                    [offer.id],
                    vec![model::OfferOperation {
                        id: None,
                        kind: model::OperationKind::Launch(tasks.into_iter().map(Ok).collect()),
                    }],
                    Filters::NONE,
                ),
            }
        }
    }

    fn update(&mut self, _: &mut Calls, status: &TaskStatus) {
        if status.state.is_terminal() {
            assert_eq!(status.state, model::TaskState::Finished, "{status:?}");
            let now = Instant::now();
            self.ended += 1;
            let _ = self.saw.send(Saw::Ended(now));
            if self.ended == self.all {
                let _ = self.saw.send(Saw::AllEnded(now));
            }
        }
    }
}

fn probe(runtime: &Runtime, master: &str, tasks: u32, at_once: usize) -> (Handle<Probe>, Receiver<Saw>) {
    let (saw, seen) = channel();
    let mut config = Config::new([master], FrameworkInfo::new("probe", "root"));
    config.backoff_min = Duration::from_millis(4);
    config.backoff_max = Duration::from_millis(4);
    let task: Resources = "cpus:0.05;mem:32".parse().expect("a literal that parses");
    let probe = move || Probe { saw, task, left: tasks, at_once, launched: 0, ended: 0, all: tasks };
    (driver::spawn(runtime, config, probe).expect("the runtime runs"), seen)
}

fn leave(runtime: &Runtime, handle: &Handle<Probe>) {
    handle.with(|_, calls| calls.teardown());
    runtime.block_on(handle.wait());
}

fn to_first_offers(runtime: &Runtime) -> Duration {
    let start = Instant::now();
    let cluster = Cluster::start();
    let (handle, seen) = probe(runtime, &cluster.master, 0, 0);
    let Ok(Saw::Offers(at)) = seen.recv_timeout(PATIENCE) else { panic!("no offers") };
    leave(runtime, &handle);
    at - start
}

fn subscriptions(runtime: &Runtime, cluster: &Cluster) -> Vec<Duration> {
    let one = |_| {
        let start = Instant::now();
        let (handle, seen) = probe(runtime, &cluster.master, 0, 0);
        let Ok(Saw::Offers(at)) = seen.recv_timeout(PATIENCE) else { panic!("no offers") };
        leave(runtime, &handle);
        at - start
    };
    (0..SUBSCRIPTIONS).map(one).collect()
}

/// From hearing that a task has ended to being offered what it held.
fn freed(runtime: &Runtime, cluster: &Cluster) -> Vec<Duration> {
    // A few more than are measured: the last ones meet the filters of those that found nothing left to do.
    let (handle, seen) = probe(runtime, &cluster.master, FREED as u32 + 20, 1);
    let mut times = Vec::new();
    let mut waiting: Vec<Instant> = Vec::new();
    while times.len() < FREED {
        match seen.recv_timeout(PATIENCE).expect("something happens") {
            Saw::Ended(at) => waiting.push(at),
            Saw::Offers(at) => {
                times.extend(waiting.drain(..).map(|ended| at.saturating_duration_since(ended)))
            }
            Saw::AllEnded(_) => {}
        }
    }
    leave(runtime, &handle);
    times
}

fn thousand_tasks(runtime: &Runtime, cluster: &Cluster) -> (Duration, Duration) {
    let busy = machine_cpu();
    let start = Instant::now();
    let (handle, seen) = probe(runtime, &cluster.master, TASKS, usize::MAX);
    let end = loop {
        match seen.recv_timeout(PATIENCE) {
            Ok(Saw::AllEnded(at)) => break at,
            Ok(_) => {}
            Err(_) => panic!("tasks were lost"),
        }
    };
    let cpu = machine_cpu() - busy;
    leave(runtime, &handle);
    (end - start, cpu)
}

/// CPU time that the whole machine has spent working.
fn machine_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = first.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    let busy: u64 = ticks.iter().enumerate().filter(|(i, _)| !matches!(i, 3 | 4)).map(|(_, n)| n).sum();
    Duration::from_millis(busy * 10)
}

//! What an agent with many containers costs, and how soon it is back: `cargo bench -p cli --bench containers`.
//!
//! One table: figure, goal, measured. Nothing here decides whether a change is right; tests do that.

#![allow(clippy::disallowed_methods, reason = "a stopwatch needs the real clock")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use driver::{Calls, Config, Scheduler};
use libprocess::Runtime;
use model::{
    CommandInfo, Filters, FrameworkId, FrameworkInfo, Offer, OfferOperation, OperationKind, Resources,
    TaskId, TaskInfo, TaskState, TaskStatus,
};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use support::{Running, free_port, get};

const TASKS: usize = 500;
/// How many of them are ended, one after the other.
const ENDED: usize = 200;
const IDLE: Duration = Duration::from_secs(20);
/// Nothing here may take longer.
const PATIENCE: Duration = Duration::from_secs(180);

fn main() {
    if cfg!(debug_assertions) {
        println!("skipped: figures are for release builds; run `cargo bench -p cli --bench containers`");
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path();
    let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
    let mut flags = vec![
        "agent".to_owned(),
        format!("--port={}", free_port()),
        format!("--master={}", master.address()),
        format!("--work_dir={}", dir.join("work").display()),
        format!("--runtime_dir={}", dir.join("run").display()),
        "--resources=cpus:500;mem:500000;disk:500000".to_owned(),
    ];
    if nix::unistd::geteuid().is_root() {
        flags.push("--isolation=cgroups/cpu,cgroups/mem,cgroups/pids".to_owned());
        flags.push("--cgroups_root=hectare-bench".to_owned());
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let agent = Running::start(&flags);

    let runtime = Runtime::start(libprocess::Config { listen: None, http_workers: 0, ..Default::default() })
        .expect("a runtime without sockets starts");
    let (tell, told) = channel();
    let mut framework = FrameworkInfo::new("many", "root");
    framework.checkpoint = true;
    let ends = dir.join("ends");
    fs::create_dir(&ends).expect("a directory");
    for number in 0..TASKS {
        mkfifo(&ends.join(format!("task-{number}")), Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
    }
    let many = Many { tell, left: TASKS, ends: ends.display().to_string() };
    let start = Instant::now();
    let config = Config::new([master.address().as_str()], framework);
    let handle = driver::spawn(&runtime, config, move || many).expect("the runtime runs");
    let mut running = BTreeSet::new();
    while running.len() < TASKS {
        let (at, status) = heard(&told);
        assert!(!status.state.is_terminal(), "{at:?} {status:?}");
        if status.state == TaskState::Running {
            running.insert(status.task_id.to_string());
        }
    }
    row("500 command tasks, executors and all, running", "", &millis(start.elapsed()));

    let busy = cpu(agent.pid());
    std::thread::sleep(IDLE);
    let idle = (cpu(agent.pid()) - busy).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    row("idle agent beside them", "≤ 1 % of a core", &format!("{idle:.2} %"));

    agent.kill();
    let active = || {
        let slaves = get(&master.address(), "/slaves");
        slaves["slaves"].as_array().is_some_and(|all| all.iter().any(|one| one["active"] == true))
    };
    while active() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let start = Instant::now();
    let agent = Running::start(&flags);
    let up = start.elapsed();
    while !active() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(2));
    }
    let back = format!("{}, of which until it listens {}", millis(start.elapsed()), millis(up));
    row("agent restarted with them, until registered", "≤ 1 s", &back);
    row("  CPU of it by then", "", &millis(cpu(agent.pid())));

    let busy = cpu(agent.pid());
    let mut times: Vec<Duration> = (0..ENDED).map(|number| end(&ends, number, &told)).collect();
    times.sort();
    let at = |part: f64| millis(times[((times.len() - 1) as f64 * part) as usize]);
    let spread = format!("p50 {}, p99 {}, max {}", at(0.5), at(0.99), at(1.0));
    row("  a task's end to the update at its scheduler", "p99 ≤ 15 ms", &spread);
    let each = (cpu(agent.pid()) - busy) / ENDED as u32;
    row("  CPU of the agent for each", "", &millis(each));

    let start = Instant::now();
    let mut left: BTreeSet<usize> = (ENDED..TASKS).collect();
    left.iter().for_each(|number| let_end(&ends, *number));
    while !left.is_empty() {
        left.remove(&ended(&told).1);
    }
    row("  the others ended at once, all exit codes right", "", &millis(start.elapsed()));
    handle.with(|_, calls| calls.teardown());
    runtime.block_on(handle.wait());
    while fs::read_dir(dir.join("run/containers")).map_or(0, Iterator::count) > 0 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    row("  and nothing left of any", "", &millis(start.elapsed()));
    runtime.shutdown();
}

/// What a task is to exit with. None is 0, which is what one that was lost might be taken for.
fn code(number: usize) -> usize {
    1 + number % 100
}

/// Has a task end with its code. It waits to read it since before the agent was killed.
fn let_end(ends: &Path, number: usize) {
    let mut end = OpenOptions::new().write(true).open(ends.join(format!("task-{number}"))).expect("a pipe");
    writeln!(end, "{}", code(number)).expect("it reads");
}

/// Ends a task; how long until its scheduler hears of it, which is once it is on disk.
fn end(ends: &Path, number: usize, told: &Receiver<(Instant, TaskStatus)>) -> Duration {
    let start = Instant::now();
    let_end(ends, number);
    let (at, whose) = ended(told);
    assert_eq!(whose, number);
    at - start
}

/// The next task that ended, as it was to.
fn ended(told: &Receiver<(Instant, TaskStatus)>) -> (Instant, usize) {
    loop {
        let (at, status) = heard(told);
        if status.state.is_terminal() {
            let number = status.task_id.as_str().strip_prefix("task-").and_then(|number| number.parse().ok());
            let number = number.expect("a task of ours");
            let message = format!("Command exited with status {}", code(number));
            assert_eq!(
                (status.state, status.message.as_deref()),
                (TaskState::Failed, Some(message.as_str()))
            );
            return (at, number);
        }
    }
}

fn heard(told: &Receiver<(Instant, TaskStatus)>) -> (Instant, TaskStatus) {
    told.recv_timeout(PATIENCE).expect("an update in time")
}

fn row(what: &str, goal: &str, measured: &str) {
    println!("| {what:<48} | {goal:<16} | {measured:<48} |");
}

fn millis(of: Duration) -> String {
    format!("{:.1} ms", of.as_secs_f64() * 1e3)
}

/// Processor time of a process so far.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Runs as many tasks as `left` says, and tells of their updates.
struct Many {
    tell: Sender<(Instant, TaskStatus)>,
    left: usize,
    /// Where each reads what it is to exit with.
    ends: String,
}

impl Scheduler for Many {
    fn subscribed(&mut self, _: &mut Calls, _: &FrameworkId) {}

    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
        let each: Resources = "cpus:0.1;mem:32".parse().expect("a literal that parses");
        for offer in offers {
            let mut tasks = Vec::new();
            while self.left > 0 {
                self.left -= 1;
                let id = format!("task-{}", self.left);
                let line = format!("read code < {}/{id}; exit $code", self.ends);
                let mut task = TaskInfo::new(TaskId::new(id), offer.agent_id.clone(), each.clone());
                task.command = Some(CommandInfo::shell(line));
                tasks.push(Ok(task));
            }
            if !tasks.is_empty() {
                let launch = OfferOperation { id: None, kind: OperationKind::Launch(tasks) };
                calls.accept([offer.id], vec![launch], Filters::default());
            }
        }
    }

    fn update(&mut self, _: &mut Calls, status: &TaskStatus) {
        let _ = self.tell.send((Instant::now(), status.clone()));
    }
}

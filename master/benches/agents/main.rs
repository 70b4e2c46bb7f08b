//! A whole cluster of agents comes to a master at once.
//!
//! | figure | how it is taken |
//! |---|---|
//! | registering | all agents ask at once; the registry is empty, and on three replicas with real disks and links |
//! | failover | the leader is gone; from the moment another leads until every agent is back with all its tasks |
//! | re-registering | a master that knows nothing, all agents in its own program: no link, no disk |
//! | memory | what that one holds then, by agent and by task |
//!
//! `HECTARE_BENCH_AGENTS` and `HECTARE_BENCH_TASKS` (of each agent) set other sizes. `cargo test` runs all of it once, small.

mod cluster;
mod pretender;

use std::time::Duration;

use cluster::{Alone, Cluster};

/// As the program has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many agents, and how many tasks on each.
#[derive(Clone, Copy)]
struct Size {
    agents: usize,
    tasks: usize,
}

impl Size {
    /// As asked for; else so much, or a little if this is a test.
    fn or(agents: usize, tasks: usize) -> Size {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let bench = std::env::args().any(|argument| argument == "--bench");
        let (agents, tasks) = if bench { (agents, tasks) } else { (50, 3) };
        Size {
            agents: number("HECTARE_BENCH_AGENTS").unwrap_or(agents),
            tasks: number("HECTARE_BENCH_TASKS").unwrap_or(tasks),
        }
    }
}

/// No handler should hold its thread for longer.
const STUCK: Duration = Duration::from_millis(50);

/// Says how many tasks each agent has, to a program that is to be the master that stands alone.
const ALONE: &str = "HECTARE_BENCH_ALONE";

fn main() {
    if let Some(tasks) = std::env::var(ALONE).ok().and_then(|tasks| tasks.parse().ok()) {
        let (grown, took) = Alone::start().register(Size { tasks, ..Size::or(40_000, 10) });
        return println!("{grown} {}", took.as_secs_f64());
    }
    let size = Size::or(10_000, 10);
    let mut cluster = Cluster::start(3);
    let took = cluster.register(size);
    println!("{} agents registered at once on three replicas: {took:.2?}", size.agents);
    let (took, stuck) = cluster.fail_over(size);
    println!(
        "failover, {} agents with {} tasks back after the election: {took:.2?}, handlers above {STUCK:?}: {stuck}",
        size.agents,
        size.agents * size.tasks
    );
    cluster.end();

    let size = Size::or(40_000, 10);
    let (without, _) = alone(0);
    let (with, took) = alone(size.tasks);
    let tasks = size.agents * size.tasks;
    println!("{} agents with {tasks} tasks re-registered in one program: {took:.2?}", size.agents);
    println!(
        "memory: {:.1} KB an agent, {:.2} KB a task",
        without / size.agents as f64 / 1024.0,
        (with - without).max(0.0) / tasks.max(1) as f64 / 1024.0
    );
}

/// By how much a master grows to which all agents come, in bytes, and how long that takes. It is a program of its own: what an
/// earlier one had and gave back would be taken from the figure.
fn alone(tasks: usize) -> (f64, Duration) {
    let program = std::env::current_exe().expect("it has a path");
    let mut command = std::process::Command::new(program);
    let told =
        command.args(std::env::args().skip(1)).env(ALONE, tasks.to_string()).output().expect("it starts");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let figures: Vec<f64> = told.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [grown, took] = figures[..] else { panic!("two figures, not {told:?}") };
    (grown, Duration::from_secs_f64(took))
}

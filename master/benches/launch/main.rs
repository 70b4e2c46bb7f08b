//! How many tasks a second one scheduler launches through the v1 API, from ACCEPT to the acknowledged TASK_RUNNING.
//!
//! One ACCEPT takes one offer and launches many tasks; each start is acknowledged by a call of its own. Calls follow each other
//! on one connection and do not wait for answers. Agents pretend: in a program of their own, over links, they say of each task
//! at once that it runs. The clock runs from the first ACCEPT until the agents have heard of every acknowledgement.
//!
//! `HECTARE_BENCH_AGENTS`, `HECTARE_BENCH_TASKS` (in all), `HECTARE_BENCH_BATCH` (of one ACCEPT) and `HECTARE_BENCH_WINDOW`
//! (launched and not yet running) set other sizes. `cargo test` runs all of it once, small. What scheduler and agents take of
//! the processors is in the figure.

mod agent;
mod scheduler;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use agent::Agent;
use libprocess::{Config, Runtime, Spawn};
use scheduler::{Load, Scheduler, TASK};

/// As the program has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `cargo bench` says so; the test suite does not.
fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

fn number(name: &str, usual: usize, small: usize) -> usize {
    let said = std::env::var(format!("HECTARE_BENCH_{name}")).ok().and_then(|text| text.parse().ok());
    said.unwrap_or(if is_bench() { usual } else { small })
}

fn main() {
    let (agents, tasks) = (number("AGENTS", 100, 3), number("TASKS", 100_000, 30));
    let load = Load { tasks, batch: number("BATCH", 500, 5), window: number("WINDOW", 2_000, 10) };
    let best = (0..if is_bench() { 3 } else { 1 }).map(|_| launch(agents, load)).min().expect("at least one");
    println!(
        "{tasks} tasks on {agents} agents, {} of one ACCEPT, {} under way: {best:.2?}, {:.0} tasks/s (goal 15000)",
        load.batch,
        load.window,
        tasks as f64 / best.as_secs_f64()
    );
}

/// How long it takes.
fn launch(agents: usize, load: Load) -> Duration {
    let start = |config: Config| Runtime::start(config).expect("loopback has a free port");
    let node = start(Config { shards: 2, ..Config::default() });
    let master = master::spawn(&node, master::Config::default()).expect("the name is free");
    node.block_on(master::ready(&node, &master)).expect("it comes to lead");

    let machines = start(Config::default());
    let acknowledged: Arc<AtomicUsize> = Arc::default();
    // One more than its share, so that something is left to be offered.
    let share = (load.tasks.div_ceil(agents) + load.batch) as f64;
    let [cpus, mem] = TASK.map(|(name, amount)| format!("{name}:{:.2}", amount * share));
    for number in 0..agents {
        let (resources, master, acknowledged) =
            (format!("{cpus};{mem}"), master.upid().bare(), acknowledged.clone());
        let make = move || Agent::new(number, resources, master, acknowledged);
        machines.spawn(Spawn::named(format!("slave({number})")), make).expect("the name is free");
    }

    let asking = start(Config { listen: None, http_workers: 0, ..Config::default() });
    let took = asking.block_on(async {
        let mut scheduler = Scheduler::subscribe(&asking, node.address()).await;
        scheduler.offers(agents).await;
        let began = asking.elapsed();
        scheduler.play(load).await;
        while acknowledged.load(Ordering::Relaxed) < load.tasks {
            asking.sleep(Duration::from_millis(1)).await;
        }
        let took = asking.elapsed() - began;
        scheduler.end();
        took
    });
    [asking, machines, node].into_iter().for_each(|runtime| runtime.shutdown());
    took
}

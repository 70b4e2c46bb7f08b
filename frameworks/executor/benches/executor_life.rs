//! What a command executor costs from exec to exit, with the `true` it runs: CPU time and wall time.
//!
//! One is started for every command task, so this bounds how many tasks an agent can start a second.
//! Goal: ≤ 5 ms CPU. Run with `cargo bench -p executor`; each life is a child of this program.

#[path = "../tests/pretended/mod.rs"]
mod pretended;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use pretended::{Agent, task};

const LIVES: usize = 200;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--life") {
        return executor::command::main();
    }
    let mut walls = Vec::new();
    let before = cpu();
    for _ in 0..LIVES {
        walls.push(life());
    }
    let spent = cpu() - before;
    walls.sort_unstable();
    println!("lives: {LIVES}");
    println!("cpu per life: {:.2} ms", spent.as_secs_f64() * 1000.0 / LIVES as f64);
    println!("wall per life, median: {:.2} ms", walls[LIVES / 2].as_secs_f64() * 1000.0);
    ExitCode::SUCCESS
}

/// One executor that runs `true` to its end.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn life() -> Duration {
    let mut agent = Agent::start();
    let begun = std::time::Instant::now();
    let mut executor = Command::new(std::env::current_exe().expect("this program has a path"))
        .arg0("executor")
        .arg("--life")
        .env("MESOS_FRAMEWORK_ID", "f")
        .env("MESOS_EXECUTOR_ID", "e")
        .env("MESOS_AGENT_ENDPOINT", agent.address.to_string())
        .spawn()
        .expect("this program can be started");
    agent.subscribed(&[]);
    agent.launch(task("t", "true"));
    let states: Vec<_> = (0..3).map(|_| agent.state()).collect();
    assert_eq!(states[2].1, "Command exited with status 0");
    executor.wait().expect("the executor ends");
    begun.elapsed()
}

/// CPU time of all children that have ended, and of theirs.
fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("this process has children's usage");
    let of = |time: nix::sys::time::TimeVal| {
        Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()) as u64)
    };
    of(usage.user_time()) + of(usage.system_time())
}

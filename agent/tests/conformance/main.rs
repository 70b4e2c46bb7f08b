//! Replays requests that a running Mesos agent was asked, and compares what it answered with what we answer: status, headers that
//! matter, keys, types, values and texts. What deviates on purpose stands in one list, `deviations.rs`, with its reason.
//!
//! The agent is a real one, with real containers and the executors that come with it; its master is pretended, so that agents,
//! frameworks and tasks bear the names they have in the captures. The executors are this very program, hence no harness.

mod deviations;
mod executors;
mod local;
#[path = "../pretended/mod.rs"]
mod pretended;
mod replay;
mod stories;
mod story;
mod updates;

use std::process::ExitCode;

use api_conformance::Judge;
use deviations::{BY_CHANCE, DEVIATIONS};
use story::GOLDEN;

/// The name of the only test.
const NAME: &str = "what_mesos_agents_answered_is_answered";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "executor") {
        return executors::run(&words);
    }
    if words.iter().any(|word| word == "--list") {
        println!("{NAME}: test");
    } else if words.iter().all(|word| word.starts_with('-') || NAME.contains(&**word)) {
        what_mesos_agents_answered_is_answered();
        println!("test {NAME} ... ok");
    }
    ExitCode::SUCCESS
}

fn what_mesos_agents_answered_is_answered() {
    let mut judge = Judge::new(DEVIATIONS, BY_CHANCE);
    if agent_linux::user::effective() != 0 {
        assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: only root may run tasks as root");
        return eprintln!("skipped: only root may run tasks as root");
    }
    stories::tasks::tell(&mut judge);
    stories::custom::tell(&mut judge);
    stories::volume::tell(&mut judge);
    stories::checks::tell(&mut judge);
    stories::standalone::tell(&mut judge);
    stories::cgroups::tell(&mut judge);
    judge.judge();
    judge.nothing_left_out(&GOLDEN, &[]);
}

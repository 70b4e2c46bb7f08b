//! The executors that come with the agent, in this program; some of them stay when they are done.

use std::process::ExitCode;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::story::Story;

/// Tasks whose executors had not left yet when the captures were made: theirs stay a second longer than needed.
const LINGERING: [&str; 2] = ["t-onlycpu", "p-1"];

/// Is the executor that an agent started.
pub(crate) fn run(words: &[String]) -> ExitCode {
    if words.iter().any(|word| word == "--group") {
        return executor::group::main();
    }
    let code = executor::command::main();
    let id = std::env::var("MESOS_EXECUTOR_ID").unwrap_or_default();
    while LINGERING.contains(&&*id) {
        std::thread::park();
    }
    code
}

impl Story<'_> {
    /// Has an executor that lingers leave.
    pub(crate) async fn release(&self, executor: &str) {
        let containers: Value = self.read("/containers").await;
        let mut containers = containers.as_array().expect("a list").iter();
        let container = containers.find(|container| container["executor_id"] == executor).expect("it runs");
        let pid = container["status"]["executor_pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        kill(Pid::from_raw(pid.expect("it has a process")), Signal::SIGKILL).expect("it is there");
    }
}

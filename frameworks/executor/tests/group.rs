//! The default executor against a pretended agent.

mod pretended;

use std::collections::BTreeMap;

use api::v1::TaskState::{self, TaskFailed, TaskFinished, TaskKilled, TaskRunning};
use executor::Running;
use executor::group::GroupExecutor;
use libprocess::{Config, Pid, Runtime};
use pretended::{Agent, task};

fn executor(agent: &Agent, sandbox: &std::path::Path) -> (Runtime, Pid<Running<GroupExecutor>>) {
    let mut environment = agent.environment();
    environment.sandbox = sandbox.to_string_lossy().into_owned();
    let runtime = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() }).unwrap();
    let process = executor::spawn_in(&runtime, environment, GroupExecutor::new).unwrap();
    (runtime, process)
}

/// The last state of each task, after `count` updates, whose times tell them apart.
fn last_states(agent: &Agent, count: usize) -> BTreeMap<String, TaskState> {
    let (mut last, mut said) = (BTreeMap::new(), 0.0);
    for _ in 0..count {
        let status = agent.update();
        let at = status.timestamp.expect("a time");
        assert!(at > said, "{at} is not after {said}");
        said = at;
        last.insert(status.task_id.value.clone(), status.state());
    }
    last
}

fn states<const N: usize>(of: [(&str, TaskState); N]) -> BTreeMap<String, TaskState> {
    of.map(|(task, state)| (task.to_owned(), state)).into()
}

#[test]
fn each_task_of_a_group_has_a_sandbox_of_its_own() {
    let sandbox = tempfile::tempdir().unwrap();
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, sandbox.path());
    agent.subscribed(&[]);
    agent.launch_group(vec![task("a", "echo from a; pwd > where"), task("b", "echo from b >&2")]);
    assert_eq!(last_states(&agent, 6), states([("a", TaskFinished), ("b", TaskFinished)]));
    runtime.block_on(process.wait());
    let read = |path: &str| std::fs::read_to_string(sandbox.path().join("tasks").join(path)).unwrap();
    assert_eq!((read("a/stdout").as_str(), read("b/stderr").as_str()), ("from a\n", "from b\n"));
    assert!(read("a/where").contains("/containers/"));
}

#[test]
fn one_that_fails_takes_its_group_with_it_and_no_other() {
    let sandbox = tempfile::tempdir().unwrap();
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, sandbox.path());
    agent.subscribed(&[]);
    agent.launch_group(vec![task("other", "sleep 1000")]);
    assert_eq!(last_states(&agent, 2), states([("other", TaskRunning)]));
    agent.launch_group(vec![task("bad", "sleep 0.2; exit 1"), task("good", "sleep 1000")]);
    assert_eq!(last_states(&agent, 6), states([("bad", TaskFailed), ("good", TaskKilled)]));
    agent.kill("other", None);
    assert_eq!(last_states(&agent, 1), states([("other", TaskKilled)]));
    runtime.block_on(process.wait());
}

#[test]
fn killing_one_of_a_group_kills_all_of_it() {
    let sandbox = tempfile::tempdir().unwrap();
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, sandbox.path());
    agent.subscribed(&[]);
    agent.launch_group(vec![task("a", "sleep 1000"), task("b", "sleep 1000")]);
    last_states(&agent, 4);
    agent.kill("a", None);
    assert_eq!(last_states(&agent, 2), states([("a", TaskKilled), ("b", TaskKilled)]));
    runtime.block_on(process.wait());
}

#[test]
fn one_that_finishes_leaves_its_group_alone() {
    let sandbox = tempfile::tempdir().unwrap();
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, sandbox.path());
    agent.subscribed(&[]);
    agent.launch_group(vec![task("short", "true"), task("long", "sleep 0.5")]);
    assert_eq!(last_states(&agent, 6), states([("short", TaskFinished), ("long", TaskFinished)]));
    runtime.block_on(process.wait());
}

#[test]
fn what_an_ended_task_left_running_is_ended_with_it() {
    let sandbox = tempfile::tempdir().unwrap();
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, sandbox.path());
    agent.subscribed(&[]);
    agent.launch_group(vec![task("a", "sleep 1000 & echo $! > left; exit 0"), task("b", "sleep 0.5")]);
    assert_eq!(last_states(&agent, 6), states([("a", TaskFinished), ("b", TaskFinished)]));
    let left = std::fs::read_to_string(sandbox.path().join("tasks/a/left")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", left.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    runtime.block_on(process.wait());
}

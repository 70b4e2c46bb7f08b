//! The command executor against a pretended agent.

mod pretended;

use std::time::Duration;

use api::v1::TaskState::{
    self, TaskFailed, TaskFinished, TaskKilled, TaskKilling, TaskRunning, TaskStarting,
};
use api::v1::framework_info::capability::Type::TaskKillingState;
use executor::command::CommandExecutor;
use executor::{Environment, Recovery, Running};
use libprocess::{Config, Pid, Runtime};
use pretended::{Agent, task};

/// A command executor of `agent` in a runtime of its own.
fn executor(agent: &Agent, with: impl FnOnce(&mut Environment)) -> (Runtime, Pid<Running<CommandExecutor>>) {
    let mut environment = agent.environment();
    with(&mut environment);
    let runtime = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() }).unwrap();
    let process = executor::spawn_in(&runtime, environment, CommandExecutor::new).unwrap();
    (runtime, process)
}

fn states(agent: &Agent, count: usize) -> Vec<(TaskState, String)> {
    (0..count).map(|_| agent.state()).collect()
}

fn says(state: TaskState, message: &str) -> (TaskState, String) {
    (state, message.to_owned())
}

#[test]
fn a_task_runs_to_its_end_and_the_executor_leaves_once_that_is_acknowledged() {
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    agent.launch(task("t", "test \"$MESOS_TASK_ID\" = t"));
    let expected =
        [says(TaskStarting, ""), says(TaskRunning, ""), says(TaskFinished, "Command exited with status 0")];
    assert_eq!(states(&agent, 3), expected);
    runtime.block_on(process.wait());
}

#[test]
fn an_exit_code_and_a_signal_are_told() {
    for (line, message) in
        [("exit 3", "Command exited with status 3"), ("kill -9 $$", "Command terminated with signal Killed")]
    {
        let mut agent = Agent::start();
        let (_runtime, _process) = executor(&agent, |_| {});
        agent.subscribed(&[]);
        agent.launch(task("t", line));
        assert_eq!(states(&agent, 3)[2], says(TaskFailed, message));
    }
}

#[test]
fn a_missing_program_fails_after_running() {
    let mut agent = Agent::start();
    let (_runtime, _process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    let mut missing = task("t", "no-such-program");
    missing.command.as_mut().unwrap().shell = Some(false);
    agent.launch(missing);
    let expected =
        [says(TaskStarting, ""), says(TaskRunning, ""), says(TaskFailed, "Command exited with status 1")];
    assert_eq!(states(&agent, 3), expected);
}

#[test]
fn a_killed_task_is_asked_first_and_its_whole_tree_ends() {
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, |_| {});
    agent.subscribed(&[TaskKillingState]);
    agent.launch(task("t", "sleep 1000 & wait"));
    assert_eq!(states(&agent, 2)[1].0, TaskRunning);
    agent.kill("t", None);
    assert_eq!(agent.state(), says(TaskKilling, ""));
    assert_eq!(agent.state(), says(TaskKilled, "Command terminated with signal Terminated"));
    runtime.block_on(process.wait());
}

#[test]
fn a_task_that_does_not_listen_is_killed_after_its_grace() {
    let mut agent = Agent::start();
    let (_runtime, _process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    let scratch = tempfile::tempdir().unwrap();
    let deaf = scratch.path().join("deaf");
    let line = format!("trap '' TERM; touch {}; while true; do sleep 1; done", deaf.display());
    agent.launch(task("t", &line));
    assert_eq!(states(&agent, 2)[1].0, TaskRunning);
    while !deaf.exists() {
        std::thread::yield_now();
    }
    agent.kill("t", Some(Duration::from_secs(100)));
    agent.kill("t", Some(Duration::from_millis(300)));
    assert_eq!(agent.state(), says(TaskKilled, "Command terminated with signal Killed"));
}

#[test]
fn a_second_task_is_refused() {
    let mut agent = Agent::start();
    let (_runtime, _process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    agent.launch(task("t1", "sleep 1000"));
    states(&agent, 2);
    agent.launch(task("t2", "true"));
    let status = agent.update();
    assert_eq!(status.task_id.value, "t2");
    assert_eq!(status.state(), TaskFailed);
    agent.kill("t1", None);
    assert_eq!(agent.state().0, TaskKilled);
}

#[test]
fn a_shutdown_kills_the_task_and_ends_the_executor() {
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    agent.launch(task("t", "sleep 1000"));
    states(&agent, 2);
    agent.shut_down();
    assert_eq!(agent.state().0, TaskKilled);
    runtime.block_on(process.wait());
}

#[test]
fn an_executor_without_a_task_leaves_at_once_when_shut_down() {
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    agent.shut_down();
    runtime.block_on(process.wait());
}

#[test]
fn a_task_that_exceeds_its_completion_time_fails() {
    let mut agent = Agent::start();
    let (_runtime, _process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    let mut slow = task("t", "sleep 1000");
    slow.max_completion_time = Some(api::v1::DurationInfo { nanoseconds: 200_000_000 });
    agent.launch(slow);
    states(&agent, 2);
    let status = agent.update();
    assert_eq!(status.state(), TaskFailed);
    assert_eq!(status.reason(), api::v1::task_status::Reason::MaxCompletionTimeReached);
}

#[test]
fn an_agent_that_comes_back_is_told_what_it_missed() {
    let mut agent = Agent::start();
    agent.acknowledges(false);
    let (runtime, process) = executor(&agent, |environment| {
        environment.recovery =
            Some(Recovery { timeout: Duration::from_secs(60), backoff_max: Duration::from_millis(50) });
    });
    agent.subscribed(&[]);
    agent.launch(task("t", "sleep 0.3"));
    states(&agent, 2);
    agent.go_away();
    std::thread::sleep(Duration::from_millis(600)); // the task ends meanwhile, for real
    agent.acknowledges(true);
    agent.come_back();
    let subscribe = agent.subscribed(&[]);
    assert_eq!(subscribe.unacknowledged_tasks.len(), 1);
    let missed: Vec<_> =
        subscribe.unacknowledged_updates.iter().map(|update| update.status.state()).collect();
    assert_eq!(missed, [TaskStarting, TaskRunning, TaskFinished]);
    drop((runtime, process));
}

#[test]
fn an_executor_whose_agent_is_lost_for_good_ends_its_task() {
    let mut agent = Agent::start();
    let (runtime, process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    agent.launch(task("t", "sleep 1000"));
    states(&agent, 2);
    agent.go_away();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime.block_on(process.wait());
        let _ = sender.send(());
    });
    ended.recv_timeout(Duration::from_secs(20)).expect("the executor ends within its grace period");
}

#[test]
fn a_failing_health_check_kills_the_task() {
    let mut agent = Agent::start();
    let (_runtime, _process) = executor(&agent, |_| {});
    agent.subscribed(&[]);
    let mut checked = task("t", "sleep 1000");
    checked.health_check = Some(api::v1::HealthCheck {
        r#type: Some(api::v1::health_check::Type::Command.into()),
        command: Some(api::v1::CommandInfo { value: Some("exit 1".into()), ..Default::default() }),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.0),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(2),
        ..Default::default()
    });
    agent.launch(checked);
    states(&agent, 2);
    for _ in 0..2 {
        let status = agent.update();
        assert_eq!((status.state(), status.healthy), (TaskRunning, Some(false)));
    }
    let status = agent.update();
    assert_eq!((status.state(), status.healthy), (TaskKilled, Some(false)));
}

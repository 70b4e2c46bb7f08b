//! The leader is killed with `kill -9`, and everybody goes on with another.

use std::process::Command;

use crate::masters::{Masters, agent, known, registered};
use crate::support::{HECTARE, Job, Running, free_port, get, request, wait_for};

fn states(address: &str) -> Vec<(String, String)> {
    let tasks = get(address, "/tasks");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let tasks = tasks["tasks"].as_array().expect("a list");
    tasks.iter().map(|task| (text(&task["name"]), text(&task["state"]))).collect()
}

#[test]
fn a_master_that_is_alone_remembers_its_agents() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let dir = |name: &str| scratch.path().join(name).display().to_string();
    let master = ["master".to_owned(), format!("--port={port}"), format!("--work_dir={}", dir("master"))];
    let master: Vec<&str> = master.iter().map(String::as_str).collect();
    let first = Running::start(&master);
    let agent = agent(&address, scratch.path());
    let id = known(&agent, &address);

    first.kill();
    let _second = Running::start(&master);
    assert_eq!(wait_for("the agent to be back", || registered(&address)), id);
}

#[test]
fn a_leader_that_is_killed_is_followed_by_another_and_no_task_notices() {
    let mut masters = Masters::start();
    let list = masters.list();
    let agent = agent(&list, masters.scratch.path());
    let leader = masters.leader();
    let id = known(&agent, &masters.addresses[leader]);

    // Whoever asks another master is sent on.
    let standby = (leader + 1) % 3;
    wait_for("the standby to know the leader", || {
        (request(&masters.addresses[standby], "GET", "/state", "").0 == 307).then_some(())
    });
    assert_eq!(request(&masters.addresses[standby], "GET", "/health", "").0, 200);
    assert_eq!(request(&masters.addresses[standby], "GET", "/redirect", "").0, 307);
    let registry = request(&masters.addresses[standby], "GET", "/registrar(1)/registry", "");
    assert_eq!(registry, (200, "{}".to_owned()), "nothing is recovered where nobody leads");

    let gate = masters.scratch.path().join("gate");
    let line = format!("--command=while [ ! -e {} ]; do sleep 0.05; done; exit 37", gate.display());
    let master = format!("--master={list}");
    let mut job = Job::start(&["run", &master, "--name=long", &line]);
    wait_for("it to run", || {
        states(&masters.addresses[leader]).contains(&("long".into(), "TASK_RUNNING".into())).then_some(())
    });

    let pid = masters.running[leader].as_ref().expect("it runs").pid();
    masters.running[leader].take().expect("it runs").kill();
    let next = masters.leader();
    assert_ne!(next, leader, "master {pid} is dead");
    let again = wait_for("the agent to be back", || registered(&masters.addresses[next]));
    assert_eq!(again, id, "it is known to the registry");
    wait_for("its task to be known again", || {
        states(&masters.addresses[next]).contains(&("long".into(), "TASK_RUNNING".into())).then_some(())
    });

    // The one that was killed comes back to what it had, and stands by.
    masters.start_one(leader);
    wait_for("it to follow", || {
        (request(&masters.addresses[leader], "GET", "/state", "").0 == 307).then_some(())
    });

    std::fs::write(&gate, "").expect("the gate opens");
    assert_eq!(job.code(), Some(37), "its scheduler has found the next master by itself");
    let output = Command::new(HECTARE).args(["ps", "--all", &master, "--output=json"]).output();
    let output = output.expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drop(agent);
}

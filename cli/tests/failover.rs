//! Three masters and nothing else: the leader is killed with `kill -9`, and everybody goes on with another.

mod support;

use std::process::Command;

use support::{HECTARE, Job, Running, free_port, get, request, wait_for};

struct Masters {
    addresses: Vec<String>,
    scratch: tempfile::TempDir,
    running: Vec<Option<Running>>,
}

impl Masters {
    fn start() -> Masters {
        let addresses = (0..3).map(|_| format!("127.0.0.1:{}", free_port())).collect();
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let mut masters = Masters { addresses, scratch, running: vec![None, None, None] };
        (0..3).for_each(|number| masters.start_one(number));
        masters
    }

    fn start_one(&mut self, number: usize) {
        let port = self.addresses[number].rsplit(':').next().expect("a port");
        let dir = self.scratch.path().join(format!("master-{number}"));
        let flags = [
            "master".to_owned(),
            format!("--port={port}"),
            format!("--masters={}", self.list()),
            format!("--work_dir={}", dir.display()),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        self.running[number] = Some(Running::start(&flags));
    }

    fn list(&self) -> String {
        self.addresses.join(",")
    }

    /// Which of those that run leads and is ready.
    fn leader(&self) -> usize {
        wait_for("a leader", || {
            (0..3).find(|number| {
                self.running[*number].is_some()
                    && request(&self.addresses[*number], "GET", "/state", "").0 == 200
            })
        })
    }
}

fn states(address: &str) -> Vec<(String, String)> {
    let tasks = get(address, "/tasks");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let tasks = tasks["tasks"].as_array().expect("a list");
    tasks.iter().map(|task| (text(&task["name"]), text(&task["state"]))).collect()
}

fn registered(address: &str) -> Option<String> {
    let (status, body) = request(address, "GET", "/slaves", "");
    let slaves: serde_json::Value = serde_json::from_str(&body).ok().filter(|_| status == 200)?;
    let agent = slaves["slaves"].as_array()?.iter().find(|agent| agent["active"] == true)?;
    agent["id"].as_str().map(str::to_owned)
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
    let agent = [
        "agent".to_owned(),
        "--port=0".to_owned(),
        format!("--master={address}"),
        format!("--work_dir={}", dir("work")),
        format!("--runtime_dir={}", dir("run")),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ];
    let agent: Vec<&str> = agent.iter().map(String::as_str).collect();
    let _agent = Running::start(&agent);
    let id = wait_for("the agent", || registered(&address));

    first.kill();
    let _second = Running::start(&master);
    assert_eq!(wait_for("the agent to be back", || registered(&address)), id);
}

#[test]
fn a_leader_that_is_killed_is_followed_by_another_and_no_task_notices() {
    let mut masters = Masters::start();
    let list = masters.list();
    let agent = [
        "agent".to_owned(),
        "--port=0".to_owned(),
        format!("--master={list}"),
        format!("--work_dir={}", masters.scratch.path().join("work").display()),
        format!("--runtime_dir={}", masters.scratch.path().join("run").display()),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ];
    let agent: Vec<&str> = agent.iter().map(String::as_str).collect();
    let agent = Running::start(&agent);
    let leader = masters.leader();
    let id = wait_for("the agent", || registered(&masters.addresses[leader]));

    // Whoever asks another master is sent on.
    let standby = (leader + 1) % 3;
    wait_for("the standby to know the leader", || {
        (request(&masters.addresses[standby], "GET", "/state", "").0 == 307).then_some(())
    });
    assert_eq!(request(&masters.addresses[standby], "GET", "/health", "").0, 200);
    assert_eq!(request(&masters.addresses[standby], "GET", "/redirect", "").0, 307);

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

//! An agent that is killed with `kill -9` finds its tasks again, and no update is lost.

mod support;

use std::process::Command;

use support::{HECTARE, Job, Running, get, wait_for};

#[test]
fn tasks_outlive_an_agent_that_is_killed() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
    let address = master.address();
    let flags = [
        "agent".to_owned(),
        // Executors come back to the port they know.
        format!("--port={}", support::free_port()),
        format!("--master={address}"),
        format!("--work_dir={}", scratch.path().join("work").display()),
        format!("--runtime_dir={}", scratch.path().join("run").display()),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let agent = Running::start(&flags);

    // One task that ends while there is no agent, followed all the while, and one that runs on.
    let gate = scratch.path().join("gate");
    let line =
        format!("echo before; while [ ! -e {} ]; do sleep 0.05; done; echo after; exit 37", gate.display());
    let printed = scratch.path().join("printed");
    let (master_flag, line) = (format!("--master={address}"), format!("--command={line}"));
    let output = std::fs::File::create(&printed).expect("the scratch directory takes a file");
    let mut brief = Job::printing_to(&["run", &master_flag, "--name=brief", &line], output);
    let mut long = Job::start(&["run", &master_flag, "--name=long", "--no-follow", "--command=sleep 1000"]);
    wait_for("both to run", || (states(&address, "TASK_RUNNING").len() == 2).then_some(()));
    let before = agent_id(&address).expect("it is registered");

    agent.kill();
    std::fs::write(&gate, "").expect("the gate opens");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let agent = Running::start(&flags);

    assert_eq!(brief.code(), Some(37), "its true exit code, once the agent is back");
    assert_eq!(std::fs::read_to_string(&printed).expect("it printed"), "before\nafter\n");
    wait_for("the agent to be back", || agent_id(&address).filter(|id| *id == before));
    assert_eq!(states(&address, "TASK_RUNNING").len(), 1);

    let id = states(&address, "TASK_RUNNING").remove(0);
    let killed = Command::new(HECTARE).args(["kill", &format!("--master={address}"), &id]).status();
    assert!(killed.expect("the binary starts").success());
    assert_eq!(long.code(), Some(143));
    drop(agent);
}

#[test]
fn an_agent_on_any_free_port_comes_back_to_the_one_its_executors_know() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
    let address = master.address();
    let flags = [
        "agent".to_owned(),
        "--port=0".to_owned(),
        format!("--master={address}"),
        format!("--work_dir={}", scratch.path().join("work").display()),
        format!("--runtime_dir={}", scratch.path().join("run").display()),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let agent = Running::start(&flags);
    let (gate, before) = (scratch.path().join("gate"), agent.address());
    let line = format!("while [ ! -e {} ]; do sleep 0.05; done; exit 37", gate.display());
    let (master_flag, line) = (format!("--master={address}"), format!("--command={line}"));
    let mut job = Job::start(&["run", &master_flag, "--no-follow", &line]);
    wait_for("it to run", || (states(&address, "TASK_RUNNING").len() == 1).then_some(()));

    agent.kill();
    let agent = Running::start(&flags);
    assert_eq!(agent.address(), before);
    std::fs::write(&gate, "").expect("the gate opens");
    assert_eq!(job.code(), Some(37), "its executor found the agent");
    drop(agent);
}

fn states(address: &str, state: &str) -> Vec<String> {
    let tasks = get(address, "/tasks");
    let tasks = tasks["tasks"].as_array().expect("a list");
    tasks
        .iter()
        .filter(|t| t["state"] == state)
        .map(|t| t["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn agent_id(address: &str) -> Option<String> {
    let slaves = get(address, "/slaves");
    let agent = slaves["slaves"].as_array()?.iter().find(|agent| agent["active"] == true)?;
    agent["id"].as_str().map(str::to_owned)
}

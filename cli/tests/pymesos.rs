//! An unmodified Mesos framework, in Python, on the real binary.

mod support;

use std::process::Command;
use support::{HECTARE, Running};

#[test]
fn pymesos_runs_its_tasks_on_a_local_cluster() {
    let python = match support::python_with_pymesos() {
        Ok(python) => python,
        Err(why) => return support::skip("pymesos", &why),
    };
    let cluster = Running::local();
    drive(&python, &cluster.master(), &[]);
    assert_eq!(cluster.stop(), Some(0), "{HECTARE} ends cleanly");
}

#[test]
fn pymesos_runs_its_tasks_on_a_master_and_an_agent_started_by_hand() {
    let python = match support::python_with_pymesos() {
        Ok(python) => python,
        Err(why) => return support::skip("pymesos by hand", &why),
    };
    let work = tempfile::tempdir().expect("a scratch directory");
    let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
    let agent = Running::start(&[
        "agent",
        "--port=0",
        &format!("--master={}", master.address()),
        &format!("--work_dir={}", work.path().join("work").display()),
        &format!("--runtime_dir={}", work.path().join("run").display()),
        "--resources=cpus:4;mem:4096;disk:10240;ports:[31000-32000]",
    ]);
    drive(&python, &master.address(), &[]);
    drop(agent);
}

#[test]
fn pymesos_proves_who_it_is_where_frameworks_have_to() {
    let python = match support::python_with_pymesos() {
        Ok(python) => python,
        Err(why) => return support::skip("pymesos with a principal", &why),
    };
    let work = tempfile::tempdir().expect("a scratch directory");
    let credentials = work.path().join("credentials.json");
    let secrets =
        r#"{"credentials": [{"principal": "ann", "secret": "s:1"}, {"principal": "agent", "secret": "t"}]}"#;
    std::fs::write(&credentials, secrets).expect("a file");
    let own = work.path().join("agent.json");
    std::fs::write(&own, r#"{"principal": "agent", "secret": "t"}"#).expect("a file");
    let rules = r#"{"permissive": false,
        "register_frameworks": [{"principals": {"values": ["ann"]}, "roles": {"type": "ANY"}}],
        "run_tasks": [{"principals": {"values": ["ann"]}, "users": {"type": "ANY"}}],
        "register_agents": [{"principals": {"values": ["agent"]}, "agents": {"type": "ANY"}}],
        "view_frameworks": [{"principals": {"type": "ANY"}, "users": {"type": "ANY"}}]}"#;
    let master = Running::start(&[
        "master",
        "--port=0",
        "--registry=in_memory",
        "--authenticate_http_frameworks",
        "--http_framework_authenticators=basic",
        "--authenticate_agents",
        &format!("--credentials={}", credentials.display()),
        &format!("--acls={rules}"),
    ]);
    let agent = Running::start(&[
        "agent",
        "--port=0",
        &format!("--master={}", master.address()),
        &format!("--credential={}", own.display()),
        &format!("--work_dir={}", work.path().join("work").display()),
        &format!("--runtime_dir={}", work.path().join("run").display()),
        "--resources=cpus:4;mem:4096;disk:10240;ports:[31000-32000]",
    ]);
    drive(&python, &master.address(), &["ann", "s:1"]);
    let frameworks = support::get(&master.address(), "/frameworks");
    let completed = frameworks["completed_frameworks"].as_array().expect("a list");
    assert!(completed.iter().all(|framework| framework["principal"] == "ann"), "{frameworks}");
    drop(agent);
}

/// Runs the whole scenario; it says `ok …` once per promise, so a cut-off run cannot pass.
fn drive(python: &std::path::Path, master: &str, credential: &[&str]) {
    const PROMISES: usize = 14;
    let clients = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/pymesos");
    let executor = format!("exec {} {}", python.display(), clients.join("executor.py").display());
    let output = Command::new(python)
        .arg(clients.join("scheduler.py"))
        .args([master, &executor])
        .args(credential)
        .output()
        .expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert_eq!(said.matches("ok ").count(), PROMISES, "{said}\n{complained}");

    let frameworks = support::get(master, "/frameworks");
    let completed = frameworks["completed_frameworks"].as_array().expect("a list");
    assert!(completed.iter().any(|f| f["name"] == "pymesos"), "torn down: {frameworks}");
}

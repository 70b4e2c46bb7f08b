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
    drive(&python, &cluster.master());
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
    drive(&python, &master.address());
    drop(agent);
}

/// Runs the whole scenario; it says `ok …` once per promise, so a cut-off run cannot pass.
fn drive(python: &std::path::Path, master: &str) {
    const PROMISES: usize = 14;
    let clients = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/pymesos");
    let executor = format!("exec {} {}", python.display(), clients.join("executor.py").display());
    let output = Command::new(python)
        .arg(clients.join("scheduler.py"))
        .args([master, &executor])
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

//! An unmodified Mesos framework, in JavaScript, on the real binary.

mod support;

use std::path::Path;
use std::process::Command;

use support::{HECTARE, Running};

#[test]
fn mesos_framework_runs_its_tasks_on_a_local_cluster() {
    let modules = match support::node_modules() {
        Ok(modules) => modules,
        Err(why) => return support::skip("mesos-framework", &why),
    };
    let cluster = Running::local();
    drive(&modules, &cluster.master());
    assert_eq!(cluster.stop(), Some(0), "{HECTARE} ends cleanly");
}

/// Runs the whole scenario; it says `ok …` once per promise, so a cut-off run cannot pass.
fn drive(modules: &Path, master: &str) {
    const PROMISES: usize = 11;
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/mesos_framework/scheduler.js");
    // It writes its log into a directory of that name, which must be there.
    let scratch = tempfile::tempdir().expect("a scratch directory");
    std::fs::create_dir(scratch.path().join("logs")).expect("a scratch directory takes another");
    let output = Command::new("node")
        .args([Path::new("--no-deprecation"), &client, modules])
        .arg(master)
        .current_dir(scratch.path())
        .output()
        .expect("Node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert_eq!(said.matches("ok ").count(), PROMISES, "{said}\n{complained}");

    let frameworks = support::get(master, "/frameworks");
    let completed = frameworks["completed_frameworks"].as_array().expect("a list");
    assert!(completed.iter().any(|f| f["name"] == "mesos-framework"), "torn down: {frameworks}");
}

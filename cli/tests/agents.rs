//! What agents say of themselves, as their master shows it.

mod support;

use support::{Running, get, wait_for};

const MODULES: &str = r#"--modules={"libraries": [{"modules": [{"name": "org_apache_mesos_FixedResourceEstimator",
    "parameters": [{"key": "resources", "value": "cpus:2"}]}]}]}"#;
const ESTIMATOR: &str = "--resource_estimator=org_apache_mesos_FixedResourceEstimator";

fn domain(zone: &str) -> String {
    format!(r#"--domain={{"fault_domain": {{"region": {{"name": "north"}}, "zone": {{"name": "{zone}"}}}}}}"#)
}

fn agent(scratch: &tempfile::TempDir, master: &str, more: &[&str]) -> Running {
    let flags = flags(scratch, master, more);
    Running::start(&flags.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Of `more` a flag replaces the usual one of its name.
fn flags(scratch: &tempfile::TempDir, master: &str, more: &[&str]) -> Vec<String> {
    let usual = [
        "agent".to_owned(),
        "--port=0".to_owned(),
        format!("--master={master}"),
        format!("--work_dir={}", scratch.path().join("work").display()),
        format!("--runtime_dir={}", scratch.path().join("run").display()),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ];
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    let kept = usual.into_iter().filter(|flag| more.iter().all(|other| name(other) != name(flag)));
    kept.chain(more.iter().map(|flag| (*flag).to_owned())).collect()
}

fn revocable(master: &str) -> f64 {
    get(master, "/metrics/snapshot")["master/cpus_revocable_total"].as_f64().expect("a figure")
}

#[test]
fn what_an_agent_gives_once_more_is_the_masters_to_offer_until_it_does_not() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
    let address = master.address();
    let first = agent(&scratch, &address, &[MODULES, ESTIMATOR]);
    wait_for("two processors more", || (revocable(&address) == 2.0).then_some(()));
    first.kill();
    let _second = agent(&scratch, &address, &[]);
    wait_for("none", || (revocable(&address) == 0.0).then_some(()));
}

#[test]
fn an_agent_that_has_gained_is_the_same_one_and_one_that_lost_does_not_start() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let master = Running::start(&["master", "--port=0", "--registry=in_memory"]);
    let address = master.address();
    let first = agent(&scratch, &address, &[]);
    let only = || get(&address, "/slaves")["slaves"].as_array().expect("a list").first().cloned();
    let id = wait_for("the agent", || only()?["id"].as_str().map(str::to_owned));
    first.kill();

    let more = "--resources=cpus:8;mem:2048;disk:1024;ports:[31000-31200]";
    let why = refused(&scratch, &address, &[more, "--attributes=rack:r1"]);
    for part in [
        "the agent is not what it was, which --reconfiguration_policy=equal forbids: ",
        "resources cpus:4; mem:2048; disk:1024; ports:[31000-31100] is now cpus:8; ",
        "attributes none is now rack:r1",
        "or with --reconfiguration_policy=additive",
    ] {
        assert!(why.contains(part), "{part} is not in {why}");
    }

    let additive = "--reconfiguration_policy=additive";
    let second = agent(&scratch, &address, &[more, "--attributes=rack:r1", additive]);
    let same = wait_for("the master to hear of it", || only().filter(|one| one["resources"]["cpus"] == 8.0));
    assert_eq!((same["id"].as_str(), &same["attributes"]["rack"]), (Some(&*id), &"r1".into()));
    let metric = |name: &str| get(&address, "/metrics/snapshot")[name].as_f64();
    wait_for("it to be offered", || metric("master/cpus_total").filter(|cpus| *cpus == 8.0));
    second.kill();

    let why = refused(&scratch, &address, &[additive]);
    assert!(why.contains("ports:[31000-31200] is now") && why.contains("--recover=cleanup"), "{why}");
    // What it runs is ended, and with that it may be anything.
    assert_eq!(agent_to_its_end(&scratch, &address, &["--recover=cleanup"]).0, Some(0));
    let _third = agent(&scratch, &address, &[additive]);
    let other = |one: &serde_json::Value| one["active"] == true && one["id"] != *id;
    let all = || get(&address, "/slaves")["slaves"].as_array().expect("a list").clone();
    let other = wait_for("another agent", || all().into_iter().find(|one| other(one)));
    assert_eq!(other["resources"]["cpus"], 4.0);
}

fn refused(scratch: &tempfile::TempDir, master: &str, more: &[&str]) -> String {
    let (code, said) = agent_to_its_end(scratch, master, more);
    assert_eq!(code, Some(1), "{said}");
    said
}

/// How one ended, and what it said.
fn agent_to_its_end(scratch: &tempfile::TempDir, master: &str, more: &[&str]) -> (Option<i32>, String) {
    let flags = flags(scratch, master, more);
    let output =
        std::process::Command::new(support::HECTARE).args(flags).output().expect("the binary starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn where_masters_and_agents_stand_is_shown_and_agents_that_stand_nowhere_can_be_left_out() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let flags = ["master", "--port=0", "--registry=in_memory", "--require_agent_domain", &domain("a")];
    let master = Running::start(&flags);
    let address = master.address();
    let _agent = agent(&scratch, &address, &[&domain("b")]);
    let agents = || get(&address, "/slaves")["slaves"].as_array().expect("a list").clone();
    let one = wait_for("the agent", || agents().pop());
    assert_eq!(one["domain"]["fault_domain"]["zone"]["name"], "b");
    assert_eq!(get(&address, "/state")["domain"]["fault_domain"]["region"]["name"], "north");

    let nowhere = tempfile::tempdir().expect("a scratch directory");
    let _left_out = agent(&nowhere, &address, &[]);
    let asked = || get(&address, "/metrics/snapshot")["master/messages_register_slave"].as_f64();
    wait_for("it to ask twice", || asked().filter(|times| *times >= 3.0));
    assert_eq!(agents().len(), 1);
}

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
    let flags = [
        "agent".to_owned(),
        "--port=0".to_owned(),
        format!("--master={master}"),
        format!("--work_dir={}", scratch.path().join("work").display()),
        format!("--runtime_dir={}", scratch.path().join("run").display()),
        "--resources=cpus:4;mem:2048;disk:1024;ports:[31000-31100]".to_owned(),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Running::start(&flags)
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

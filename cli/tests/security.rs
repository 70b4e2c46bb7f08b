//! Clusters that ask who comes, and say no.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use support::{HECTARE, Running, get, request, wait_for};

fn hectare(arguments: &[&str]) -> Output {
    Command::new(HECTARE)
        .args(arguments)
        .env_remove("HECTARE_CREDENTIAL")
        .output()
        .expect("the binary starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The whole answer to a GET, head and all. `authorization` is a line of the head, or nothing.
fn answer(address: &str, path: &str, authorization: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("the address listens");
    write!(socket, "GET {path} HTTP/1.0\r\nHost: {address}\r\n{authorization}\r\n")
        .expect("it takes a request");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("the answer is text");
    answer
}

fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

/// Base64 of `ann:secret`.
const ANN: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";

#[test]
fn a_local_cluster_with_a_credential_serves_those_who_have_it_and_nobody_else() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let ann = format!("--credential={}", file(dir.path(), "ann", "ann secret\n"));
    let eve = format!("--credential={}", file(dir.path(), "eve", r#"{"principal": "ann", "secret": "x"}"#));
    let cluster = Running::start(&["local", "--port=0", &ann]);
    let (address, master) = (cluster.master(), format!("--master={}", cluster.master()));
    let agent = cluster.facts["agents"][0].as_str().expect("an agent").to_owned();

    for (address, path, realm) in [
        (&address, "/state", "mesos-master-readonly"),
        (&address, "/metrics/snapshot", "mesos-master-readonly"),
        (&address, "/weights", "mesos-master-readwrite"),
        (&address, "/api/v1/scheduler", "mesos-master-scheduler"),
        (&agent, "/state", "mesos-agent-readonly"),
        (&agent, "/files/browse?path=/", "mesos-agent-readonly"),
        (&agent, "/api/v1", "mesos-agent-readwrite"),
        (&agent, "/api/v1/executor", "mesos-agent-executor"),
    ] {
        let answer = answer(address, path, "").to_lowercase();
        assert!(answer.starts_with("http/1.0 401") || answer.starts_with("http/1.1 401"), "{path}: {answer}");
        assert!(answer.contains(&format!("realm=\"{realm}\"")), "{path}: {answer}");
    }
    for path in ["/health", "/version"] {
        assert!(answer(&address, path, "").contains(" 200 "), "{path} is for everybody");
    }
    assert!(answer(&address, "/state", ANN).contains(" 200 "));

    let run = hectare(&["run", &master, &ann, "--command=env; echo done"]);
    assert_eq!(run.status.code(), Some(0), "{}\n{}", out(&run), err(&run));
    assert!(out(&run).contains("done") && !out(&run).contains("AUTHENTICATION_TOKEN"), "{}", out(&run));
    let tasks = hectare(&["ps", &master, &ann, "--all", "--output=json"]);
    assert!(out(&tasks).contains("TASK_FINISHED"), "{}", err(&tasks));
    let by_variable = Command::new(HECTARE)
        .args(["state", &master])
        .env("HECTARE_CREDENTIAL", dir.path().join("ann"))
        .output()
        .expect("the binary starts");
    assert!(by_variable.status.success(), "{}", err(&by_variable));

    for credential in [&[][..], &[eve.as_str()]] {
        let refused = hectare(&[&["ps", &master], credential].concat());
        assert!(
            !refused.status.success() && err(&refused).contains("--credential=FILE"),
            "{}",
            err(&refused)
        );
    }
    let refused = hectare(&["run", &master, &eve, "--command=true"]);
    assert!(!refused.status.success() && err(&refused).contains("401"), "{}", err(&refused));
    assert_eq!(cluster.stop(), Some(0));
}

#[test]
fn an_agent_that_does_not_prove_itself_is_not_let_in() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let master = Running::start(&[
        "master",
        "--port=0",
        "--registry=in_memory",
        "--authenticate_agents",
        &format!("--credentials={}", file(dir.path(), "all", "agent good\n")),
    ]);
    let agent = |name: &str, credential: Option<&str>| {
        let mut arguments = vec![
            "agent".to_owned(),
            "--port=0".to_owned(),
            format!("--master={}", master.address()),
            format!("--work_dir={}", dir.path().join(name).display()),
            format!("--runtime_dir={}", dir.path().join(name).join("run").display()),
            "--resources=cpus:1;mem:512;disk:100".to_owned(),
            format!("--attributes=name:{name}"),
        ];
        arguments.extend(credential.map(|credential| format!("--credential={credential}")));
        Running::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let bad = file(dir.path(), "bad", "agent bad\n");
    let good = file(dir.path(), "good", "agent good\n");
    let _without = agent("without", None);
    let _wrong = agent("wrong", Some(&bad));
    let _right = agent("right", Some(&good));
    wait_for("the agent to register", || {
        let known = get(&master.address(), "/slaves");
        (!known["slaves"].as_array()?.is_empty()).then_some(())
    });
    let known = get(&master.address(), "/slaves");
    let names: Vec<_> =
        known["slaves"].as_array().expect("a list").iter().map(|a| &a["attributes"]["name"]).collect();
    assert_eq!(names, ["right"]);
    let metrics = get(&master.address(), "/metrics/snapshot");
    let run = hectare(&["run", &format!("--master={}", master.address()), "--command=echo here"]);
    assert!(out(&run).contains("here"), "the master reaches its agent: {}\n{metrics}", err(&run));
}

#[test]
fn an_address_of_a_network_is_refused_unless_it_is_protected_or_said_to_be_trusted() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let work = format!("--work_dir={}", dir.path().display());
    for arguments in [
        &["master", "--ip=0.0.0.0", "--port=0", "--registry=in_memory"][..],
        &["agent", "--ip=0.0.0.0", "--port=0", "--master=127.0.0.1:1", &work],
        &["local", "--ip=0.0.0.0", "--port=0"],
    ] {
        let refused = hectare(arguments);
        assert!(!refused.status.success(), "{arguments:?}");
        for part in ["faces a network", "TLS", "--authenticate_http_readonly", "--allow_insecure"] {
            assert!(err(&refused).contains(part), "{arguments:?}: {}", err(&refused));
        }
    }
    let port = support::free_port();
    let trusted = ["master", "--ip=0.0.0.0", "--advertise_ip=127.0.0.1", "--registry=in_memory"];
    let _master = Running::start(&[&trusted[..], &["--allow_insecure", &format!("--port={port}")]].concat());
    assert_eq!(request(&format!("127.0.0.1:{port}"), "GET", "/health", "").0, 200);
}

#[test]
fn rules_can_be_asked_without_a_cluster() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let rules = r#"{"permissive": false, "run_task": [],
        "run_tasks": [{"principals": {"values": ["ann"]}, "users": {"values": ["web"]}}]}"#;
    let acls = format!("--acls=file://{}", file(dir.path(), "acls.json", rules));
    let explain = |more: &[&str]| hectare(&[&["auth", "explain", &acls], more].concat());

    let allowed = explain(&["--principal=ann", "run_task", "web"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", err(&allowed));
    assert_eq!(out(&allowed), "allowed: run_tasks[0] is the first rule that matches, which allows it\n");
    assert!(err(&allowed).contains("did you mean 'run_tasks'?"), "{}", err(&allowed));
    let denied = explain(&["run_tasks", "root", "--output=json"]);
    assert_eq!(denied.status.code(), Some(1), "{}", err(&denied));
    let said: serde_json::Value = serde_json::from_slice(&denied.stdout).expect("JSON");
    assert_eq!((&said["allowed"], &said["list"]), (&false.into(), &"run_tasks".into()), "{said}");
    let nobody = explain(&["view_role", "we b"]);
    assert!(!nobody.status.success() && out(&nobody).is_empty(), "{}", out(&nobody));
    assert!(err(&nobody).contains("contains whitespace"), "{}", err(&nobody));
    let unknown = explain(&["fly"]);
    assert!(!unknown.status.success() && err(&unknown).contains("hectare auth actions"), "{}", err(&unknown));
    assert!(out(&hectare(&["auth", "actions"])).contains("VIEW_ROLE\tview_roles\troles"));
}

#[test]
fn rules_that_change_hold_without_a_restart() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let rules = |text: &str| file(dir.path(), "acls.json", text);
    let flags_for = |kind: &str| {
        format!(r#"{{"view_flags": [{{"principals": {{"type": "{kind}"}}, "flags": {{"type": "ANY"}}}}]}}"#)
    };
    let acls = format!("--acls={}", rules(&flags_for("ANY")));
    let master = Running::start(&["master", "--port=0", "--registry=in_memory", &acls]);
    let status = || request(&master.address(), "GET", "/flags", "").0;
    assert_eq!(status(), 200);
    rules(&flags_for("NONE"));
    wait_for("the new rules", || (status() == 403).then_some(()));
}

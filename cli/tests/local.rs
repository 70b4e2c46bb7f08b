//! `hectare local` and the commands that look at it, as the README shows them.

mod support;

use std::process::{Command, Output};

use support::{HECTARE, Job, Running, get, request, wait_for};

fn hectare(arguments: &[&str]) -> Output {
    Command::new(HECTARE).args(arguments).output().expect("the binary starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_command_runs_as_a_task_and_its_output_and_exit_code_come_back() {
    let said =
        hectare(&["local", "--", "sh", "-c", "echo hello from $MESOS_TASK_ID; echo trouble >&2; exit 7"]);
    assert_eq!(said.status.code(), Some(7), "{}\n{}", out(&said), err(&said));
    assert!(out(&said).starts_with("hello from sh-"), "{}", out(&said));
    assert!(err(&said).contains("trouble"), "{}", err(&said));
    assert!(err(&said).contains("failed: Command exited with status 7"), "{}", err(&said));
}

#[test]
fn a_program_that_is_killed_gives_the_code_a_shell_would() {
    let said = hectare(&["local", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(said.status.code(), Some(137), "{}\n{}", out(&said), err(&said));
}

#[test]
fn servers_may_open_more_files_than_they_were_given_and_tasks_may_not() {
    // `$$` is the process that becomes the cluster.
    let script =
        r#"ulimit -Sn 500; exec "$0" local -- sh -c "ulimit -Sn; grep 'Max open files' /proc/$$/limits""#;
    let said = Command::new("sh").args(["-c", script, HECTARE]).output().expect("a shell");
    assert_eq!(said.status.code(), Some(0), "{}", err(&said));
    let out = out(&said);
    let [tasks, servers] = out.lines().collect::<Vec<_>>()[..] else { panic!("{out}") };
    assert_eq!(tasks, "500");
    let servers: Vec<&str> = servers.split_whitespace().collect();
    assert_eq!(servers[3], servers[4], "the soft limit is as high as the hard one");
    assert_ne!(servers[3], "500");
}

#[test]
fn a_cluster_is_looked_at_used_and_ended() {
    let cluster = Running::local();
    let master = format!("--master={}", cluster.master());

    let state = hectare(&["state", &master]);
    assert!(out(&state).lines().filter(|line| line.contains("active")).count() >= 2, "{}", out(&state));

    let run = hectare(&[
        "run",
        &master,
        "--name=greet",
        "--instances=3",
        "--env=WHO=you",
        "--command=echo hi $WHO",
    ]);
    assert_eq!(run.status.code(), Some(0), "{}", err(&run));
    assert_eq!(out(&run).matches("hi you").count(), 3, "{}", out(&run));

    let all = hectare(&["ps", &master, "--all", "--output=json"]);
    let tasks: serde_json::Value = serde_json::from_slice(&all.stdout).expect("JSON");
    let greeted: Vec<_> = tasks.as_array().expect("a list").iter().filter(|t| t["name"] == "greet").collect();
    assert_eq!(greeted.len(), 3, "{tasks}");
    let id = greeted[0]["id"].as_str().expect("an id");
    let logs = hectare(&["logs", &master, id]);
    assert_eq!(out(&logs), "hi you\n", "{}", err(&logs));

    assert_eq!(cluster.stop(), Some(0));
}

#[test]
fn a_running_task_is_listed_followed_and_killed() {
    let cluster = Running::local();
    let address = cluster.master();
    let master = format!("--master={address}");
    let mut run =
        Job::start(&["run", &master, "--name=long", "--no-follow", "--command=echo started; sleep 1000"]);
    let id = wait_for("the task to run", || {
        let tasks = get(&address, "/tasks");
        let tasks = tasks["tasks"].as_array().expect("a list");
        tasks
            .iter()
            .find(|task| task["state"] == "TASK_RUNNING")
            .map(|task| task["id"].as_str().unwrap().to_owned())
    });
    assert!(out(&hectare(&["ps", &master])).contains(&id));
    wait_for("its output", || (out(&hectare(&["logs", &master, &id])) == "started\n").then_some(()));

    let kill = hectare(&["kill", &master, &id]);
    assert!(kill.status.success(), "{}", err(&kill));
    assert_eq!(run.code(), Some(143));
    assert!(!out(&hectare(&["ps", &master])).contains(&id));
}

#[test]
fn a_task_that_waits_is_told_why() {
    let cluster = Running::local();
    let address = cluster.master();
    let master = format!("--master={address}");
    let wants = "--resources=cpus:100000";
    let _run = Job::start(&["run", &master, "--name=huge", wants, "--command=true"]);
    let name = "--framework=hectare run huge";
    let why = || out(&hectare(&["why", &master, name, wants]));
    let said =
        wait_for("the offers to be too little", || Some(why()).filter(|said| said.contains("too_little")));
    assert!(said.contains("in role *, 2 of 2 agents looked at"), "{said}");
    assert!(said.contains("to open 2 of them: want less"), "{said}");

    let nobody = hectare(&["why", &master, "--role=nobody"]);
    assert!(err(&nobody).contains("Nobody is in role 'nobody'"), "{}", err(&nobody));
    let unclear = hectare(&["why", &master]);
    assert!(!unclear.status.success() && err(&unclear).contains("--framework"), "{}", err(&unclear));
}

#[test]
fn mistakes_are_told_with_what_to_do_next() {
    let nobody = hectare(&["ps", "--master=127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(err(&nobody).contains("hectare local"), "{}", err(&nobody));

    let unknown = hectare(&["agent", "--work_dir=/tmp/x", "--master=127.0.0.1:5050", "--no_such_flag=1"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(err(&unknown).contains("--no_such_flag"), "{}", err(&unknown));

    let later =
        hectare(&["agent", "--work_dir=/tmp/x", "--master=127.0.0.1:5050", "--containerizers=docker"]);
    assert!(err(&later).contains("not supported yet"), "{}", err(&later));

    let resources = hectare(&["local", "--resources=cpus:many", "--", "true"]);
    assert_eq!(resources.status.code(), Some(1));
    assert!(err(&resources).contains("cpus:many"), "{}", err(&resources));

    let cluster = Running::local();
    let taken = cluster.master();
    let port = taken.rsplit(':').next().expect("a port");
    let second = hectare(&["local", &format!("--port={port}")]);
    assert!(err(&second).contains("--port"), "{}", err(&second));

    let task = hectare(&["logs", &format!("--master={taken}"), "no-such-task"]);
    assert!(err(&task).contains("ps --all"), "{}", err(&task));
}

#[test]
fn bad_requests_leave_the_cluster_as_it_was() {
    let cluster = Running::local();
    let address = cluster.master();
    let cases = [
        ("{", 400, "Failed to parse body into JSON"),
        ("[]", 400, "Expecting a JSON object"),
        ("{}", 400, "Expecting 'type' to be present"),
        (r#"{"type":"ACCEPT","framework_id":{"value":"f"}}"#, 400, "Expecting 'accept' to be present"),
        (r#"{"type":"REVIVE","framework_id":{"value":"f"}}"#, 400, "Framework cannot be found"),
    ];
    for (body, status, text) in cases {
        let (answered, said) = request(&address, "POST", "/api/v1/scheduler", body);
        assert_eq!(answered, status, "{body}: {said}");
        assert!(said.contains(text), "{body}: {said}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(request(&address, "POST", "/api/v1/scheduler", &deep).0, 400);
    assert_eq!(request(&address, "GET", "/api/v1/scheduler", "").0, 405);
    assert_eq!(request(&address, "GET", "/no/such/path", "").0, 404);
    assert_eq!(get(&address, "/state")["frameworks"], serde_json::json!([]));
}

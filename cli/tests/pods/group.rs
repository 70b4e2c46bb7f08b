//! Pods of a plain JSON scheduler: each task in a container of its own, through an agent that is killed.

use serde_json::{Value, json};

use crate::scheduler::{Scheduler, ask, task, volume};
use crate::support::{get, wait_for};
use crate::{Cluster, err, hectare, out};

fn containers(agent: &str) -> Vec<Value> {
    let call = json!({"type": "GET_CONTAINERS", "get_containers": {"show_nested": true}});
    ask(agent, &call).1["get_containers"]["containers"].as_array().cloned().unwrap_or_default()
}

fn agent_address(cluster: &Cluster) -> String {
    cluster.agent.as_ref().expect("an agent runs").address()
}

#[test]
fn a_pod_outlives_its_agent_and_is_entered_before_and_after() {
    let mut cluster = Cluster::start();
    let flag = cluster.master_flag();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let wait = "echo up; while [ ! -e go ]; do sleep 0.05; done; echo went; exit 0";
    scheduler.launch_group("pod", vec![task("web", wait), task("log", "echo also up; sleep 1000")]);
    let web = scheduler.state("web", "TASK_RUNNING");
    let log = scheduler.state("log", "TASK_RUNNING");
    let container = &web["container_status"]["container_id"];
    assert_eq!(container["parent"], log["container_status"]["container_id"]["parent"]);
    assert!(container["parent"]["value"].is_string(), "{web}");

    let listed = containers(&agent_address(&cluster));
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(listed[1]["resource_statistics"]["mem_limit_bytes"], 33_554_432);

    let entered = hectare(&["exec", &flag, "web", "--", "sh", "-c", "pwd; echo $MESOS_TASK_ID; exit 5"]);
    assert_eq!(entered.status.code(), Some(5), "{}", err(&entered));
    let id = container["value"].as_str().expect("a name");
    assert!(out(&entered).contains(&format!("/containers/{id}\nweb\n")), "{}", out(&entered));

    // A session that runs while its agent is killed ends; the pod does not.
    let before = containers(&agent_address(&cluster));
    cluster.kill_agent();
    cluster.start_agent();
    wait_for("the agent to be back", || {
        let agents = get(&cluster.address(), "/slaves");
        agents["slaves"][0]["active"].as_bool().filter(|active| *active)
    });
    let pids = |listed: &[Value]| -> Vec<Value> {
        listed.iter().map(|one| one["container_status"]["executor_pid"].clone()).collect()
    };
    assert_eq!(pids(&containers(&agent_address(&cluster))), pids(&before));
    let entered = hectare(&["exec", &flag, "web", "--", "touch", "going"]);
    assert_eq!(entered.status.code(), Some(0), "{}", err(&entered));
    // What ends the task may be ended with it before it has ended by itself.
    hectare(&["exec", &flag, "web", "--", "mv", "going", "go"]);
    let finished = scheduler.state("web", "TASK_FINISHED");
    assert_eq!(finished["message"], "Command exited with status 0");
    let logs = hectare(&["logs", &flag, "web"]);
    assert_eq!(out(&logs), "up\nwent\n", "{}", err(&logs));

    // One that finished leaves the others alone; one that is killed ends the pod.
    scheduler.kill("log");
    scheduler.state("log", "TASK_KILLING");
    let killed = scheduler.state("log", "TASK_KILLED");
    assert_eq!(killed["message"], "Command terminated with signal Terminated");
    wait_for("nothing to be left of its containers", || (cluster.containers() == 0).then_some(()));
}

#[test]
fn one_of_a_pod_that_cannot_start_takes_the_others_with_it() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let mut bad = task("bad", "true");
    bad["command"]["user"] = json!("no-such-user-here");
    scheduler.launch_group("pod", vec![task("good", "sleep 1000"), bad]);
    let failed = scheduler.state("bad", "TASK_FAILED");
    assert!(failed["message"].as_str().is_some_and(|why| why.contains("no such user")), "{failed}");
    scheduler.state("good", "TASK_KILLED");
    wait_for("nothing to be left of its containers", || (cluster.containers() == 0).then_some(()));
}

#[test]
fn one_of_a_pod_whose_program_is_not_there_is_told_why() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let mut bad = task("bad", "");
    bad["command"] = json!({"shell": false, "value": "/no/such/program"});
    scheduler.launch_group("pod", vec![bad]);
    let failed = scheduler.state("bad", "TASK_FAILED");
    assert_eq!(failed["reason"], "REASON_CONTAINER_LAUNCH_FAILED", "{failed}");
    assert!(failed["message"].as_str().is_some_and(|why| why.contains("/no/such/program")), "{failed}");
}

#[test]
fn each_of_a_pod_finds_its_volume_where_it_asked_for_it() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let tasks = ["one", "two"].map(|name| task(name, &format!("echo {name} > data/of")));
    let volumes = ["one", "two"].map(|name| volume(name, "data"));
    scheduler.launch_group_on("pod", tasks.into(), &volumes);
    for name in ["one", "two"] {
        scheduler.state(name, "TASK_FINISHED");
        let of = cluster.scratch.path().join("work/volumes/roles/web").join(name).join("of");
        assert_eq!(std::fs::read_to_string(of).expect("it wrote into its volume"), format!("{name}\n"));
    }
    wait_for("nothing to be left of its containers", || (cluster.containers() == 0).then_some(()));
}

#[test]
fn a_pod_whose_volume_cannot_be_made_is_told_why() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let work = cluster.scratch.path().join("work");
    std::fs::create_dir_all(work.join("volumes/roles")).expect("the agent's directory");
    std::fs::write(work.join("volumes/roles/web"), "").expect("a file in the way");
    scheduler.launch_group_on("pod", vec![task("t", "true")], &[volume("v", "data")]);
    let dropped = scheduler.state("t", "TASK_DROPPED");
    assert_eq!(dropped["reason"], "REASON_RESOURCES_UNKNOWN");
    assert!(dropped["message"].as_str().is_some_and(|why| why.contains("Volume 'v' cannot be made: ")));
    // Nobody is offered what is not there.
    let agents = wait_for("the master to know", || {
        let agents = get(&cluster.address(), "/slaves")["slaves"].clone();
        (!agents.to_string().contains("persistence")).then_some(agents)
    });
    assert_eq!(agents[0]["reserved_resources"]["web"]["disk"], 16.0, "{agents}");
}

#[test]
fn checks_of_a_pod_run_in_its_containers() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let mut checked = task("checked", "sleep 1000");
    checked["health_check"] = json!({"type": "COMMAND", "command": {"value": "[ ! -e sick ]"},
        "delay_seconds": 0.0, "interval_seconds": 0.1, "grace_period_seconds": 0.0, "consecutive_failures": 2});
    checked["check"] = json!({"type": "COMMAND", "delay_seconds": 0.0, "interval_seconds": 0.1,
        "command": {"command": {"value": "read code < code && exit $code"}}});
    checked["kill_policy"] = json!({"grace_period": {"nanoseconds": 1_000_000_000_u64}});
    scheduler.launch_group("pod", vec![checked]);
    let running = scheduler.state("checked", "TASK_RUNNING");
    assert_eq!(running["check_status"], json!({"type": "COMMAND", "command": {}}));
    let id = running["container_status"]["container_id"]["value"].as_str().expect("a name").to_owned();
    let healthy = scheduler.update("checked", |status| status["healthy"] == true);
    assert_eq!(healthy["reason"], "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED");

    let flag = cluster.master_flag();
    assert!(hectare(&["exec", &flag, "checked", "--", "sh", "-c", "echo 3 > code"]).status.success());
    let found = scheduler.update("checked", |status| status["check_status"]["command"]["exit_code"] == 3);
    assert_eq!(found["reason"], "REASON_TASK_CHECK_STATUS_UPDATED");

    assert!(hectare(&["exec", &flag, "checked", "--", "touch", "sick"]).status.success());
    let sick = scheduler.update("checked", |status| status["healthy"] == false);
    assert_eq!(sick["state"], "TASK_RUNNING");
    let killed = scheduler.state("checked", "TASK_KILLED");
    assert_eq!(killed["healthy"], false);
    assert!(!id.is_empty());
    wait_for("nothing to be left of its containers", || (cluster.containers() == 0).then_some(()));
}

#[test]
fn a_command_task_is_checked_as_a_pod_is() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let mut checked = task("c", "trap 'exit 0' TERM; while :; do sleep 0.05; done");
    checked["health_check"] = json!({"type": "COMMAND", "command": {"value": "[ ! -e sick ]"},
        "delay_seconds": 0.0, "interval_seconds": 0.1, "grace_period_seconds": 0.0, "consecutive_failures": 3});
    scheduler.launch(checked);
    scheduler.state("c", "TASK_RUNNING");
    scheduler.update("c", |status| status["healthy"] == true);
    let flag = cluster.master_flag();
    assert!(hectare(&["exec", &flag, "c", "--", "touch", "sick"]).status.success());
    scheduler.update("c", |status| status["healthy"] == false);
    // It ends well when it is asked to; of command tasks that counts.
    let ended = scheduler
        .update("c", |status| ["TASK_FINISHED", "TASK_KILLED"].iter().any(|state| status["state"] == *state));
    assert_eq!(ended["healthy"], false);
}

#[test]
fn an_agent_killed_at_any_step_of_a_launch_leaves_nothing_behind() {
    let mut cluster = Cluster::start();
    let marker = format!("marker-{}", std::process::id());
    let launch = |id: &str| {
        json!({"type": "LAUNCH_CONTAINER", "launch_container": {
            "container_id": {"value": id}, "command": {"value": format!("sleep 1000; : {marker}")}}})
    };
    let about = |ty: &str, id: &str| json!({"type": ty, ty.to_lowercase(): {"container_id": {"value": id}}});
    for round in 0..12_u64 {
        let ids: Vec<String> = (0..3).map(|number| format!("c-{round}-{number}")).collect();
        let launching: Vec<_> = ids
            .iter()
            .map(|id| {
                let (address, call) = (agent_address(&cluster), launch(id).to_string());
                // Who is cut off hears nothing, and asks again below.
                std::thread::spawn(move || try_ask(&address, &call))
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(round * 4));
        cluster.kill_agent();
        launching.into_iter().for_each(|thread| drop(thread.join()));
        cluster.start_agent();
        let agent = agent_address(&cluster);
        for id in &ids {
            let call = launch(id).to_string();
            wait_for("it to be launched", || {
                try_ask(&agent, &call).filter(|status| matches!(status, 200 | 202))
            });
            assert_eq!(ask(&agent, &about("KILL_CONTAINER", id)).0, 200);
            let (status, end) = ask(&agent, &about("WAIT_CONTAINER", id));
            assert_eq!((status, &end["wait_container"]["exit_status"]), (200, &json!(9)), "{id}");
            assert_eq!(ask(&agent, &about("REMOVE_CONTAINER", id)).0, 200);
        }
        wait_for("nothing to be left of its containers", || (cluster.containers() == 0).then_some(()));
    }
    assert_eq!(marked(&marker), Vec::<String>::new());
}

/// The status of an answer, if there is one.
fn try_ask(address: &str, call: &str) -> Option<u16> {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(address).ok()?;
    let length = call.len();
    write!(
        socket,
        "POST /api/v1 HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{call}"
    )
    .ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Command lines of processes that bear a mark.
fn marked(mark: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("there is a /proc").flatten();
    processes
        .filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok())
        .filter(|line| line.contains(mark))
        .collect()
}

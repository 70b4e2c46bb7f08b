//! Tasks that may use more than they asked for, up to a limit: what the kernel is told, and how one ends that wants more.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Cluster;
use crate::scheduler::{Scheduler, ask, task};
use crate::support::{self, wait_for};

/// Wants ever more memory.
const BOMB: &str = "x=x; while :; do x=$x$x$x$x; done";

/// A cluster whose agent holds containers to limits; `None`, with a word on why, where it cannot.
fn limited(name: &str) -> Option<Cluster> {
    if !nix::unistd::geteuid().is_root() {
        support::skip(name, "only root may limit others");
        return None;
    }
    let root = format!("--cgroups_root=hectare-pods-{}-{name}", std::process::id());
    let isolation = "--isolation=cgroups/cpu,cgroups/mem";
    Some(Cluster::with(&[isolation, "--launcher=linux", "--cgroups_enable_cfs", &root]))
}

/// A task with these limits.
fn task_within(id: &str, line: &str, cpus: Value, mem: Value) -> Value {
    let mut task = task(id, line);
    task["limits"] = json!({"cpus": {"value": cpus}, "mem": {"value": mem}});
    task
}

/// The same, in a group of its own.
fn alone(mut task: Value) -> Value {
    task["container"] = json!({"type": "MESOS", "linux_info": {"share_cgroups": false}});
    task
}

/// What the kernel was told of a container: memory at most and at least, unit: mebibytes; processor time, unit: µs in 100 ms.
#[derive(Debug, PartialEq)]
struct Told {
    most: Option<u64>,
    least: Option<u64>,
    quota: Option<u64>,
}

fn told(cluster: &Cluster, container: &Value) -> Told {
    let agent = cluster.agent.as_ref().expect("an agent runs").address();
    let call = json!({"type": "GET_CONTAINERS", "get_containers": {"show_nested": true}});
    let listed = ask(&agent, &call).1["get_containers"]["containers"].clone();
    let found = listed
        .as_array()
        .and_then(|all| all.iter().find(|one| one["container_status"]["container_id"] == *container));
    let found = found.unwrap_or_else(|| panic!("{container} is not in {listed}"));
    let pid = found["container_status"]["executor_pid"].to_string();
    let memory = |file: [&str; 2]| setting(&pid, "memory", file).map(|bytes| bytes >> 20);
    Told {
        most: memory(["memory.limit_in_bytes", "memory.max"]),
        least: memory(["memory.soft_limit_in_bytes", "memory.low"]),
        quota: setting(&pid, "cpu", ["cpu.cfs_quota_us", "cpu.max"]),
    }
}

/// A number in a file of v1 or v2, of the group a process is in; `None` if there is no limit.
fn setting(pid: &str, controller: &str, [v1, v2]: [&str; 2]) -> Option<u64> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("it runs");
    let group = |wanted: &str| {
        let lines = groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        let mut of = lines.filter(|(names, _)| names.split(',').any(|name| name == wanted));
        of.next().map(|(_, path)| PathBuf::from(path.trim_start_matches('/').trim_end_matches("/leaf")))
    };
    let mount = Path::new("/sys/fs/cgroup");
    let file = match group(controller) {
        Some(group) => mount.join(controller).join(group).join(v1),
        None => mount.join(group("").expect("the unified hierarchy")).join(v2),
    };
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    // No limit is the greatest number of pages on v1, as bytes.
    let number: Option<u64> = text.split_whitespace().next().and_then(|word| word.parse().ok());
    number.filter(|number| *number < 1 << 60)
}

/// Nothing of the test runs on.
fn leave(cluster: &Cluster, scheduler: Scheduler) {
    drop(scheduler);
    wait_for("nothing to be left of its containers", || (cluster.containers() == 0).then_some(()));
}

#[test]
fn a_command_task_may_use_what_its_limits_say() {
    let Some(cluster) = limited("command") else { return };
    // Its executor has 0.1 cores and 32 MB besides.
    let finite = task_within("finite", "sleep 1000", json!(0.5), json!(100.0));
    let infinite = task_within("infinite", "sleep 1000", json!("Infinity"), json!("Infinity"));
    for (task, expected) in [
        (finite, Told { most: Some(132), least: Some(64), quota: Some(60_000) }),
        (infinite, Told { most: None, least: Some(64), quota: None }),
    ] {
        let id = task["name"].as_str().expect("a name").to_owned();
        let mut scheduler = Scheduler::subscribe(&cluster.address());
        scheduler.launch(task);
        let running = scheduler.state(&id, "TASK_RUNNING");
        assert_eq!(told(&cluster, &running["container_status"]["container_id"]), expected, "{id}");
        leave(&cluster, scheduler);
    }
}

#[test]
fn limits_of_a_pod_s_tasks_are_theirs_and_together_the_pod_s() {
    let Some(cluster) = limited("group") else { return };
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    let one = alone(task_within("one", "sleep 1000", json!(0.5), json!(100.0)));
    let two = alone(task_within("two", "sleep 1000", json!(0.2), json!("Infinity")));
    scheduler.launch_group("pod", vec![one, two]);
    let one = scheduler.state("one", "TASK_RUNNING")["container_status"]["container_id"].clone();
    let two = scheduler.state("two", "TASK_RUNNING")["container_status"]["container_id"].clone();
    let expected = Told { most: Some(100), least: Some(32), quota: Some(50_000) };
    assert_eq!(told(&cluster, &one), expected);
    assert_eq!(told(&cluster, &two), Told { most: None, quota: Some(20_000), ..expected });
    let expected = Told { most: None, least: Some(96), quota: Some(80_000) };
    assert_eq!(told(&cluster, &one["parent"]), expected);
    leave(&cluster, scheduler);
}

#[test]
fn an_agent_that_cannot_hold_a_task_to_its_limit_refuses_it() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    scheduler.launch(task_within("t", "true", json!(1.0), json!("Infinity")));
    let dropped = scheduler.state("t", "TASK_DROPPED");
    assert_eq!(dropped["reason"], "REASON_GC_ERROR", "{dropped}");
}

#[test]
fn one_of_a_pod_that_wants_more_memory_than_its_limit_is_told_what_it_used() {
    let Some(cluster) = limited("bomb") else { return };
    let mut scheduler = Scheduler::subscribe(&cluster.address());
    scheduler.launch_group("pod", vec![alone(task_within("bomb", BOMB, json!(1.0), json!(48.0)))]);
    let failed = scheduler.state("bomb", "TASK_FAILED");
    assert_eq!(failed["reason"], "REASON_CONTAINER_LIMITATION_MEMORY", "{failed}");
    assert!(
        failed["message"]
            .as_str()
            .is_some_and(|why| why.starts_with("Memory limit exceeded: Requested: 48MB"))
    );
    let used = &failed["limitation"]["resources"][0];
    assert_eq!(used["name"], "mem", "{failed}");
    assert!(used["scalar"]["value"].as_f64().is_some_and(|used| used > 32.0 && used <= 48.0), "{failed}");
    leave(&cluster, scheduler);
}

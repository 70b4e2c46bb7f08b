//! LAUNCH_GROUP: all of its tasks are refused together.

use serde_json::{Value, json};

use super::{Refusing, ports, scalar, with};

fn task(id: &str, change: &Value) -> Value {
    let task = json!({
        "name": id, "task_id": {"value": id}, "agent_id": {"value": "m-S0"},
        "resources": [scalar("cpus", 1.0)], "command": {"value": "true"},
    });
    with(task, change)
}

fn launch(executor: &Value, tasks: &[Value]) -> [Value; 1] {
    let usual = json!({
        "executor_id": {"value": "e"}, "type": "DEFAULT",
        "resources": [scalar("cpus", 0.1), scalar("mem", 32.0), scalar("disk", 10.0)],
    });
    let group = json!({"executor": with(usual, executor), "task_group": {"tasks": tasks}});
    [json!({"type": "LAUNCH_GROUP", "launch_group": group})]
}

/// Both tasks are told the same.
fn refused(refusing: &mut Refusing, executor: &Value, tasks: &[Value], why: &str) {
    refusing.refused(&launch(executor, tasks), &["TASK_ERROR", "REASON_TASK_GROUP_INVALID", why]);
}

#[test]
fn one_task_that_is_none_spoils_the_group() {
    let mut refusing = Refusing::new();
    let apart = json!({"container": {"type": "MESOS", "linux_info": {"share_cgroups": false}}});
    let networked = json!({
        "container": {"type": "MESOS", "network_infos": [{"name": "n"}]},
        "health_check": {"type": "HTTP", "http": {"port": 80}},
    });
    let other = json!({"executor": {
        "executor_id": {"value": "other"}, "type": "DEFAULT", "resources": [scalar("cpus", 0.1)],
    }});
    let cases = [
        (json!({"task_id": {"value": "a"}}), "Task group has duplicate task ID: a"),
        (json!({"task_id": {"value": "b/c"}}), "Task 'b/c' is invalid: 'b/c' contains invalid characters"),
        (json!({"resources": []}), "Task 'b' is invalid: Task uses no resources"),
        (other, "Task 'b' is invalid: The `ExecutorInfo` of task does not match the one of the task group"),
        (
            json!({"container": {"type": "DOCKER", "docker": {"image": "i"}}}),
            "Docker ContainerInfo is not supported on the task",
        ),
        (networked, "HTTP and TCP health checks are not supported for a nested container that joins its own"),
        (json!({"limits": {"cpus": {"value": 2.0}}}), "Resource limits need 'share_cgroups' to be false"),
        (apart, "Tasks of a task group must have the same 'share_cgroups'"),
        (
            json!({"resources": [scalar("cpus", 99.0)]}),
            "required by task group and its executor are more than available",
        ),
    ];
    for (change, why) in cases {
        refused(&mut refusing, &json!({}), &[task("a", &json!({})), task("b", &change)], why);
    }
    let numbered = |id: &str| task(id, &json!({"resources": [scalar("cpus", 1.0), ports(5, 6)]}));
    refused(
        &mut refusing,
        &json!({}),
        &[numbered("a"), numbered("b")],
        "use overlapping resources of 'ports'",
    );
}

#[test]
fn an_executor_of_a_group_must_be_one() {
    let mut refusing = Refusing::new();
    let resources = |cpus: f64, mem: f64| json!({"resources": [scalar("cpus", cpus), scalar("mem", mem), scalar("disk", 1.0)]});
    let image = json!({"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "i"}}}});
    let cases = [
        (json!({"type": null}), "'ExecutorInfo.type' must be set"),
        (
            json!({"command": {"value": "true"}}),
            "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
        ),
        (json!({"type": "CUSTOM"}), "'ExecutorInfo.command' must be set for 'CUSTOM' executor"),
        (
            json!({"container": {"type": "DOCKER", "docker": {"image": "i"}}}),
            "Docker ContainerInfo is not supported on the executor",
        ),
        (
            json!({"container": image}),
            "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
        ),
        (resources(0.001, 32.0), "Executor 'e' uses less CPUs than the minimum required (0.01)"),
        (resources(0.1, 31.0), "Executor 'e' uses less memory than the minimum required (32 MB)"),
        (json!({"resources": [scalar("cpus", 0.1), scalar("mem", 32.0)]}), "Executor 'e' does not use disk"),
    ];
    for (executor, why) in cases {
        let tasks = [task("a", &json!({})), task("b", &json!({}))];
        refused(&mut refusing, &executor, &tasks, why);
    }
}

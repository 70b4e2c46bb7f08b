//! LAUNCH.

use model::AgentCapability;
use serde_json::{Value, json};

use super::{Refusing, ports, scalar, volume, with};

fn task(agent: &str) -> Value {
    json!({
        "name": "t", "task_id": {"value": "t"}, "agent_id": {"value": agent},
        "resources": [scalar("cpus", 1.0), scalar("mem", 32.0)],
        "command": {"value": "true"},
    })
}

fn executor(change: &Value) -> Value {
    let executor = json!({
        "executor_id": {"value": "e"}, "command": {"value": "true"}, "resources": [scalar("cpus", 0.1)],
    });
    json!({"command": null, "executor": with(executor, change)})
}

fn launch(task: &Value) -> [Value; 1] {
    [json!({"type": "LAUNCH", "launch": {"task_infos": [task]}})]
}

fn refused(refusing: &mut Refusing, change: &Value, why: &str) {
    let task = with(task(refusing.agent.as_str()), change);
    refusing.refused(&launch(&task), &["TASK_ERROR", "REASON_TASK_INVALID", why]);
}

#[test]
fn a_task_that_is_none_is_refused() {
    let mut refusing = Refusing::new();
    let (framework, agent) = (refusing.framework.clone(), refusing.agent.clone());
    refusing.stage.running(&framework, &agent, "old");
    let cases = [
        (json!({"task_id": {"value": ""}}), "ID must not be empty"),
        (json!({"task_id": {"value": "a/b"}}), "'a/b' contains invalid characters"),
        (json!({"task_id": {"value": ".."}}), "'..' is disallowed"),
        (json!({"task_id": {"value": "x".repeat(256)}}), "ID must not be greater than 255 characters"),
        (json!({"task_id": {"value": "old"}}), "Task has duplicate ID: old"),
        (
            json!({"agent_id": {"value": "other"}}),
            "Task uses invalid agent other while agent m-S0 is expected",
        ),
        (
            json!({"kill_policy": {"grace_period": {"nanoseconds": -1}}}),
            "Task's 'kill_policy.grace_period' must be non-negative",
        ),
        (
            json!({"max_completion_time": {"nanoseconds": -1}}),
            "Task's 'max_completion_time' must be non-negative",
        ),
        (json!({"command": null}), "at least one (but not both) of CommandInfo or ExecutorInfo"),
        (
            with(executor(&json!({})), &json!({"command": {"value": "true"}})),
            "at least one (but not both) of CommandInfo or ExecutorInfo",
        ),
        (
            json!({"command": {"value": null}}),
            "Task's `CommandInfo` is invalid: Shell command is not specified",
        ),
        (
            json!({"command": {"environment": {"variables": [{"name": "A=B", "value": "c"}]}}}),
            "Environment variable 'A=B' is invalid",
        ),
        (json!({"container": {"type": "DOCKER"}}), "DockerInfo 'docker' is not set for DOCKER typed"),
        (
            json!({"container": {"type": "DOCKER", "docker": {"image": "i"}, "mesos": {}}}),
            "MesosInfo 'mesos' is set for DOCKER typed",
        ),
        (
            json!({"container": {"type": "MESOS", "linux_info": {"share_cgroups": false}}}),
            "'share_cgroups' may be false only for tasks of a task group",
        ),
    ];
    for (change, why) in cases {
        refused(&mut refusing, &change, why);
    }
}

#[test]
fn a_check_that_cannot_be_made_is_refused() {
    let mut refusing = Refusing::new();
    let cases = [
        (
            json!({"check": {"type": "COMMAND", "command": {"command": {}}}}),
            "Task uses invalid check: Shell command is not specified for command check",
        ),
        (
            json!({"check": {"type": "HTTP", "http": {"port": 80, "path": "x"}}}),
            "Task uses invalid check: The path 'x' of HTTP check must start with '/'",
        ),
        (
            json!({"check": {"type": "TCP", "tcp": {"port": 80}, "delay_seconds": -1.0}}),
            "Expecting 'delay_seconds' to be non-negative",
        ),
        (json!({"check": {"type": "TCP"}}), "Task uses invalid check: "),
        (
            json!({"health_check": {"type": "COMMAND", "command": {"shell": false}}}),
            "Task uses invalid health check: Executable path is not specified for command health check",
        ),
        (
            json!({"health_check": {"type": "HTTP", "http": {"port": 80, "path": "x"}}}),
            "Task uses invalid health check: The path 'x' of HTTP health check must start with '/'",
        ),
        (
            json!({"health_check": {"type": "HTTP", "http": {"port": 80, "scheme": "ftp"}}}),
            "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'",
        ),
        (
            json!({"health_check": {"type": "TCP", "tcp": {"port": 80}, "grace_period_seconds": -1.0}}),
            "'grace_period_seconds' to be non-negative",
        ),
    ];
    for (change, why) in cases {
        refused(&mut refusing, &change, why);
    }
}

#[test]
fn resources_that_do_not_go_together_are_refused() {
    let mut refusing = Refusing::new();
    let role = |name: &str, role: &str| with(scalar(name, 1.0), &json!({"allocation_info": {"role": role}}));
    let revocable = with(scalar("cpus", 1.0), &json!({"revocable": {}}));
    let cases = [
        (json!([]), "Task uses no resources"),
        (json!([scalar("cpus", -1.0)]), ""),
        (json!([scalar("gpus", 0.5)]), "'gpus' values must be integers"),
        (json!([role("cpus", "web"), role("mem", "other")]), "multiple allocation roles"),
        (json!([scalar("cpus", 1.0), revocable]), "Cannot use both revocable and non-revocable 'cpus'"),
        (json!([volume("v", 8.0), volume("v", 16.0)]), "Task uses duplicate persistence ID v"),
        (json!([scalar("cpus", 99.0)]), "required by task and its executor is more than available"),
    ];
    for (resources, why) in cases {
        refused(&mut refusing, &json!({"resources": resources}), why);
    }
}

#[test]
fn limits_that_cannot_be_kept_are_refused() {
    let mut refusing = Refusing::new();
    let cases = [
        (
            json!({"disk": {"value": 64.0}}),
            "Resource limit for 'disk' is not supported: only for cpus and mem",
        ),
        (json!({"cpus": {"value": 0.5}}), "Resource limit for 'cpus' (0.5) is less than the request (1)"),
    ];
    for (limits, why) in cases {
        refused(&mut refusing, &json!({"limits": limits}), why);
    }
    let only = json!({"resources": [scalar("cpus", 1.0)], "limits": {"mem": {"value": 64.0}}});
    refused(&mut refusing, &only, "Resource limit for 'mem' needs a request for 'mem'");

    let agent = refusing.agent.clone();
    let capabilities = &mut refusing.stage.state.agent_mut(&agent).unwrap().capabilities;
    capabilities.0.remove(&AgentCapability::TaskResourceLimits);
    refused(
        &mut refusing,
        &json!({"limits": {"cpus": {"value": 2.0}}}),
        "Agent does not support task resource limits",
    );
}

#[test]
fn an_executor_that_is_none_is_refused() {
    let mut refusing = Refusing::new();
    let shared = with(volume("v", 8.0), &json!({"shared": {}}));
    let cases = [
        (json!({"executor_id": {"value": "a/b"}}), "'a/b' contains invalid characters"),
        (
            json!({"framework_id": {"value": "other"}}),
            "ExecutorInfo has an invalid FrameworkID (Actual: other",
        ),
        (json!({"type": "DEFAULT"}), "'ExecutorInfo.type' must be 'CUSTOM'"),
        (json!({"command": null}), "'ExecutorInfo.command' must be set for 'CUSTOM' executor"),
        (
            json!({"shutdown_grace_period": {"nanoseconds": -1}}),
            "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
        ),
        (json!({"container": {"type": "DOCKER"}}), "Executor's `ContainerInfo` is invalid: DockerInfo"),
        (
            json!({"container": {"type": "MESOS", "linux_info": {"share_cgroups": true}}}),
            "'share_cgroups' must not be true for an executor's container",
        ),
        (json!({"resources": [shared]}), "must not contain any shared resources"),
    ];
    for (change, why) in cases {
        refused(&mut refusing, &executor(&change), why);
    }
    let overlapping = with(
        executor(&json!({"resources": [ports(6, 7)]})),
        &json!({"resources": [scalar("cpus", 1.0), ports(5, 6)]}),
    );
    refused(&mut refusing, &overlapping, "Task and its executor use overlapping resources of 'ports'");
}

#[test]
fn an_executor_that_is_there_already_must_be_the_same() {
    let mut refusing = Refusing::new();
    let first = with(task(refusing.agent.as_str()), &executor(&json!({})));
    let first = with(first, &json!({"task_id": {"value": "first"}}));
    refusing.accept(&launch(&first));
    assert_eq!(refusing.there().3.len(), 1, "the first runs");
    refused(
        &mut refusing,
        &executor(&json!({"command": {"value": "false"}})),
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID 'e'",
    );
}

#[test]
fn a_launch_under_a_name_is_refused() {
    let mut refusing = Refusing::new();
    let [mut launch] = launch(&task(refusing.agent.as_str()));
    launch["id"] = json!({"value": "o"});
    refusing.refused(&[launch], &["TASK_ERROR", "REASON_TASK_INVALID"]);
}

//! The old bodies are those of a real cluster.
//!
//! For several moments of one cluster `samples/classic/` holds what it said on the v1 API and on the old endpoints. The
//! views are filled from the former, and the bodies written from them compared with the latter, key by key in order.
//! Lists of frameworks, tasks, executors and
//! capabilities have no order there; they are compared by id.

mod agents;
mod masters;

use std::borrow::Cow;
use std::collections::BTreeMap;

use api::classic::task::TaskQuery;
use api::classic::{Build, agent, master, task};
use api::json::{self, Message};
use api::v1;
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, ContainerId, ExecutorInfo, FrameworkId,
    FrameworkInfo, Offer, Resources, Task, TaskState, TaskStatus, Time, UpdateId,
};
use serde_json::Value;

fn sample(name: &str) -> String {
    let path = format!("{}/tests/samples/classic/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("a body is JSON")
}

fn message<M: Message>(name: &str) -> M {
    json::from_slice(sample(name).as_bytes()).expect("an answer of the v1 API")
}

fn text<'a>(body: &'a Value, key: &str) -> &'a str {
    body[key].as_str().unwrap_or_else(|| panic!("{key} is a text"))
}

fn time(body: &Value, key: &str) -> Time {
    Time::from_secs_f64(body[key].as_f64().unwrap_or_else(|| panic!("{key} is a time"))).expect("a moment")
}

/// Sorts lists that have no order.
fn without_order(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, without_order(value))).collect())
        }
        Value::Array(items) => {
            let id = |item: &Value| match item {
                Value::String(text) => Some(text.clone()),
                item => item.get("id").or(item.get("executor_id")).map(Value::to_string),
            };
            let mut items: Vec<Value> = items.into_iter().map(without_order).collect();
            items.sort_by_key(id);
            Value::Array(items)
        }
        other => other,
    }
}

#[track_caller]
fn assert_same(ours: &[u8], golden: &str) {
    let ours = without_order(value(std::str::from_utf8(ours).expect("JSON is text"))).to_string();
    let golden = without_order(value(golden)).to_string();
    let at = ours.bytes().zip(golden.bytes()).take_while(|(ours, golden)| ours == golden).count();
    let from = at.saturating_sub(60);
    assert!(ours == golden, "ours: …{:.300}\ngolden: …{:.300}", &ours[from..], &golden[from..]);
}

fn resources(list: &[v1::Resource]) -> Resources {
    api::convert::resources::read(list.to_vec()).expect("resources")
}

fn record(task: &v1::Task) -> Task {
    let state =
        |number| TaskState::try_from(v1::TaskState::try_from(number).expect("a state")).expect("a state");
    Task {
        name: task.name.clone(),
        id: task.task_id.value.clone().into(),
        framework_id: task.framework_id.value.clone().into(),
        executor_id: task.executor_id.as_ref().map(|id| id.value.clone().into()),
        agent_id: task.agent_id.value.clone().into(),
        state: state(task.state),
        resources: resources(&task.resources),
        statuses: task
            .statuses
            .iter()
            .map(|status| TaskStatus::try_from(status.clone()).expect("a status"))
            .collect(),
        status_update_state: task.status_update_state.map(state),
        status_update_uuid: task.status_update_uuid.as_deref().and_then(UpdateId::from_slice),
        labels: task.labels.clone().map(Into::into).unwrap_or_default(),
        discovery: task.discovery.clone().map(|info| Box::new(info.try_into().expect("a discovery"))),
        container: task.container.clone().map(|info| Box::new(info.try_into().expect("a container"))),
        health_check: task.health_check.clone().map(|info| Box::new(info.try_into().expect("a check"))),
        kill_policy: None,
        user: task.user.clone(),
        limits: BTreeMap::new(),
    }
}

fn records(tasks: &[v1::Task]) -> Vec<Task> {
    tasks.iter().map(record).collect()
}

fn framework_info(info: &v1::FrameworkInfo) -> FrameworkInfo {
    info.clone().try_into().expect("a framework")
}

fn executor_info(info: &v1::ExecutorInfo) -> ExecutorInfo {
    info.clone().try_into().expect("an executor")
}

fn at(time: &v1::TimeInfo) -> Time {
    Time::from_nanos(time.nanoseconds)
}

fn flags(body: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(body["flags"].clone()).expect("flags")
}

fn build(body: &Value) -> Build<'_> {
    Build {
        version: text(body, "version"),
        date: text(body, "build_date"),
        time: body["build_time"].as_f64().expect("a time"),
        user: text(body, "build_user"),
        git_sha: body["git_sha"].as_str(),
        git_branch: None,
        git_tag: None,
        hectare_version: None,
    }
}

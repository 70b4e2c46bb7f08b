//! The old bodies are those of a real cluster.
//!
//! For several moments of one cluster `samples/classic/` holds what it said on the v1 API and on the old endpoints. The
//! views are filled from the former, and the bodies written from them compared with the latter, key by key in order.
//! Lists of frameworks, tasks, executors and
//! capabilities have no order there; they are compared by id.

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

/// What a master knows, as owned values the views borrow from.
struct Cluster {
    agents: Vec<(AgentId, AgentInfo, AgentCapabilities, v1::master::response::get_agents::Agent)>,
    frameworks: Vec<KnownFramework>,
    completed: Vec<KnownFramework>,
}

struct KnownFramework {
    id: FrameworkId,
    info: FrameworkInfo,
    said: v1::master::response::get_frameworks::Framework,
    tasks: Vec<Task>,
    completed_tasks: Vec<Task>,
    offers: Vec<Offer>,
    executors: Vec<(AgentId, ExecutorInfo)>,
}

impl Cluster {
    fn read(name: &str) -> Cluster {
        let answer: v1::master::Response = message(name);
        let state = answer.get_state.expect("a state");
        let agents = state.get_agents.expect("agents").agents.into_iter();
        let said = state.get_frameworks.expect("frameworks");
        let tasks = state.get_tasks.expect("tasks");
        let executors = state.get_executors.expect("executors").executors;
        let known = |said: v1::master::response::get_frameworks::Framework| {
            let info = framework_info(&said.framework_info);
            let id = info.id.clone().expect("an id");
            let own = |tasks: &[v1::Task]| {
                records(tasks).into_iter().filter(|task| task.framework_id == id).collect::<Vec<_>>()
            };
            KnownFramework {
                tasks: own(&tasks.tasks),
                completed_tasks: own(&tasks.completed_tasks),
                offers: said.offers.iter().map(|offer| offer.clone().try_into().expect("an offer")).collect(),
                executors: executors
                    .iter()
                    .map(|executor| {
                        (executor.agent_id.value.clone().into(), executor_info(&executor.executor_info))
                    })
                    .filter(|(_, info): &(AgentId, ExecutorInfo)| info.framework_id.as_ref() == Some(&id))
                    .collect(),
                id,
                info,
                said,
            }
        };
        Cluster {
            agents: agents
                .map(|said| {
                    let info: AgentInfo = said.agent_info.clone().try_into().expect("an agent");
                    (info.id.clone().expect("an id"), info, AgentCapability::ALL.into_iter().collect(), said)
                })
                .collect(),
            frameworks: said.frameworks.into_iter().map(known).collect(),
            completed: said.completed_frameworks.into_iter().map(known).collect(),
        }
    }

    fn agents(&self) -> Vec<master::Agent<'_>> {
        self.agents
            .iter()
            .map(|(id, info, capabilities, said)| master::Agent {
                id,
                info,
                pid: Cow::Borrowed(said.pid.as_deref().expect("a pid")),
                version: &said.version,
                capabilities,
                registered: at(said.registered_time.as_ref().expect("a time")),
                reregistered: said.reregistered_time.as_ref().map(at),
                active: said.active,
                deactivated: said.deactivated.unwrap_or(false),
                total: Cow::Owned(resources(&said.total_resources)),
                used: Cow::Owned(resources(&said.allocated_resources)),
                offered: Cow::Owned(resources(&said.offered_resources)),
                drain: None,
                drain_started: None,
            })
            .collect()
    }

    fn frameworks(frameworks: &[KnownFramework]) -> Vec<master::Framework<'_>> {
        frameworks
            .iter()
            .map(|framework| master::Framework {
                id: &framework.id,
                info: &framework.info,
                active: framework.said.active,
                connected: framework.said.connected,
                recovered: framework.said.recovered,
                registered: at(framework.said.registered_time.as_ref().expect("a time")),
                reregistered: framework.said.reregistered_time.as_ref().map(at),
                unregistered: framework.said.unregistered_time.as_ref().map(at),
                used: Cow::Owned(resources(&framework.said.allocated_resources)),
                offered: Cow::Owned(resources(&framework.said.offered_resources)),
                tasks: framework.tasks.iter().collect(),
                unreachable_tasks: Vec::new(),
                completed_tasks: framework.completed_tasks.iter().collect(),
                offers: framework.offers.iter().collect(),
                executors: framework.executors.iter().map(|(agent, info)| (agent, info)).collect(),
                offer_constraints: None,
            })
            .collect()
    }
}

fn compare_master(moment: &str) {
    let sample = |kind| sample(&format!("master-{moment}.{kind}"));
    let cluster = Cluster::read(&format!("master-{moment}.v1"));
    let said = value(&sample("state"));
    let flags = flags(&said);
    let capabilities: Vec<&str> =
        said["capabilities"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let leader = &said["leader_info"];
    let view = master::MasterState {
        build: build(&said),
        start_time: time(&said, "start_time"),
        elected_time: Some(time(&said, "elected_time")),
        id: text(&said, "id"),
        pid: text(&said, "pid"),
        hostname: text(&said, "hostname"),
        capabilities: &capabilities,
        activated_agents: 1,
        deactivated_agents: 0,
        unreachable_agents: 0,
        domain: None,
        leader: Some(master::Leader {
            id: text(leader, "id"),
            pid: text(leader, "pid"),
            port: 5050,
            hostname: text(leader, "hostname"),
            domain: None,
        }),
        cluster: Some(text(&said, "cluster")),
        log_dir: Some(text(&said, "log_dir")),
        external_log_file: None,
        flags: Some(&flags),
        agents: cluster.agents(),
        recovered_agents: Vec::new(),
        frameworks: Cluster::frameworks(&cluster.frameworks),
        completed_frameworks: Cluster::frameworks(&cluster.completed),
    };
    assert_same(&master::state(&view), &sample("state"));
    assert_same(&master::state_summary(&view), &sample("summary"));
    assert_same(&master::slaves(&view.agents, &[]), &sample("slaves"));
    assert_same(&master::frameworks(&view.frameworks, &view.completed_frameworks), &sample("frameworks"));

    let all = cluster.frameworks.iter().chain(&cluster.completed);
    let tasks = all.flat_map(|framework| framework.tasks.iter().chain(&framework.completed_tasks));
    assert_same(&task::tasks(tasks, &TaskQuery::read(|_| None)), &sample("tasks"));
}

#[test]
fn a_master_with_an_idle_agent_reads_as_it_did() {
    compare_master("02-one-agent-idle");
}

#[test]
fn a_master_with_a_running_task_reads_as_it_did() {
    compare_master("03-running-task");
}

#[test]
fn a_master_with_a_running_group_reads_as_it_did() {
    compare_master("04-running-group");
}

#[test]
fn a_master_with_a_reserved_volume_reads_as_it_did() {
    compare_master("05-reserved-volume");
}

#[test]
fn a_master_with_a_completed_framework_reads_as_it_did() {
    compare_master("07-completed-framework");
}

#[test]
fn a_master_with_a_custom_executor_reads_as_it_did() {
    compare_master("08-custom-executor");
}

/// An executor as its agent's old body places it: the v1 API does not say where its sandbox is.
struct KnownExecutor {
    info: ExecutorInfo,
    framework: String,
    container_id: ContainerId,
    directory: String,
    resources: Resources,
    tasks: Vec<Task>,
    completed_tasks: Vec<Task>,
    completed: bool,
}

fn compare_agent(moment: &str) {
    let said = value(&sample(&format!("agent-{moment}.state")));
    let answer: v1::agent::Response = message(&format!("agent-{moment}.v1"));
    let state = answer.get_state.expect("a state");
    let tasks = state.get_tasks.expect("tasks");
    let (live, ended) = (records(&tasks.launched_tasks), records(&tasks.completed_tasks));
    let executors = state.get_executors.expect("executors");
    let running = executors.executors.iter().map(|executor| (executor, false));
    let completed = executors.completed_executors.iter().map(|executor| (executor, true));
    let places = |name| {
        let frameworks = said[name].as_array().expect("a list");
        frameworks.iter().flat_map(|framework| {
            let lists = [&framework["executors"], &framework["completed_executors"]].into_iter();
            lists
                .flat_map(|list| list.as_array().expect("a list"))
                .map(move |place| (&framework["id"], place))
        })
    };
    let places: Vec<_> = places("frameworks").chain(places("completed_frameworks")).collect();

    let known: Vec<KnownExecutor> = running
        .chain(completed)
        .map(|(executor, completed)| {
            let info = executor_info(&executor.executor_info);
            let framework = info.framework_id.as_ref().expect("a framework").as_str();
            let place = places
                .iter()
                .find(|(id, place)| *id == framework && place["id"] == info.id.as_str())
                .map(|(_, place)| place)
                .expect("a place");
            let own = |tasks: &[Task]| {
                let mine = |task: &&Task| {
                    let executor = task.executor_id.as_ref().map_or(task.id.as_str(), |id| id.as_str());
                    executor == info.id.as_str() && task.framework_id.as_str() == framework
                };
                tasks.iter().filter(mine).cloned().collect::<Vec<Task>>()
            };
            let tasks = own(&live);
            let resources =
                tasks.iter().fold(info.resources.clone(), |sum, task| sum + task.resources.clone());
            KnownExecutor {
                framework: framework.to_owned(),
                container_id: ContainerId::new(text(place, "container")),
                directory: text(place, "directory").to_owned(),
                completed_tasks: own(&ended),
                tasks,
                resources,
                completed,
                info,
            }
        })
        .collect();
    let frameworks = state.get_frameworks.expect("frameworks");
    let own = |said: &[v1::agent::response::get_frameworks::Framework]| {
        said.iter().map(|said| framework_info(&said.framework_info)).collect::<Vec<_>>()
    };
    let (infos, completed_infos) = (own(&frameworks.frameworks), own(&frameworks.completed_frameworks));
    let views = |infos: &'_ [FrameworkInfo]| -> Vec<(FrameworkId, FrameworkInfo)> {
        infos.iter().map(|info| (info.id.clone().expect("an id"), info.clone())).collect()
    };
    let (infos, completed_infos) = (views(&infos), views(&completed_infos));
    let flags = flags(&said);
    let capabilities: AgentCapabilities = AgentCapability::ALL.into_iter().collect();
    let total = resources(&full_resources(&said));
    let allocated = known
        .iter()
        .filter(|executor| !executor.completed)
        .fold(Resources::new(), |sum, executor| sum + executor.resources.clone());
    let attributes = "rack:r1;zone:z1".parse().expect("attributes");
    let body = agent::state(&agent::AgentState {
        build: build(&said),
        start_time: time(&said, "start_time"),
        id: text(&said, "id"),
        pid: text(&said, "pid"),
        hostname: text(&said, "hostname"),
        capabilities: &capabilities,
        domain: None,
        drain: None,
        drain_started: None,
        total: Cow::Owned(total),
        allocated: Cow::Owned(allocated),
        attributes: &attributes,
        master_hostname: said["master_hostname"].as_str(),
        log_dir: said["log_dir"].as_str(),
        external_log_file: None,
        flags: Some(&flags),
        frameworks: framework_views(&infos, &known),
        completed_frameworks: framework_views(&completed_infos, &known),
    });
    assert_same(&body, &said.to_string());
}

fn executor_view(executor: &KnownExecutor) -> agent::Executor<'_> {
    agent::Executor {
        info: &executor.info,
        container_id: &executor.container_id,
        directory: &executor.directory,
        resources: Cow::Borrowed(&executor.resources),
        is_command: executor.info.kind.is_none(),
        tasks: executor.tasks.iter().collect(),
        queued_tasks: Vec::new(),
        completed_tasks: executor.completed_tasks.iter().collect(),
    }
}

fn framework_views<'a>(
    infos: &'a [(FrameworkId, FrameworkInfo)],
    known: &'a [KnownExecutor],
) -> Vec<agent::Framework<'a>> {
    let executors = |id: &FrameworkId, completed: bool| {
        known
            .iter()
            .filter(|executor| executor.framework == id.as_str() && executor.completed == completed)
            .map(executor_view)
            .collect()
    };
    infos
        .iter()
        .map(|(id, info)| agent::Framework {
            id,
            info,
            executors: executors(id, false),
            completed_executors: executors(id, true),
        })
        .collect()
}

fn full_resources(said: &Value) -> Vec<v1::Resource> {
    let reserved = said["reserved_resources_full"].as_object().expect("an object").values();
    let lists = reserved.chain([&said["unreserved_resources_full"]]);
    lists
        .flat_map(|list| serde_json::from_value::<Vec<v1::Resource>>(list.clone()).expect("resources"))
        .collect()
}

#[test]
fn an_agent_with_a_running_task_reads_as_it_did() {
    compare_agent("02-running-task");
}

#[test]
fn an_agent_with_a_running_group_reads_as_it_did() {
    compare_agent("03-running-group");
}

#[test]
fn an_agent_with_a_reserved_volume_reads_as_it_did() {
    compare_agent("04-reserved-volume");
}

#[test]
fn an_agent_with_a_completed_framework_reads_as_it_did() {
    compare_agent("05-completed-framework");
}

#[test]
fn an_agent_with_a_custom_executor_reads_as_it_did() {
    compare_agent("06-custom-executor");
}

#[test]
fn containers_and_their_statistics_read_as_they_did() {
    let golden = value(&sample("agent-02-running-task.containers"));
    let known: Vec<(FrameworkId, v1::ContainerStatus, v1::ResourceStatistics, ContainerId)> = golden
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            (
                text(entry, "framework_id").into(),
                serde_json::from_value(entry["status"].clone()).expect("a status"),
                serde_json::from_value(entry["statistics"].clone()).expect("statistics"),
                ContainerId::new(text(entry, "container_id")),
            )
        })
        .collect();
    let ids: Vec<_> =
        golden.as_array().expect("a list").iter().map(|entry| text(entry, "executor_id").into()).collect();
    let containers: Vec<agent::Container<'_>> = golden
        .as_array()
        .expect("a list")
        .iter()
        .zip(known.iter().zip(&ids))
        .map(|(entry, ((framework_id, status, statistics, container_id), executor_id))| agent::Container {
            framework_id,
            executor_id,
            executor_name: text(entry, "executor_name"),
            source: text(entry, "source"),
            container_id,
            status: Some(Cow::Owned(status.clone().try_into().expect("a status"))),
            statistics: Some(statistics.clone()),
        })
        .collect();
    assert_eq!(
        value(std::str::from_utf8(&agent::containers(&containers)).expect("text")).to_string(),
        golden.to_string()
    );
    let statistics = value(std::str::from_utf8(&agent::statistics(&containers)).expect("text"));
    let shape = |list: &Value| list[0].as_object().map(|entry| entry.keys().cloned().collect::<Vec<_>>());
    assert_eq!(shape(&statistics), shape(&value(&sample("agent-02-running-task.statistics"))));
}

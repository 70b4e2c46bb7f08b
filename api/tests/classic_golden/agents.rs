//! An agent's bodies.

use super::*;

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

//! How fast a master's `/state` is written: 500 tasks on 10 agents. Unit: bytes of JSON per second and core.

use std::borrow::Cow;
use std::hint::black_box;

use api::classic::Build;
use api::classic::master::{Agent, Framework, MasterState, state, state_summary};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, ContainerId, ContainerStatus, FrameworkId,
    FrameworkInfo, NetworkInfo, Resources, Task, TaskInfo, TaskState, TaskStatus, Time,
};

const AGENTS: usize = 10;
const TASKS: usize = 500;

struct Cluster {
    capabilities: AgentCapabilities,
    agents: Vec<(AgentId, AgentInfo)>,
    framework: (FrameworkId, FrameworkInfo),
    tasks: Vec<Task>,
}

fn cluster() -> Cluster {
    let resources: Resources = "cpus:0.1;mem:32".parse().expect("resources");
    let agent =
        |index: usize| AgentId::from(format!("021ade9c-d0d3-4dc0-8f4e-8d0a6a4c9c5b-S{index}").as_str());
    let agents = (0..AGENTS)
        .map(|index| {
            let info = AgentInfo {
                id: Some(agent(index)),
                hostname: format!("agent{index}.example"),
                port: 5051,
                resources: "cpus:8;mem:8192;disk:20480;ports:[31000-32000]".parse().expect("resources"),
                attributes: "rack:r1;zone:z1".parse().expect("attributes"),
                domain: None,
            };
            (agent(index), info)
        })
        .collect();
    let id = FrameworkId::from("021ade9c-d0d3-4dc0-8f4e-8d0a6a4c9c5b-0000");
    let tasks = (0..TASKS)
        .map(|index| {
            let info =
                TaskInfo::new(format!("task-{index}").as_str(), agent(index % AGENTS), resources.clone());
            let mut task = Task::staging(&info, id.clone());
            for state in [TaskState::Starting, TaskState::Running] {
                let mut status = TaskStatus::new(info.id.clone(), state);
                status.timestamp = Some(Time::from_nanos(1_795_226_805_395_301_000));
                status.container_status = Some(ContainerStatus {
                    container_id: Some(ContainerId::new("eac97417-e253-4787-a4ba-6cf7795a1237")),
                    networks: vec![NetworkInfo::default()],
                    ..ContainerStatus::default()
                });
                task.push_status(&status);
            }
            task
        })
        .collect();
    Cluster {
        capabilities: AgentCapability::ALL.into_iter().collect(),
        agents,
        framework: (id, FrameworkInfo::new("bench", "root")),
        tasks,
    }
}

fn view(cluster: &Cluster) -> MasterState<'_> {
    let nothing = Resources::new();
    MasterState {
        build: Build::OURS,
        start_time: Time::START,
        elected_time: Some(Time::START),
        id: "021ade9c-d0d3-4dc0-8f4e-8d0a6a4c9c5b",
        pid: "master@127.0.0.1:5050",
        hostname: "master.example",
        capabilities: &["AGENT_UPDATE"],
        activated_agents: AGENTS,
        deactivated_agents: 0,
        unreachable_agents: 0,
        domain: None,
        leader: None,
        cluster: None,
        log_dir: None,
        external_log_file: None,
        flags: None,
        agents: cluster
            .agents
            .iter()
            .map(|(id, info)| Agent {
                id,
                info,
                pid: Cow::Borrowed("slave(1)@127.0.0.1:5051"),
                version: "1.11.0",
                capabilities: &cluster.capabilities,
                registered: Time::START,
                reregistered: None,
                active: true,
                deactivated: false,
                total: Cow::Borrowed(&info.resources),
                used: Cow::Owned(nothing.clone()),
                offered: Cow::Owned(nothing.clone()),
                drain: None,
                drain_started: None,
            })
            .collect(),
        recovered_agents: Vec::new(),
        frameworks: vec![Framework {
            id: &cluster.framework.0,
            info: &cluster.framework.1,
            active: true,
            connected: true,
            recovered: false,
            registered: Time::START,
            reregistered: None,
            unregistered: None,
            used: Cow::Owned(nothing.clone()),
            offered: Cow::Owned(nothing),
            tasks: cluster.tasks.iter().collect(),
            unreachable_tasks: Vec::new(),
            completed_tasks: Vec::new(),
            offers: Vec::new(),
            executors: Vec::new(),
            pid: None,
            offer_constraints: None,
        }],
        completed_frameworks: Vec::new(),
    }
}

fn all(criterion: &mut Criterion) {
    let cluster = cluster();
    let mut group = criterion.benchmark_group("master_state");
    group.sample_size(30);
    group.throughput(Throughput::Bytes(state(&view(&cluster)).len() as u64));
    group.bench_function("state", |bencher| bencher.iter(|| black_box(state(&view(&cluster)))));
    group.throughput(Throughput::Bytes(state_summary(&view(&cluster)).len() as u64));
    group.bench_function("state_summary", |bencher| {
        bencher.iter(|| black_box(state_summary(&view(&cluster))))
    });
    group.finish();
}

criterion_group!(benches, all);
criterion_main!(benches);

//! A master's bodies.

use super::*;

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
                pid: None,
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

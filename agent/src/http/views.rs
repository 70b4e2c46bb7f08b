//! A published state as the outside sees it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use api::classic::Build;
use api::classic::agent::{self, AgentState, Container, Executor, Framework};
use api::v1;
use libprocess::Edge;
use model::{ContainerId, ContainerStatus, Resources, Task, Time};
use security::Rights;

use crate::actor::Agent;
use crate::authorization;
use crate::containerizer::{BlockIo, Usage};
use crate::master::capabilities;
use crate::metrics::used;
use crate::public::Public;
use crate::state::{self, State};

/// The body of `/state`, with flags or without.
pub(super) fn state(state: &State, flags: bool) -> Vec<u8> {
    let capabilities = capabilities();
    let settings = &state.settings;
    let pid = settings.pid.to_string();
    let master = state.link.registered().map(|master| master.address().ip().to_string());
    let directories = directories(state);
    agent::state(&AgentState {
        build: Build::OURS,
        start_time: state.started,
        id: state.id.as_ref().map_or("", |id| id.as_str()),
        pid: &pid,
        hostname: &settings.info.hostname,
        capabilities: &capabilities,
        domain: settings.info.domain.as_ref(),
        drain: state.drain.as_ref().map(|drain| &drain.config),
        drain_started: state.drain.as_ref().map(|drain| drain.started),
        total: Cow::Borrowed(&state.total),
        allocated: Cow::Owned(used(state)),
        attributes: &settings.info.attributes,
        master_hostname: master.as_deref(),
        log_dir: None,
        external_log_file: flags
            .then(|| settings.flags.get("external_log_file"))
            .flatten()
            .map(String::as_str),
        flags: flags.then_some(&settings.flags),
        frameworks: state.frameworks.values().map(|found| framework(found, &directories)).collect(),
        completed_frameworks: state.completed.iter().map(|found| framework(found, &directories)).collect(),
    })
}

/// Shape: container → its sandbox as text, so that views can borrow it.
fn directories(state: &State) -> BTreeMap<&ContainerId, String> {
    let known = state.frameworks.values().chain(state.completed.iter());
    known
        .flat_map(|framework| framework.executors.values().chain(framework.completed.iter()))
        .map(|executor| (&executor.container, executor.directory.display().to_string()))
        .collect()
}

fn framework<'a>(
    framework: &'a state::Framework,
    directories: &'a BTreeMap<&ContainerId, String>,
) -> Framework<'a> {
    Framework {
        id: &framework.id,
        info: &framework.info,
        executors: framework.executors.values().map(|found| executor(found, directories)).collect(),
        completed_executors: framework.completed.iter().map(|found| executor(found, directories)).collect(),
    }
}

fn executor<'a>(
    executor: &'a state::Executor,
    directories: &'a BTreeMap<&ContainerId, String>,
) -> Executor<'a> {
    Executor {
        info: &executor.info,
        container_id: &executor.container,
        directory: directories.get(&executor.container).map_or("", String::as_str),
        resources: Cow::Owned(executor.resources()),
        is_command: executor.generated,
        tasks: executor.tasks.values().map(AsRef::as_ref).collect(),
        queued_tasks: executor.queued_tasks().map(AsRef::as_ref).collect(),
        completed_tasks: executor
            .terminated
            .values()
            .chain(executor.completed.iter())
            .map(AsRef::as_ref)
            .collect(),
    }
}

/// The containers of executors that run, with what they use.
pub(super) fn containers<'a>(
    state: &'a State,
    usage: &BTreeMap<ContainerId, Usage>,
    now: Time,
    wanted: impl Fn(&state::Executor) -> bool,
) -> Vec<Container<'a>> {
    state
        .executors()
        .filter(|executor| !executor.is_ended() && wanted(executor))
        .map(|executor| Container {
            framework_id: &executor.framework,
            executor_id: &executor.id,
            executor_name: executor.info.name.as_deref().unwrap_or_default(),
            source: executor.info.source.as_deref().unwrap_or_default(),
            container_id: &executor.container,
            status: Some(Cow::Owned(ContainerStatus {
                container_id: Some(executor.container.clone()),
                executor_pid: executor.pid(),
                ..ContainerStatus::default()
            })),
            statistics: usage.get(&executor.container).map(|usage| statistics(executor, usage, now)),
        })
        .collect()
}

/// What one container uses, and may use.
///
/// Source: Mesos `/monitor/statistics`. What the kernel counts and limits comes from the kernel; without isolators that
/// limit, limits are what was asked for.
pub(super) fn statistics(executor: &state::Executor, usage: &Usage, now: Time) -> v1::ResourceStatistics {
    statistics_of(&executor.resources(), usage, now)
}

fn statistics_of(may: &Resources, usage: &Usage, now: Time) -> v1::ResourceStatistics {
    let bytes = may.mem().thousandths().max(0) as u64 * (1024 * 1024) / 1000;
    let memory = usage.memory.unwrap_or_default();
    let counted = |bytes: u64| usage.memory.map(|_| bytes);
    let [periods, throttled] = usage.cpu.and_then(|cpu| cpu.periods).map_or([None; 2], |both| both.map(Some));
    let narrow = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    v1::ResourceStatistics {
        cpus_limit: usage.cpus_limit,
        cpus_nr_periods: narrow(periods),
        cpus_nr_throttled: narrow(throttled),
        cpus_throttled_time_secs: usage
            .cpu
            .and_then(|cpu| cpu.throttled_nanos)
            .map(|nanos| nanos as f64 / 1e9),
        mem_total_bytes: counted(memory.total),
        mem_total_memsw_bytes: memory.total_and_swap,
        mem_kmem_usage_bytes: memory.kernel,
        mem_kmem_tcp_usage_bytes: memory.kernel_tcp,
        mem_file_bytes: counted(memory.file),
        mem_cache_bytes: counted(memory.file),
        mem_anon_bytes: counted(memory.anon),
        mem_mapped_file_bytes: counted(memory.mapped_file),
        mem_swap_bytes: memory.swap,
        mem_unevictable_bytes: counted(memory.unevictable),
        mem_low_pressure_counter: usage.memory_pressure.map(|[low, _, _]| low),
        mem_medium_pressure_counter: usage.memory_pressure.map(|[_, medium, _]| medium),
        mem_critical_pressure_counter: usage.memory_pressure.map(|[_, _, critical]| critical),
        blkio_statistics: block_io(&usage.block_io),
        disk_limit_bytes: usage.disk_limit_bytes,
        disk_used_bytes: usage.disk_used_bytes,
        timestamp: now.as_secs_f64(),
        processes: u32::try_from(usage.processes).ok(),
        threads: u32::try_from(usage.threads).ok(),
        cpus_user_time_secs: Some(usage.user_seconds),
        cpus_system_time_secs: Some(usage.system_seconds),
        cpus_soft_limit: Some(may.cpus().as_f64()),
        mem_limit_bytes: if usage.memory.is_some() { memory.limit } else { Some(bytes) },
        mem_soft_limit_bytes: memory.soft_limit.or(Some(bytes)),
        mem_rss_bytes: Some(usage.resident_bytes),
        ..v1::ResourceStatistics::default()
    }
}

/// What `GET_CONTAINERS` lists: those of executors, and those asked for over the API if wanted.
///
/// `None` when nothing runs: the inner object is left out then, as protobuf does.
pub(super) async fn listed(
    call: &v1::agent::Call,
    state: &State,
    rights: &Rights,
    edge: &Edge<Agent>,
    public: &Public,
) -> Option<v1::agent::response::GetContainers> {
    use v1::agent::response::get_containers::Container;
    let (usage, now) = (public.usage().await, edge.now().into());
    let wanted = call.get_containers.unwrap_or_default();
    let (nested, standalone) = (wanted.show_nested == Some(true), wanted.show_standalone == Some(true));
    let sees = |executor: &state::Executor| authorization::container(rights, state, executor);
    let executors = containers(state, &usage, now, sees).into_iter().map(|found| Container {
        framework_id: Some(v1::FrameworkId { value: found.framework_id.to_string() }),
        executor_id: Some(v1::ExecutorId { value: found.executor_id.to_string() }),
        executor_name: Some(found.executor_name.to_owned()),
        container_id: v1::ContainerId::from(found.container_id),
        container_status: found.status.as_deref().map(v1::ContainerStatus::from),
        resource_statistics: found.statistics,
    });
    let others = state
        .containers
        .values()
        .filter(|found| !found.is_ended() && if found.id.parent().is_some() { nested } else { standalone })
        .map(|found| Container {
            framework_id: None,
            executor_id: None,
            executor_name: None,
            // Its own name alone, as in the original; the status has all of it.
            container_id: v1::ContainerId { value: found.id.value().to_owned(), parent: None },
            container_status: Some(v1::ContainerStatus::from(&ContainerStatus {
                container_id: Some(found.id.clone()),
                executor_pid: found.pid(),
                ..ContainerStatus::default()
            })),
            resource_statistics: usage
                .get(&found.id)
                .map(|usage| statistics_of(&found.config.resources, usage, now)),
        });
    let containers: Vec<_> = executors.chain(others).collect();
    (!containers.is_empty()).then_some(v1::agent::response::GetContainers { containers })
}

/// What was read and written, as the throttling policy counts it.
fn block_io(devices: &[BlockIo]) -> Option<v1::cgroup_info::blkio::Statistics> {
    use v1::cgroup_info::blkio::{Operation, Statistics, Value, throttling};
    if devices.is_empty() {
        return None;
    }
    let both = |read, written| {
        let value = |op: Operation, value| Value { op: Some(op as i32), value: Some(value) };
        vec![value(Operation::Read, read), value(Operation::Write, written)]
    };
    let throttling = devices.iter().map(|io| throttling::Statistics {
        device: Some(v1::device::Number {
            major_number: u64::from(io.device.0),
            minor_number: u64::from(io.device.1),
        }),
        io_serviced: both(io.reads, io.writes),
        io_service_bytes: both(io.read_bytes, io.written_bytes),
    });
    Some(Statistics { throttling: throttling.collect(), ..Statistics::default() })
}

/// Tasks as `GET_TASKS` sorts them.
pub(super) fn tasks(state: &State) -> v1::agent::response::GetTasks {
    let mut listed = v1::agent::response::GetTasks::default();
    let spell = |task: &Task| v1::Task::from(task);
    for framework in state.frameworks.values().chain(state.completed.iter()) {
        for executor in framework.executors.values().chain(framework.completed.iter()) {
            let staging =
                |info: &std::sync::Arc<model::TaskInfo>| spell(&Task::staging(info, framework.id.clone()));
            listed.queued_tasks.extend(executor.queued_tasks().map(staging));
            listed.launched_tasks.extend(executor.tasks.values().map(|task| spell(task)));
            listed.terminated_tasks.extend(executor.terminated.values().map(|task| spell(task)));
            listed.completed_tasks.extend(executor.completed.iter().map(|task| spell(task)));
        }
    }
    listed
}

pub(super) fn executors(state: &State) -> v1::agent::response::GetExecutors {
    use v1::agent::response::get_executors::Executor;
    let spell = |executor: &state::Executor| {
        let mut info = executor.info.as_ref().clone();
        info.framework_id = Some(executor.framework.clone());
        Executor { executor_info: v1::ExecutorInfo::from(&info) }
    };
    let known = || state.frameworks.values().chain(state.completed.iter());
    v1::agent::response::GetExecutors {
        executors: state.executors().map(spell).collect(),
        completed_executors: known()
            .flat_map(|framework| &framework.completed)
            .map(|found| spell(found))
            .collect(),
    }
}

pub(super) fn frameworks(state: &State) -> v1::agent::response::GetFrameworks {
    use v1::agent::response::get_frameworks::Framework;
    let spell = |framework: &std::sync::Arc<state::Framework>| Framework {
        framework_info: v1::FrameworkInfo::from(framework.info.as_ref()),
    };
    v1::agent::response::GetFrameworks {
        frameworks: state.frameworks.values().map(spell).collect(),
        completed_frameworks: state.completed.iter().map(spell).collect(),
    }
}

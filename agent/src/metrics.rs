//! What `/metrics/snapshot` says of an agent; names and meanings are Mesos', since dashboards chart them.

use std::sync::Arc;

use libprocess::metrics::Metrics;
use model::{Resources, TaskState, Time};

use crate::public::Public;
use crate::state::{Framework, Phase, State};

/// Has the figures computed from the published state whenever somebody looks.
pub(crate) fn provide(
    metrics: &Metrics,
    public: Arc<Public>,
    now: impl Fn() -> Time + Send + Sync + 'static,
) {
    metrics.provide(move |sink| {
        for (name, value) in figures(&public.state(), now()) {
            sink.gauge(name, value);
        }
    });
}

/// Every figure, by name.
pub(crate) fn figures(state: &State, now: Time) -> Vec<(String, f64)> {
    let counters = &state.counters;
    let mut figures: Vec<(String, f64)> = [
        ("uptime_secs", now.since(state.started).as_secs_f64()),
        ("registered", f64::from(u8::from(state.link.registered().is_some()))),
        ("frameworks_active", state.frameworks.len() as f64),
        ("recovery_errors", counters.recovery_errors as f64),
        ("tasks_finished", counters.tasks_finished as f64),
        ("tasks_failed", counters.tasks_failed as f64),
        ("tasks_killed", counters.tasks_killed as f64),
        ("tasks_lost", counters.tasks_lost as f64),
        ("tasks_gone", counters.tasks_gone as f64),
        ("executors_terminated", counters.executors_terminated as f64),
        ("executors_preempted", counters.executors_preempted as f64),
        ("valid_status_updates", counters.valid_status_updates as f64),
        ("invalid_status_updates", counters.invalid_status_updates as f64),
        ("valid_framework_messages", counters.valid_framework_messages as f64),
        ("invalid_framework_messages", counters.invalid_framework_messages as f64),
        ("container_launch_errors", counters.container_launch_errors as f64),
        ("executor_directory_max_allowed_age_secs", counters.sandbox_age_max),
    ]
    .into_iter()
    .map(|(name, value)| (format!("slave/{name}"), value))
    .collect();
    let history = |framework: &Arc<Framework>| framework.completed.len();
    let pending: usize =
        state.frameworks.values().map(history).chain(state.completed.iter().map(history)).sum();
    figures.extend(
        [
            ("containerizer/fetcher/task_fetches_succeeded", counters.fetches_succeeded as f64),
            ("containerizer/fetcher/task_fetches_failed", counters.fetches_failed as f64),
            ("gc/path_removals_succeeded", counters.sandboxes_removed as f64),
            ("gc/path_removals_failed", counters.sandboxes_kept_by_errors as f64),
            ("gc/path_removals_pending", pending as f64),
            // Nothing of these can be yet; dashboards ask all the same.
            ("containerizer/mesos/container_destroy_errors", 0.0),
            ("containerizer/mesos/provisioner/bind/remove_rootfs_errors", 0.0),
            ("resource_provider_manager/events/disconnect", 0.0),
            ("resource_provider_manager/events/subscribe", 0.0),
            ("resource_provider_manager/subscribed", 0.0),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    figures.extend(counters.recovery_time.map(|took| ("slave/recovery_time_secs".to_owned(), took)));
    figures.extend(tasks(state));
    figures.extend(executors(state));
    figures.extend(resources(state));
    figures
}

fn tasks(state: &State) -> Vec<(String, f64)> {
    let queued: usize = state.executors().map(|executor| executor.queued_tasks().count()).sum();
    let count = |wanted: TaskState| {
        let tasks = state.executors().flat_map(|executor| executor.tasks.values());
        tasks.filter(|task| task.state == wanted).count()
    };
    [
        ("staging", count(TaskState::Staging) + queued),
        ("starting", count(TaskState::Starting)),
        ("running", count(TaskState::Running)),
        ("killing", count(TaskState::Killing)),
    ]
    .into_iter()
    .map(|(name, count)| (format!("slave/tasks_{name}"), count as f64))
    .collect()
}

fn executors(state: &State) -> Vec<(String, f64)> {
    [("registering", Phase::Registering), ("running", Phase::Running), ("terminating", Phase::Terminating)]
        .into_iter()
        .map(|(name, phase)| {
            let count = state.executors().filter(|executor| executor.phase == phase).count();
            (format!("slave/executors_{name}"), count as f64)
        })
        .collect()
}

fn resources(state: &State) -> Vec<(String, f64)> {
    let used = used(state);
    let total = &state.total;
    let kinds = [
        ("", total.non_revocable(), used.non_revocable()),
        ("_revocable", total.revocable(), used.revocable()),
    ];
    let mut figures = Vec::new();
    for name in ["cpus", "gpus", "mem", "disk"] {
        for (kind, total, used) in &kinds {
            let (total, used) = (total.amount(name).as_f64(), used.amount(name).as_f64());
            let percent = if total > 0.0 { used / total } else { 0.0 };
            for (figure, value) in [("total", total), ("used", used), ("percent", percent)] {
                figures.push((format!("slave/{name}{kind}_{figure}"), value));
            }
        }
    }
    figures
}

/// What all executors and tasks hold.
pub(crate) fn used(state: &State) -> Resources {
    state.executors().filter(|executor| !executor.is_ended()).map(|executor| executor.resources()).sum()
}

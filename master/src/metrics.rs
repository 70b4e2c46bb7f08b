//! What a master counts and shows under `/metrics/snapshot`, in the names Mesos users already chart.
//!
//! Nothing is counted twice: rules count in the [`Tally`](crate::state::Tally), and everything else is worked out from the published
//! snapshot when somebody looks. The allocator and the registrar show their own families themselves.
//!
//! Source: Mesos metrics, family `master/`.

mod frameworks;

use std::collections::BTreeMap;
use std::sync::Arc;

use libprocess::environment::Clock;
use libprocess::metrics::{Metrics, Sink};
use model::{OperationState, Quantities, Resources, Role, StatusSource, TaskState, Time, Value};

use crate::state::{Framework, Published, Snapshot};
use crate::views::roles::Roles;

/// Figures that dashboards expect and that stay zero until what they count exists here.
const ZEROS: &[&str] = &[
    "master/event_queue_dispatches",
    "master/event_queue_http_requests",
    "master/event_queue_messages",
    "master/http_cache_hits",
    "master/messages_authenticate",
    "master/messages_deactivate_framework",
    "master/slave_shutdowns_canceled",
    "master/slave_shutdowns_completed",
    "master/slave_shutdowns_scheduled",
];

/// Where operations stand; and, below, what they do.
const OPERATION_STATES: &[(Option<OperationState>, &str)] = &[
    (None, "total"),
    (Some(OperationState::Pending), "pending"),
    (Some(OperationState::Recovering), "recovering"),
    (Some(OperationState::Unreachable), "unreachable"),
    (Some(OperationState::Finished), "finished"),
    (Some(OperationState::Failed), "failed"),
    (Some(OperationState::Error), "error"),
    (Some(OperationState::Dropped), "dropped"),
    (Some(OperationState::GoneByOperator), "gone_by_operator"),
];
const OPERATION_KINDS: &[&str] = &[
    "create",
    "create_disk",
    "destroy",
    "destroy_disk",
    "grow_volume",
    "reserve",
    "shrink_volume",
    "unreserve",
];

/// States a task can be in and not yet have ended.
const ACTIVE: &[(TaskState, &str)] = &[
    (TaskState::Staging, "staging"),
    (TaskState::Starting, "starting"),
    (TaskState::Running, "running"),
    (TaskState::Killing, "killing"),
    (TaskState::Unreachable, "unreachable"),
    // No task is, but each framework's family has it.
    (TaskState::Unknown, "unknown"),
];

/// Shows the figures of this master from now on.
pub(crate) fn register(metrics: &Metrics, published: Published, clock: Arc<dyn Clock>, per_framework: bool) {
    metrics.provide(move |sink| {
        let snapshot = published.load();
        whole(&snapshot, clock.now().into(), sink);
        if per_framework {
            let completed = snapshot.completed_frameworks.iter();
            let all = snapshot.frameworks.values().chain(completed);
            all.for_each(|framework| frameworks::show(framework, sink));
        }
    });
}

/// The family of the master as a whole.
fn whole(snapshot: &Snapshot, now: Time, sink: &mut Sink<'_>) {
    let count = |count: usize| count as f64;
    let connected = snapshot.agents.values().filter(|agent| agent.connected()).count();
    let active = snapshot.agents.values().filter(|agent| snapshot.active(agent)).count();
    let subscribed = snapshot.frameworks.values().filter(|framework| framework.connected()).count();
    let (agents, frameworks) = (snapshot.agents.len(), snapshot.frameworks.len());
    for (name, value) in [
        ("master/uptime_secs", now.since(snapshot.identity.started).as_secs_f64()),
        ("master/elected", f64::from(u8::from(snapshot.leading))),
        ("master/slaves_connected", count(connected)),
        ("master/slaves_disconnected", count(agents - connected)),
        ("master/slaves_active", count(active)),
        ("master/slaves_inactive", count(agents - active)),
        ("master/operator_event_stream_subscribers", count(snapshot.watchers)),
        ("master/slaves_unreachable", count(snapshot.unreachable.len())),
        ("master/frameworks_connected", count(subscribed)),
        ("master/frameworks_disconnected", count(frameworks - subscribed)),
        ("master/frameworks_active", count(subscribed)),
        ("master/frameworks_inactive", count(frameworks - subscribed)),
        ("master/outstanding_offers", count(snapshot.offers.len())),
    ] {
        sink.gauge(name, value);
    }
    for (name, value) in snapshot.tally.each() {
        sink.gauge(name, value as f64);
    }
    for ((state, source, reason), count) in &snapshot.tally.ended {
        let source = match source {
            StatusSource::Master => "source_master",
            StatusSource::Agent => "source_slave",
            StatusSource::Executor => "source_executor",
        };
        let (state, reason) =
            (state.name().to_lowercase(), reason.name().to_lowercase().replace("agent", "slave"));
        sink.gauge(format!("master/{state}/{source}/{reason}"), *count as f64);
    }
    tasks(snapshot, sink);
    resources(snapshot, sink);
    for name in ZEROS {
        sink.gauge(*name, 0.0);
    }
    operations(snapshot, sink);
    quotas(snapshot, sink);
}

/// What roles hold, were promised and may have at most. The nameless role is all of them together.
fn quotas(snapshot: &Snapshot, sink: &mut Sink<'_>) {
    let mut all = Quantities::new();
    let mut show = |role: &str, what: &str, amounts: &Quantities| {
        for (name, amount) in amounts.iter() {
            let name = format!("allocator/mesos/quota/roles/{role}/resources/{name}/{what}");
            sink.gauge(name, amount.as_f64());
        }
    };
    for (role, consumed) in Roles::of(snapshot).consumption() {
        if !role.is_hierarchical() {
            all += consumed;
        }
        show(role.as_str(), "consumed", consumed);
    }
    show("", "consumed", &all);
    let taken = taken(snapshot);
    for quota in snapshot.policy.quotas.values() {
        show(quota.role.as_str(), "guarantee", &quota.guarantees);
        show(quota.role.as_str(), "limit", &quota.limits);
        if let Some(taken) = taken.get(&quota.role) {
            show(quota.role.as_str(), "offered_or_allocated", taken);
        }
    }
}

/// What each role and those below it are offered and were allocated for good; nothing where no role has a quota.
fn taken(snapshot: &Snapshot) -> BTreeMap<Role, Quantities> {
    let mut taken: BTreeMap<Role, Quantities> = BTreeMap::new();
    if snapshot.policy.quotas.is_empty() {
        return taken;
    }
    let held = snapshot.agents.values().flat_map(|agent| [&agent.used_total, &agent.offered]);
    for (role, resources) in held.flat_map(|held| held.non_revocable().allocations()) {
        let amounts = resources.quantities();
        for above in role.ancestors() {
            *taken.entry(above).or_default() += &amounts;
        }
        *taken.entry(role).or_default() += &amounts;
    }
    taken
}

/// Operations by where they stand, and by what they do: those that are under way now, those that are over since this master began.
fn operations(snapshot: &Snapshot, sink: &mut Sink<'_>) {
    let known = snapshot.agents.values().flat_map(|agent| agent.operations.values());
    let under_way = known.filter(|operation| !operation.latest_status.state.is_terminal());
    let mut counts: BTreeMap<(&str, OperationState), u64> =
        snapshot.tally.operations.iter().map(|(key, count)| (*key, *count)).collect();
    for operation in under_way {
        *counts.entry((operation.conversion.name(), operation.latest_status.state)).or_default() += 1;
    }
    let count = |kind: Option<&str>, state: Option<OperationState>| {
        let meant = counts.iter().filter(|((does, stands), _)| {
            kind.is_none_or(|kind| does.eq_ignore_ascii_case(kind))
                && state.is_none_or(|state| state == *stands)
        });
        meant.map(|(_, count)| count).sum::<u64>() as f64
    };
    for (state, name) in OPERATION_STATES {
        sink.gauge(format!("master/operations/{name}"), count(None, *state));
        for kind in OPERATION_KINDS {
            sink.gauge(format!("master/operations/{kind}/{name}"), count(Some(kind), *state));
        }
    }
}

/// Tasks by the state they are in; those that ended are counted by the tally.
fn tasks(snapshot: &Snapshot, sink: &mut Sink<'_>) {
    let mut counts = [0_u64; ACTIVE.len()];
    for framework in snapshot.frameworks.values() {
        for (count, more) in counts.iter_mut().zip(active(framework)) {
            *count += more;
        }
    }
    for ((_, name), count) in ACTIVE.iter().zip(counts).filter(|((state, _), _)| *state != TaskState::Unknown)
    {
        sink.gauge(format!("master/tasks_{name}"), count as f64);
    }
}

/// How many tasks of a framework are in each state of [`ACTIVE`].
fn active(framework: &Framework) -> [u64; ACTIVE.len()] {
    let mut counts = [0; ACTIVE.len()];
    for task in framework.tasks.values().chain(framework.unreachable_tasks.values()) {
        if let Some(at) = ACTIVE.iter().position(|(state, _)| *state == task.state) {
            counts[at] += 1;
        }
    }
    counts
}

/// Totals and use of what everybody has, revocable ones apart.
fn resources(snapshot: &Snapshot, sink: &mut Sink<'_>) {
    const NAMES: [&str; 4] = ["cpus", "gpus", "mem", "disk"];
    let mut total = [[0_i64; NAMES.len()]; 2];
    let mut used = total;
    let add = |sums: &mut [[i64; NAMES.len()]; 2], resources: &Resources| {
        for resource in resources.iter() {
            if let (Value::Scalar(amount), Some(at)) =
                (&resource.value, NAMES.iter().position(|name| *name == &*resource.name))
            {
                sums[usize::from(resource.revocable)][at] += amount.thousandths();
            }
        }
    };
    for agent in snapshot.agents.values() {
        add(&mut total, &agent.total);
        add(&mut used, &agent.used_total);
    }
    for (revocable, kind) in ["", "_revocable"].into_iter().enumerate() {
        for (at, name) in NAMES.into_iter().enumerate() {
            let (all, taken) = (total[revocable][at] as f64 / 1e3, used[revocable][at] as f64 / 1e3);
            sink.gauge(format!("master/{name}{kind}_total"), all);
            sink.gauge(format!("master/{name}{kind}_used"), taken);
            sink.gauge(format!("master/{name}{kind}_percent"), if all > 0.0 { taken / all } else { 0.0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{FrameworkCapability, FrameworkInfo, Quota};

    use super::*;
    use crate::testing::Stage;

    #[test]
    fn what_a_role_has_taken_is_offered_or_used_by_it_and_by_those_below() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:8;mem:512");
        let ids = ["a", "a/b"].map(|role| {
            let mut info = FrameworkInfo::new(role, "nobody");
            info.capabilities = [FrameworkCapability::MultiRole].into_iter().collect();
            info.roles = vec![role.into()];
            stage.subscribe(info);
            let stream = stage.stream();
            stage.state.reader(&stream).expect("it has subscribed").clone()
        });
        stage.offer(&ids[0], &agent, "cpus(allocated: a):1");
        stage.offer(&ids[1], &agent, "cpus(allocated: a/b):2;mem(allocated: a/b):64");
        assert!(taken(&stage.state.world).is_empty(), "nobody has a quota");

        let quota = Quota { role: "a".into(), guarantees: Quantities::new(), limits: Quantities::new() };
        Arc::make_mut(&mut stage.state.world.policy).quotas.insert("a".into(), quota);
        let taken = taken(&stage.state.world);
        let shown = |role: &str| taken.get(&Role::from(role)).map(ToString::to_string);
        assert_eq!(shown("a").as_deref(), Some("cpus: 3, mem: 64"));
        assert_eq!(shown("a/b").as_deref(), Some("cpus: 2, mem: 64"));
    }
}

//! Tasks that are spelled in tests.

use std::sync::Arc;

use model::testing::{Side, bags};
use model::{
    CheckStatus, Disk, KillPolicy, Label, Labels, Limit, Persistence, Reservation, Resource, Resources,
    Scalar, StatusReason, StatusSource, Task, TaskInfo, TaskState, TaskStatus, Time, UpdateId, Volume,
};
use proptest::prelude::*;

/// One of which little is known.
pub(crate) fn little() -> Task {
    let resources: Resources = "cpus(allocated: web):0.1;mem(allocated: web):32".parse().expect("resources");
    Task::staging(&TaskInfo::new("t \"1\"", "a".into(), resources), "f".into())
}

/// One for each state of which everything is known.
pub(crate) fn full() -> Vec<Task> {
    let mut full = little();
    full.executor_id = Some("e".into());
    full.user = Some("root".to_owned());
    full.labels = Labels(vec![Label { key: "k".into(), value: Some("v".into()) }]);
    full.kill_policy = Some(KillPolicy { grace_period: Some(std::time::Duration::from_secs(3)) });
    full.limits =
        [(Arc::from("cpus"), Limit::Infinite), (Arc::from("mem"), Limit::Finite(Scalar::whole(64)))].into();
    let mut volume = Resource::scalar("disk", Scalar::whole(8));
    volume.reservations = vec![Reservation::dynamic("web", Some("p"))];
    volume.disk = Some(Arc::new(Disk {
        persistence: Some(Persistence { id: "v".into(), principal: None }),
        volume: Some(Volume::writable("data")),
        source: None,
    }));
    full.resources.insert(volume);
    full.resources +=
        &"ports(allocated: web):[1-2,5-9];gpus(allocated: web):1".parse::<Resources>().expect("resources");
    let each = TaskState::ALL.into_iter().map(move |state| {
        let mut status = told(&full, state);
        full.push_status(&status);
        status.limitation = Some(full.resources.clone());
        status.check_status = Some(CheckStatus::Command { exit_code: Some(-1) });
        status.data = vec![0, 255];
        full.statuses.push(status);
        full.state = state;
        full.status_update_state = Some(state);
        full.status_update_uuid = Some(UpdateId::from_bytes([9; 16]));
        full.clone()
    });
    each.collect()
}

/// A status in which what is common is said.
fn told(task: &Task, state: TaskState) -> TaskStatus {
    let mut status = TaskStatus::new(task.id.clone(), state);
    status.source = Some(StatusSource::Agent);
    status.reason = Some(StatusReason::FrameworkRemoved);
    status.message = Some("said\n".to_owned());
    status.agent_id = Some("a".into());
    status.executor_id = Some("e".into());
    status.timestamp = Some(Time::from_nanos(1_795_226_805_395_301_000));
    status.unreachable_time = status.timestamp;
    status.uuid = Some(UpdateId::from_bytes([7; 16]));
    status.healthy = Some(false);
    status.labels = task.labels.clone();
    status.container_status = Some(model::ContainerStatus {
        container_id: Some(model::ContainerId::new("c")),
        ..model::ContainerStatus::default()
    });
    status
}

/// Any resources, texts of any length, and statuses or none.
pub(crate) fn tasks() -> impl Strategy<Value = Task> {
    let text = || prop_oneof![4 => "\\PC{0,12}", 1 => "[a-z\n\"]{100,300}"];
    let times = proptest::collection::vec(any::<i64>(), 0..3);
    (text(), text(), text(), bags(Side::Left), times).prop_map(|(name, id, said, resources, times)| {
        let mut task = Task::staging(&TaskInfo::new(&*id, "a".into(), resources), "f".into());
        task.name = name;
        for nanos in times {
            let mut status = TaskStatus::new(task.id.clone(), TaskState::Running);
            status.message = Some(said.clone());
            status.timestamp = Some(Time::from_nanos(nanos));
            task.statuses.push(status);
        }
        task
    })
}

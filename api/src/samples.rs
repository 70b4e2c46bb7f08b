//! Tasks and agents that are spelled in tests.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use model::testing::{Side, bags};
use model::{
    AgentCapabilities, AgentCapability, AgentInfo, CheckStatus, Disk, DrainConfig, DrainInfo, DrainState,
    FaultDomain, KillPolicy, Label, Labels, Limit, Persistence, Reservation, Resource, Resources, Scalar,
    StatusReason, StatusSource, Task, TaskInfo, TaskState, TaskStatus, Time, UpdateId, Volume,
};
use proptest::prelude::*;

use crate::classic::master::Agent;

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
    full.kill_policy = Some(KillPolicy { grace_period: Some(Duration::from_secs(3)) });
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

/// An agent of which little is known, and one of which everything is.
pub(crate) fn agents(mut each: impl FnMut(&Agent<'_>)) {
    let id = "S1".into();
    let bare = AgentInfo {
        id: None,
        hostname: "host \"1\"".to_owned(),
        port: 5051,
        resources: Resources::new(),
        attributes: "".parse().expect("attributes"),
        domain: None,
    };
    let (none, all) = (AgentCapabilities::default(), AgentCapabilities::from_iter(AgentCapability::ALL));
    let little = Agent {
        id: &id,
        info: &bare,
        pid: "slave(1)@10.0.0.1:5051".into(),
        version: "1.12.0",
        capabilities: &none,
        registered: Time::from_nanos(1_795_226_805_395_301_000),
        reregistered: None,
        active: true,
        deactivated: false,
        total: Cow::Owned(Resources::new()),
        used: Cow::Owned(Resources::new()),
        offered: Cow::Owned(Resources::new()),
        drain: None,
        drain_started: None,
    };
    each(&little);

    let held = &full()[0].resources;
    let mut total: Resources =
        "cpus:8;mem:1024.5;ports:[31000-31999,32001-32001]".parse().expect("resources");
    total += held;
    let info = AgentInfo {
        resources: total.clone(),
        attributes: "rack:\"r\";size:2.5;ports:[1-2];kinds:{a,b}".parse().expect("attributes"),
        domain: Some(FaultDomain { region: "r".to_owned(), zone: "z".to_owned() }),
        ..bare.clone()
    };
    let config = DrainConfig { max_grace_period: Some(Duration::from_secs(3)), mark_gone: true };
    let drain = DrainInfo { state: DrainState::Draining, config };
    let at = Some(Time::from_nanos(1_795_226_806_395_301_000));
    let full = Agent {
        id: &id,
        info: &info,
        capabilities: &all,
        reregistered: at,
        active: false,
        deactivated: true,
        used: Cow::Borrowed(held),
        offered: Cow::Borrowed(&total),
        total: Cow::Owned(total.clone()),
        drain: Some(&drain),
        drain_started: at,
        ..little
    };
    each(&full);
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

//! Schedulers of old: what a driver on the wire before HTTP says, and is told.

use api::v0;
use api::v1::scheduler::call::{self, Type};
use api::v1::{self, CommandInfo, FrameworkInfo, Resource, TaskInfo, TaskState, value};

use crate::driver::Driver;
use crate::stage::{Cluster, play, play_with};

fn address(cluster: &Cluster) -> std::net::SocketAddr {
    cluster.url("").trim_start_matches("http://").parse().expect("an address")
}

fn info(failover_timeout: f64) -> FrameworkInfo {
    FrameworkInfo {
        user: "root".to_owned(),
        name: "old".to_owned(),
        failover_timeout: Some(failover_timeout),
        checkpoint: Some(true),
        ..FrameworkInfo::default()
    }
}

fn task(id: &str, agent: &v1::AgentId) -> TaskInfo {
    let amount = |name: &str, value| Resource {
        name: name.to_owned(),
        r#type: value::Type::Scalar as i32,
        scalar: Some(value::Scalar { value }),
        ..Resource::default()
    };
    TaskInfo {
        name: id.to_owned(),
        task_id: v1::TaskId { value: id.to_owned() },
        agent_id: agent.clone(),
        resources: vec![amount("cpus", 1.0), amount("mem", 64.0)],
        command: Some(CommandInfo { value: Some("true".to_owned()), ..CommandInfo::default() }),
        ..TaskInfo::default()
    }
}

fn driver(cluster: &Cluster) -> Driver {
    Driver::new("scheduler(1)", "master", address(cluster))
}

/// Registers, and hears its id.
fn register(driver: &mut Driver, failover_timeout: f64) -> v1::FrameworkId {
    let framework = info(failover_timeout);
    driver.say("mesos.internal.RegisterFrameworkMessage", &v0::RegisterFrameworkMessage { framework });
    driver.until::<v0::FrameworkRegisteredMessage>("FrameworkRegisteredMessage").framework_id
}

/// Calls as newer drivers do.
fn ask(driver: &mut Driver, call: v0::Call) {
    driver.say("mesos.scheduler.Call", &call);
}

fn offer(driver: &Driver) -> (v1::Offer, String) {
    let v0::ResourceOffersMessage { mut offers, mut pids } = driver.until("ResourceOffersMessage");
    assert_eq!(offers.len(), pids.len(), "each offer has an address beside it");
    (offers.remove(0), pids.remove(0))
}

fn launch(driver: &mut Driver, framework: &v1::FrameworkId, offer: &v1::Offer, id: &str) {
    let message = v0::LaunchTasksMessage {
        framework_id: framework.clone(),
        tasks: vec![task(id, &offer.agent_id)],
        filters: v1::Filters { refuse_seconds: Some(0.0) },
        offer_ids: vec![offer.id.clone()],
    };
    driver.say("mesos.internal.LaunchTasksMessage", &message);
}

fn acknowledge(driver: &mut Driver, framework: &v1::FrameworkId, update: &v0::StatusUpdateMessage) {
    let status = &update.update.status;
    let message = v0::StatusUpdateAcknowledgementMessage {
        agent_id: status.agent_id.clone().expect("an agent sent it"),
        framework_id: framework.clone(),
        task_id: status.task_id.clone(),
        uuid: status.uuid.clone().expect("it is to be acknowledged"),
    };
    driver.say("mesos.internal.StatusUpdateAcknowledgementMessage", &message);
}

fn update(driver: &Driver) -> v0::StatusUpdateMessage {
    driver.until("StatusUpdateMessage")
}

#[test]
fn an_old_driver_registers_launches_acknowledges_and_leaves() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut driver = driver(cluster);
        let framework = register(&mut driver, 60.0);
        let (first, pid) = offer(&driver);
        assert_eq!(
            pid,
            format!("master@{}", address(cluster)),
            "what is for an agent goes by way of the master"
        );
        launch(&mut driver, &framework, &first, "t");

        let running = update(&driver);
        assert_eq!(running.update.status.state(), TaskState::TaskRunning);
        assert_eq!((running.pid.as_deref(), &running.update.framework_id), (Some(&*pid), &framework));
        acknowledge(&mut driver, &framework, &running);
        // The agent ends its task when the start of it is acknowledged.
        let finished = update(&driver);
        assert_eq!(finished.update.status.state(), TaskState::TaskFinished);
        acknowledge(&mut driver, &framework, &finished);

        let shown = cluster.get("/frameworks").await.1["frameworks"][0].clone();
        assert_eq!((&shown["pid"], &shown["connected"]), (&driver.pid.clone().into(), &true.into()));

        let framework_id = framework.clone();
        driver.say(
            "mesos.internal.UnregisterFrameworkMessage",
            &v0::UnregisterFrameworkMessage { framework_id },
        );
        let left = async || {
            let shown = cluster.get("/frameworks").await.1;
            shown["completed_frameworks"][0]["id"] == framework.value.as_str()
        };
        while !left().await {}
    });
}

#[test]
fn a_driver_that_died_is_taken_over_and_one_that_did_not_is_told() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut first = driver(cluster);
        let framework = register(&mut first, 3600.0);
        let again = |failover| v0::ReregisterFrameworkMessage {
            framework: FrameworkInfo { id: Some(framework.clone()), ..info(3600.0) },
            failover,
        };
        first.die();
        let connected = async || cluster.get("/frameworks").await.1["frameworks"][0]["connected"] == true;
        while connected().await {}

        let mut second = driver(cluster);
        second.say("mesos.internal.ReregisterFrameworkMessage", &again(false));
        let refused: v0::FrameworkErrorMessage = second.until("FrameworkErrorMessage");
        assert_eq!(refused.message, "Framework failed over");
        second.say("mesos.internal.ReregisterFrameworkMessage", &again(true));
        let welcome: v0::FrameworkRegisteredMessage = second.until("FrameworkRegisteredMessage");
        assert_eq!(welcome.framework_id, framework);
        assert!(connected().await);

        let mut third = driver(cluster);
        third.say("mesos.internal.ReregisterFrameworkMessage", &again(true));
        third.until::<v0::FrameworkRegisteredMessage>("FrameworkRegisteredMessage");
        let told: v0::FrameworkErrorMessage = second.until("FrameworkErrorMessage");
        assert_eq!(told.message, "Framework failed over");

        third.say("mesos.internal.ReregisterFrameworkMessage", &again(false));
        let welcome: v0::FrameworkReregisteredMessage = third.until("FrameworkReregisteredMessage");
        assert_eq!(welcome.framework_id, framework);
    });
}

#[test]
fn a_newer_driver_says_everything_in_calls() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut driver = driver(cluster);
        let subscribe = v0::call::Subscribe { framework_info: info(60.0), ..v0::call::Subscribe::default() };
        let call = v0::Call {
            r#type: Some(Type::Subscribe as i32),
            subscribe: Some(subscribe),
            ..v0::Call::default()
        };
        ask(&mut driver, call);
        let welcome: v0::FrameworkRegisteredMessage = driver.until("FrameworkRegisteredMessage");
        assert!(welcome.master_info.pid.is_some_and(|pid| pid.starts_with("master@127.0.0.1:")));
        let framework_id = Some(welcome.framework_id);
        let (offer, _) = offer(&driver);
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch { task_infos: vec![task("t", &offer.agent_id)] }),
            ..v1::offer::Operation::default()
        };
        let accept = Some(call::Accept {
            offer_ids: vec![offer.id],
            operations: vec![launch],
            ..call::Accept::default()
        });
        let framework = || framework_id.clone();
        ask(
            &mut driver,
            v0::Call {
                framework_id: framework(),
                r#type: Some(Type::Accept as i32),
                accept,
                ..v0::Call::default()
            },
        );
        assert_eq!(update(&driver).update.status.state(), TaskState::TaskRunning);

        let tasks = vec![call::reconcile::Task {
            task_id: v1::TaskId { value: "nobody".to_owned() },
            agent_id: None,
        }];
        ask(
            &mut driver,
            v0::Call {
                framework_id: framework(),
                r#type: Some(Type::Reconcile as i32),
                reconcile: Some(call::Reconcile { tasks }),
                ..v0::Call::default()
            },
        );
        let lost = loop {
            let update = update(&driver);
            if update.update.status.task_id.value == "nobody" {
                break update;
            }
        };
        assert_eq!(lost.update.status.state(), TaskState::TaskLost);
        assert_eq!(
            (lost.pid, lost.update.uuid),
            (None, Some(Vec::new())),
            "nobody waits for its acknowledgement"
        );
    });
}

#[test]
fn a_driver_that_cannot_prove_who_it_is_is_refused_where_that_is_asked() {
    let drivers = master::Drivers { prove: true, known: None };
    let config = master::Config { drivers, ..master::Config::default() };
    play_with(config, async |cluster| {
        let mut driver = driver(cluster);
        driver.say(
            "mesos.internal.RegisterFrameworkMessage",
            &v0::RegisterFrameworkMessage { framework: info(0.0) },
        );
        let refused: v0::FrameworkErrorMessage = driver.until("FrameworkErrorMessage");
        assert_eq!(refused.message, format!("Framework at {} is not authenticated", driver.pid));
        assert_eq!(cluster.get("/frameworks").await.1["frameworks"], serde_json::json!([]));
    });
}

//! The bytes of every message between ours, at its version.
//!
//! The encoding is positional: when this test fails, a message changed. Then it needs a new version, and the old line
//! stays. After a deliberate change of a version not yet released, run with `UPDATE_GOLDEN=1`.

use std::{fmt::Write as _, time::Duration};

use libprocess_wire as wire;
use model::messages::*;
use model::testing::{agent, command_task, executor, framework, status};
use model::{
    AgentCapabilities, AgentCapability, AgentInfo, Conversion, DrainConfig, FrameworkInfo, KillPolicy,
    Operation, OperationState, OperationStatus, Task, TaskState, UpdateId,
};

const GOLDEN: &str = include_str!("messages.golden");

/// One line per message, and that its bytes are read again.
fn line<M>(lines: &mut String, message: &M)
where
    M: wire::Message + PartialEq + std::fmt::Debug,
{
    let bytes = wire::encode(message);
    assert_eq!(&wire::decode::<M>(&bytes).expect("its own bytes are read"), message);
    assert!(wire::decode::<M>(&bytes[..bytes.len() - 1]).is_err(), "a cut message is refused");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(lines, "{} {} {hex}", M::NAME, M::VERSION).expect("a string takes everything");
}

fn info(id: Option<&str>) -> AgentInfo {
    AgentInfo { id: id.map(Into::into), ..agent("a.example", "cpus:4;mem(web):1024;ports:[31000-32000]") }
}

fn known(id: &str) -> FrameworkInfo {
    FrameworkInfo {
        id: Some(id.into()),
        failover_timeout: Duration::from_secs(60),
        checkpoint: true,
        ..framework("fw", &["web"])
    }
}

fn operation(uuid: UpdateId) -> Operation {
    let resources = "disk(reservations: [(DYNAMIC,web)]):64".parse().expect("it is written well");
    let mut status = OperationStatus::new(Some("o".into()), OperationState::Finished);
    status.uuid = Some(uuid);
    Operation {
        framework_id: Some("f1".into()),
        agent_id: Some("a1".into()),
        id: Some("o".into()),
        conversion: Conversion::Unreserve { resources },
        latest_status: status.clone(),
        statuses: vec![status],
        uuid,
    }
}

#[test]
fn every_message_has_the_bytes_it_always_had() {
    let capabilities =
        AgentCapabilities::from_iter([AgentCapability::MultiRole, AgentCapability::AgentDraining]);
    let run = command_task("t", "a1", "cpus(allocated: web):1;mem(allocated: web):32", "true");
    let uuid = UpdateId::from_bytes([7; 16]);
    let mut running = status("t", TaskState::Running);
    running.uuid = Some(uuid);
    running.timestamp = Some(model::Time::from_nanos(1_500_000_000));
    let lines = &mut String::new();

    line(
        lines,
        &RegisterAgent {
            info: info(None),
            version: "1.11.0".into(),
            capabilities: capabilities.clone(),
            total: info(None).resources,
        },
    );
    line(
        lines,
        &ReregisterAgent {
            info: info(Some("a1")),
            version: "1.11.0".into(),
            capabilities,
            frameworks: vec![known("f1")],
            executors: vec![RunningExecutor {
                framework_id: "f1".into(),
                executor: executor("e", "cpus(allocated: web):0.1"),
            }],
            tasks: vec![Task::staging(&run, "f1".into())],
            total: info(None).resources,
            operations: vec![operation(uuid)],
        },
    );
    line(lines, &UnregisterAgent { agent_id: "a1".into() });
    line(
        lines,
        &UpdateStatus {
            framework_id: "f1".into(),
            agent_id: "a1".into(),
            status: running,
            latest_state: TaskState::Finished,
        },
    );
    line(
        lines,
        &ExecutorExited {
            framework_id: "f1".into(),
            agent_id: "a1".into(),
            executor_id: "e".into(),
            status: 256,
        },
    );
    line(
        lines,
        &ExecutorMessage {
            framework_id: "f1".into(),
            agent_id: "a1".into(),
            executor_id: "e".into(),
            data: b"hi".to_vec(),
        },
    );
    line(lines, &Pong { agent_id: "a1".into() });
    line(lines, &Oversubscribed { agent_id: "a1".into(), revocable: "cpus{REV}:2".parse().unwrap() });
    let status = operation(uuid).latest_status;
    line(lines, &UpdateOperationV1 { agent_id: "a1".into(), operation: uuid, status: status.clone() });
    let total = "cpus:4".parse().unwrap();
    let instead = Some(Instead { total, operations: vec![operation(uuid)] });
    line(lines, &UpdateOperation { agent_id: "a1".into(), operation: uuid, status, instead });

    let epoch = 3;
    let ping_timeout = Duration::from_secs(75);
    line(lines, &Registered { epoch, agent_id: "a1".into(), ping_timeout });
    line(
        lines,
        &Reregistered {
            epoch,
            agent_id: "a1".into(),
            ping_timeout,
            reconcile: vec![("f1".into(), "t".into())],
            reconcile_operations: vec![uuid],
            drain: Some(DrainConfig { max_grace_period: Some(Duration::from_secs(2)), mark_gone: true }),
        },
    );
    line(lines, &Ping { epoch, connected: true });
    line(lines, &RunTask { epoch, framework: known("f1"), task: run.clone(), launch_executor: true });
    line(
        lines,
        &RunTaskGroup {
            epoch,
            framework: known("f1"),
            executor: executor("e", "cpus(allocated: web):0.1"),
            tasks: vec![run],
            launch_executor: false,
        },
    );
    line(
        lines,
        &KillTask {
            epoch,
            framework_id: "f1".into(),
            task_id: "t".into(),
            kill_policy: Some(KillPolicy { grace_period: Some(Duration::from_secs(5)) }),
        },
    );
    line(lines, &ShutdownExecutor { epoch, framework_id: "f1".into(), executor_id: "e".into() });
    line(lines, &ShutdownFramework { epoch, framework_id: "f1".into() });
    line(
        lines,
        &FrameworkMessage { epoch, framework_id: "f1".into(), executor_id: "e".into(), data: b"hi".to_vec() },
    );
    line(lines, &AcknowledgeStatus { epoch, framework_id: "f1".into(), task_id: "t".into(), uuid });
    line(lines, &UpdateFramework { epoch, framework: known("f1") });
    line(lines, &ShutdownAgent { epoch, message: "gone".into() });
    line(
        lines,
        &ApplyOperation {
            epoch,
            framework_id: Some("f1".into()),
            operation_id: Some("o".into()),
            conversion: operation(uuid).conversion,
            uuid,
        },
    );
    line(lines, &AcknowledgeOperation { epoch, operation: uuid });
    let config = DrainConfig { max_grace_period: None, mark_gone: false };
    line(lines, &DrainAgent { epoch, config });
    line(lines, &LeaderIs { leader: Some(([10, 0, 0, 1], 5050).into()) });

    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/messages.golden");
        std::fs::write(path, lines).expect("the golden file can be written");
        return;
    }
    for (ours, golden) in lines.lines().zip(GOLDEN.lines()) {
        assert_eq!(ours, golden);
    }
    assert_eq!(lines.lines().count(), GOLDEN.lines().count());
}

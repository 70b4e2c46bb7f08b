//! Whole histories of an agent: over few names, in any order, so that things get in each other's way.

use model::{Conversion, TaskState};

use super::{EPOCH, World, command_task, custom_task, ended, key, master, reserve, status, volume};
use crate::alarms::Alarm;
use crate::containerizer::{Cause, ContainerEvent, LaunchFailure, LaunchStep};
use crate::http::StreamNo;
use crate::messages::{FromMaster, Input};
use crate::state::Run;

/// Something that may happen at any time, to things that may or may not be there.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Run { task: u8, custom: bool, launch_executor: bool },
    RunGroup { tasks: Vec<u8> },
    Kill { task: u8 },
    Launched { executor: u8 },
    LaunchFailed { executor: u8 },
    Exited { executor: u8 },
    Subscribe { executor: u8, stream: u64, named: Vec<u8> },
    StreamEnded { executor: u8, stream: u64 },
    Update { executor: u8, task: u8, state: TaskState, uuid: u8 },
    Acknowledge { task: u8 },
    RegistrationTimeout { executor: u8 },
    Grace { executor: u8 },
    ShutdownExecutor { executor: u8 },
    ShutdownFramework,
    Lost,
    Register,
    HoldDisk,
    Sync,
    Convert { kind: u8 },
    HoldVolumes,
    Carried { done: bool },
}

/// Names that meet: of three tasks, the last one is run by the custom executor too.
fn task_name(task: u8) -> String {
    format!("t{}", task % 3)
}

/// Executors of command tasks bear their names; `e` is the custom one.
fn executor_name(executor: u8) -> String {
    if executor % 4 == 3 { "e".to_owned() } else { task_name(executor) }
}

impl Step {
    pub(crate) fn happen(self, world: &mut World) {
        let container = |world: &World, executor: u8| {
            world.state.executor(&key(&executor_name(executor))).map(|executor| executor.container.clone())
        };
        match self {
            Step::Run { task, custom, launch_executor } => {
                let name = task_name(task);
                let mut task = if custom { custom_task(&name) } else { command_task(&name) };
                if task.id.as_str() == "t2" {
                    task.resources += volume("v", 64).allocate(&"web".into());
                }
                world.run(task, launch_executor);
            }
            Step::RunGroup { tasks } => {
                let names: std::collections::BTreeSet<_> = tasks.into_iter().map(task_name).collect();
                world.run_group(names.iter().map(|name| custom_task(name)).collect());
            }
            Step::Kill { task } => {
                let kill = model::messages::KillTask {
                    epoch: EPOCH,
                    framework_id: "f".into(),
                    task_id: task_name(task).into(),
                    kill_policy: None,
                };
                world.master(FromMaster::Kill(kill));
            }
            Step::Launched { executor } => {
                let executor = executor_name(executor);
                // A containerizer tells of those it was asked to launch.
                let run = world.state.executor(&key(&executor)).map(|executor| executor.run);
                if run == Some(Run::Launching) {
                    world.launched(&executor);
                }
            }
            Step::LaunchFailed { executor } => {
                if let Some(id) = container(world, executor) {
                    let step = LaunchStep::Start;
                    let failure = LaunchFailure { step, message: "why".into() };
                    world.hear(Input::Container(ContainerEvent::LaunchFailed { id, failure }));
                }
            }
            Step::Exited { executor } => {
                if let Some(id) = container(world, executor) {
                    let termination = ended(Some(0), Cause::Exited);
                    world.hear(Input::Container(ContainerEvent::Terminated { id, termination }));
                }
            }
            Step::Subscribe { executor, stream, named } => {
                let tasks = named.into_iter().map(|task| custom_task(&task_name(task))).collect();
                world.resubscribe(&executor_name(executor), stream, tasks, Vec::new());
            }
            Step::StreamEnded { executor, stream } => {
                let executor = key(&executor_name(executor));
                world.hear(Input::StreamEnded { executor, stream: StreamNo(stream) });
            }
            Step::Update { executor, task, state, uuid } => {
                world.update(&executor_name(executor), status(&task_name(task), state, uuid));
            }
            Step::Acknowledge { task } => {
                let name = task_name(task);
                if let Some(uuid) = world.outstanding(&name) {
                    world.acknowledge(&name, uuid);
                }
            }
            Step::RegistrationTimeout { executor } => {
                if let Some(container) = container(world, executor) {
                    let executor = key(&executor_name(executor));
                    world.hear(Input::Woke(Alarm::Subscribed { executor, container }));
                }
            }
            Step::Grace { executor } => {
                if let Some(container) = container(world, executor) {
                    let executor = key(&executor_name(executor));
                    world.hear(Input::Woke(Alarm::Ended { executor, container }));
                }
            }
            Step::ShutdownExecutor { executor } => {
                let executor_id = executor_name(executor).into();
                let shutdown =
                    model::messages::ShutdownExecutor { epoch: EPOCH, framework_id: "f".into(), executor_id };
                world.master(FromMaster::ShutdownExecutor(shutdown));
            }
            Step::ShutdownFramework => {
                let shutdown = model::messages::ShutdownFramework { epoch: EPOCH, framework_id: "f".into() };
                world.master(FromMaster::ShutdownFramework(shutdown));
            }
            Step::Lost => drop(world.hear(Input::Lost(master()))),
            Step::Register => drop(world.register()),
            Step::HoldDisk => world.hold_disk(),
            Step::Sync => drop(world.sync()),
            Step::Convert { kind } => drop(world.convert(conversion(kind))),
            Step::HoldVolumes => world.hold_volumes(),
            // Of what is asked for, one thing is told.
            Step::Carried { done } if world.volumes_asked() => {
                world.carried(if done { Ok(()) } else { Err("why") });
            }
            Step::Carried { .. } => {}
        }
    }
}

/// Of one volume, and the disk it is made of.
fn conversion(kind: u8) -> Conversion {
    let volumes = volume("v", 64);
    match (kind, reserve()) {
        (0, reserve) => reserve,
        (1, _) => Conversion::Create { volumes },
        (2, _) => Conversion::Destroy { volumes },
        (_, Conversion::Reserve { resources, .. }) => Conversion::Unreserve { resources },
        (_, other) => other,
    }
}

/// Histories of up to forty steps over few names, so that they get in each other's way.
pub(crate) fn histories() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::*;
    let states = prop::sample::select(vec![
        TaskState::Starting,
        TaskState::Running,
        TaskState::Killing,
        TaskState::Finished,
        TaskState::Failed,
        TaskState::Killed,
    ]);
    let small = || 0..4u8;
    let step = prop_oneof![
        4 => (small(), any::<bool>(), any::<bool>())
            .prop_map(|(task, custom, launch_executor)| Step::Run { task, custom, launch_executor }),
        1 => prop::collection::vec(small(), 1..3).prop_map(|tasks| Step::RunGroup { tasks }),
        2 => small().prop_map(|task| Step::Kill { task }),
        4 => small().prop_map(|executor| Step::Launched { executor }),
        1 => small().prop_map(|executor| Step::LaunchFailed { executor }),
        2 => small().prop_map(|executor| Step::Exited { executor }),
        4 => (small(), 0..4u64, prop::collection::vec(small(), 0..3))
            .prop_map(|(executor, stream, named)| Step::Subscribe { executor, stream, named }),
        1 => (small(), 0..4u64).prop_map(|(executor, stream)| Step::StreamEnded { executor, stream }),
        6 => (small(), small(), states, 0..9u8)
            .prop_map(|(executor, task, state, uuid)| Step::Update { executor, task, state, uuid }),
        4 => small().prop_map(|task| Step::Acknowledge { task }),
        1 => small().prop_map(|executor| Step::RegistrationTimeout { executor }),
        1 => small().prop_map(|executor| Step::Grace { executor }),
        1 => small().prop_map(|executor| Step::ShutdownExecutor { executor }),
        1 => Just(Step::ShutdownFramework),
        1 => Just(Step::Lost),
        1 => Just(Step::Register),
        1 => Just(Step::HoldDisk),
        2 => Just(Step::Sync),
        4 => (0..4u8).prop_map(|kind| Step::Convert { kind }),
        1 => Just(Step::HoldVolumes),
        2 => any::<bool>().prop_map(|done| Step::Carried { done }),
    ];
    prop::collection::vec(step, 0..40)
}

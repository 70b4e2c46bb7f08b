//! The agent of the captures, pretended: it runs nothing and reports what theirs reported.

use std::time::Duration;

use libprocess::{Actor, Context, Doors, Handler, Message, Process, Received, Upid};
use model::messages::{
    AcknowledgeStatus, DrainAgent, FrameworkMessage, KillTask, Ping, Pong, RegisterAgent, Registered,
    RunTask, ShutdownFramework, UpdateStatus,
};
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, ContainerStatus, FrameworkId, StatusSource,
    TaskId, TaskState, TaskStatus, Time, UpdateId,
};

/// An agent that plays: STARTING and RUNNING for every task, then FINISHED for those that do not sleep.
pub(crate) struct Pretender {
    master: Upid,
    id: Option<AgentId>,
    updates: u8,
    /// What is still to be reported, in order, one acknowledgement at a time per task.
    reports: Vec<(FrameworkId, TaskId, Vec<TaskState>)>,
}

/// What it hears.
pub(crate) enum Heard {
    Registered(Registered),
    Ping,
    Run(Box<RunTask>),
    Kill(KillTask),
    Acknowledged(AcknowledgeStatus),
    /// Nothing to be done: it has nothing left by then.
    Shutdown,
    Again,
}

impl Pretender {
    pub(crate) fn new(master: Upid) -> Pretender {
        Pretender { master, id: None, updates: 0, reports: Vec::new() }
    }

    fn register(&self, ctx: &mut Context<Self>) {
        let info = AgentInfo {
            id: None,
            hostname: "agent1.example".to_owned(),
            port: 5051,
            resources: "cpus:8;mem:8192;disk:20480;ports:[31000-32000]".parse().expect("resources"),
            attributes: "rack:r1;zone:z1".parse().expect("attributes"),
            domain: None,
        };
        let capabilities = AgentCapabilities::from_iter(AgentCapability::ALL);
        let message =
            RegisterAgent { total: info.resources.clone(), info, version: "1.11.0".to_owned(), capabilities };
        let _ = ctx.send(&self.master.clone(), message);
    }

    fn report(&mut self, framework: &FrameworkId, task: &TaskId, ctx: &mut Context<Self>) {
        let entry = self.reports.iter_mut().find(|(f, t, _)| f == framework && t == task);
        let Some((_, _, states)) = entry else { return };
        if states.is_empty() {
            return;
        }
        let state = states.remove(0);
        self.updates += 1;
        let mut status = TaskStatus::new(task.clone(), state);
        status.source = Some(StatusSource::Executor);
        status.agent_id = self.id.clone();
        status.executor_id = Some(task.as_str().into());
        status.uuid = Some(UpdateId::from_bytes([self.updates; 16]));
        status.timestamp = Some(Time::from(ctx.now()));
        status.container_status = Some(container());
        match state {
            TaskState::Finished => status.message = Some("Command exited with status 0".to_owned()),
            TaskState::Killed => {
                status.message = Some("Command terminated with signal Terminated".to_owned())
            }
            _ => {}
        }
        let agent_id = self.id.clone().expect("tasks come after registration");
        let update = UpdateStatus { framework_id: framework.clone(), agent_id, status, latest_state: state };
        let _ = ctx.send(&self.master.clone(), update);
    }
}

/// Where every task runs.
fn container() -> ContainerStatus {
    let spelled = serde_json::json!({
        "container_id": {"value": "eac97417-e253-4787-a4ba-6cf7795a1237"},
        "network_infos": [{"ip_addresses": [{"protocol": "IPv4", "ip_address": "127.0.0.1"}]}],
        "executor_pid": 6529,
    });
    let spelled: api::v1::ContainerStatus = serde_json::from_value(spelled).expect("a container status");
    ContainerStatus::try_from(spelled).expect("a valid one")
}

impl Message for Heard {
    type Result = ();
}

impl Actor for Pretender {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.register(ctx);
        ctx.after(Duration::from_millis(10), Heard::Again);
    }
}

impl Process for Pretender {
    const KIND: &'static str = "agent";
    type Input = Heard;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Registered>();
        doors.message::<Ping>();
        doors.message::<RunTask>();
        doors.message::<KillTask>();
        doors.message::<AcknowledgeStatus>();
        doors.message::<ShutdownFramework>();
        doors.message::<FrameworkMessage>();
        doors.message::<DrainAgent>();
    }
}

impl Handler<Heard> for Pretender {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        match heard {
            Heard::Registered(registered) => self.id = Some(registered.agent_id),
            Heard::Again if self.id.is_none() => {
                self.register(ctx);
                ctx.after(Duration::from_millis(10), Heard::Again);
            }
            Heard::Again | Heard::Shutdown => {}
            Heard::Ping => {
                let agent_id = self.id.clone().expect("pings come after registration");
                let _ = ctx.send(&self.master.clone(), Pong { agent_id });
            }
            Heard::Run(run) => {
                let framework = run.framework.id.clone().expect("the master fills it in");
                let mut states = vec![TaskState::Starting, TaskState::Running];
                let command =
                    run.task.command.as_ref().and_then(|command| command.value.clone()).unwrap_or_default();
                if !command.contains("sleep 1000") {
                    states.push(TaskState::Finished);
                }
                self.reports.push((framework.clone(), run.task.id.clone(), states));
                self.report(&framework, &run.task.id, ctx);
            }
            Heard::Kill(kill) => {
                let entry =
                    self.reports.iter_mut().find(|(f, t, _)| *f == kill.framework_id && *t == kill.task_id);
                if let Some((_, _, states)) = entry {
                    states.push(TaskState::Killed);
                }
                self.report(&kill.framework_id, &kill.task_id, ctx);
            }
            Heard::Acknowledged(done) => self.report(&done.framework_id, &done.task_id, ctx),
        }
    }
}

macro_rules! heard {
    ($($message:ident => $make:expr),* $(,)?) => {$(
        impl From<Received<$message>> for Heard {
            fn from(received: Received<$message>) -> Self {
                $make(received.body)
            }
        }
    )*};
}

heard! {
    Registered => Heard::Registered,
    Ping => |_: Ping| Heard::Ping,
    RunTask => |run| Heard::Run(Box::new(run)),
    KillTask => Heard::Kill,
    AcknowledgeStatus => Heard::Acknowledged,
    ShutdownFramework => |_: ShutdownFramework| Heard::Shutdown,
    FrameworkMessage => |_: FrameworkMessage| Heard::Shutdown,
    DrainAgent => |_: DrainAgent| Heard::Shutdown,
}

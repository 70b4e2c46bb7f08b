//! The agent of the captures, pretended: it runs nothing and reports what theirs reported.

use std::collections::VecDeque;
use std::time::Duration;

use libprocess::{Actor, Context, Doors, Handler, Message, Process, Received, Upid};
use model::messages::{
    AcknowledgeOperation, AcknowledgeStatus, ApplyOperation, DrainAgent, ExecutorExited, ExecutorMessage,
    FrameworkMessage, KillTask, Ping, Pong, RegisterAgent, Registered, RunTask, RunTaskGroup, ShutdownAgent,
    ShutdownExecutor, ShutdownFramework, UpdateFramework, UpdateOperation, UpdateStatus,
};
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, ExecutorId, FrameworkId, OperationState,
    OperationStatus, TaskId, TaskState, TaskStatus, Time, UpdateId,
};

use crate::script::Script;

/// An agent that plays from a script, one acknowledgement at a time per task.
pub(crate) struct Pretender {
    master: Upid,
    id: Option<AgentId>,
    script: Script,
    parts: Vec<Part>,
    operations: u8,
}

/// What is still to be said of a task.
struct Part {
    framework: FrameworkId,
    task: TaskId,
    executor: ExecutorId,
    /// Whether the executor leaves once its tasks are over.
    leaves: bool,
    /// Whether somebody wants the task to end.
    killed: bool,
    /// What has been said and not heard.
    unheard: Option<UpdateId>,
    left: VecDeque<TaskStatus>,
}

/// What it hears.
pub(crate) enum Heard {
    Registered(Registered),
    Ping,
    Run(Box<RunTask>),
    RunGroup(Box<RunTaskGroup>),
    Kill(KillTask),
    Acknowledged(AcknowledgeStatus),
    Apply(Box<ApplyOperation>),
    EndExecutor(ShutdownExecutor),
    Drain,
    /// Nothing to be done.
    Noted,
    Again,
}

impl Pretender {
    pub(crate) fn new(master: Upid, script: Script) -> Pretender {
        Pretender { master, id: None, script, parts: Vec::new(), operations: 0 }
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

    fn agent_id(&self) -> AgentId {
        self.id.clone().expect("an agent that hears of anything is registered")
    }

    fn start(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        tasks: Vec<TaskId>,
        leaves: bool,
        ctx: &mut Context<Self>,
    ) {
        // An executor that failed did so before it could say anything.
        if self.script.ends.get(executor).is_some_and(|status| *status != 0) {
            self.end(framework, executor, ctx);
        }
        for task in tasks {
            let left = self.script.statuses.get(&task).cloned().unwrap_or_default();
            let (framework, executor) = (framework.clone(), executor.clone());
            self.parts.push(Part { framework, task, executor, leaves, killed: false, unheard: None, left });
            self.say(self.parts.len() - 1, ctx);
        }
        if let Some(data) = self.script.messages.remove(executor) {
            let (framework_id, executor_id) = (framework.clone(), executor.clone());
            let message = ExecutorMessage { framework_id, agent_id: self.agent_id(), executor_id, data };
            let _ = ctx.send(&self.master.clone(), message);
        }
    }

    /// Says the next thing of a task, unless it waits for something.
    fn say(&mut self, at: usize, ctx: &mut Context<Self>) {
        let agent_id = self.agent_id();
        let part = &mut self.parts[at];
        // Its executor kills a task that is not healthy by itself.
        let waits = |next: &TaskStatus| {
            next.state == TaskState::Killed && !part.killed && next.healthy != Some(false)
        };
        if part.unheard.is_some() || part.left.front().is_none_or(waits) {
            return;
        }
        let mut status = part.left.pop_front().expect("it was there");
        status.agent_id = Some(agent_id.clone());
        status.timestamp = Some(Time::from(ctx.now()));
        part.unheard = status.uuid;
        let (framework_id, latest_state) = (part.framework.clone(), status.state);
        let update = UpdateStatus { framework_id, agent_id, status, latest_state };
        let _ = ctx.send(&self.master.clone(), update);
    }

    fn heard(&mut self, done: &AcknowledgeStatus, ctx: &mut Context<Self>) {
        let said = |part: &Part| part.framework == done.framework_id && part.unheard == Some(done.uuid);
        let Some(at) = self.parts.iter().position(said) else { return };
        self.parts[at].unheard = None;
        self.say(at, ctx);
        let executor = self.parts[at].executor.clone();
        let over = |part: &Part| part.left.is_empty() && part.unheard.is_none();
        let mut of_it = self.parts.iter().filter(|part| part.executor == executor);
        if self.parts[at].leaves && of_it.all(over) {
            self.end(&done.framework_id, &executor, ctx);
        }
    }

    fn kill(&mut self, killed: impl Fn(&Part) -> bool, ctx: &mut Context<Self>) {
        for at in 0..self.parts.len() {
            if killed(&self.parts[at]) {
                self.parts[at].killed = true;
                self.say(at, ctx);
            }
        }
    }

    /// The executor is no more, if theirs came to an end.
    fn end(&mut self, framework: &FrameworkId, executor: &ExecutorId, ctx: &mut Context<Self>) {
        if let Some(status) = self.script.ends.remove(executor) {
            let (framework_id, executor_id) = (framework.clone(), executor.clone());
            let message = ExecutorExited { framework_id, agent_id: self.agent_id(), executor_id, status };
            let _ = ctx.send(&self.master.clone(), message);
        }
    }

    fn apply(&mut self, apply: &ApplyOperation, ctx: &mut Context<Self>) {
        self.operations += 1;
        let mut status = OperationStatus::new(apply.operation_id.clone(), OperationState::Finished);
        status.uuid = Some(UpdateId::from_bytes([self.operations; 16]));
        status.agent_id = self.id.clone();
        let message =
            UpdateOperation { agent_id: self.agent_id(), operation: apply.uuid, status, instead: None };
        let _ = ctx.send(&self.master.clone(), message);
    }
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
        doors.message::<RunTaskGroup>();
        doors.message::<KillTask>();
        doors.message::<AcknowledgeStatus>();
        doors.message::<ApplyOperation>();
        doors.message::<ShutdownExecutor>();
        doors.message::<DrainAgent>();
        doors.message::<AcknowledgeOperation>();
        doors.message::<ShutdownFramework>();
        doors.message::<FrameworkMessage>();
        doors.message::<UpdateFramework>();
        doors.message::<ShutdownAgent>();
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
            Heard::Again | Heard::Noted => {}
            Heard::Ping => {
                let agent_id = self.agent_id();
                let _ = ctx.send(&self.master.clone(), Pong { agent_id });
            }
            Heard::Run(run) => {
                let framework = run.framework.id.clone().expect("the master fills it in");
                let executor = match &run.task.executor {
                    Some(executor) => executor.id.clone(),
                    None => run.task.id.as_str().into(),
                };
                self.start(&framework, &executor, vec![run.task.id.clone()], false, ctx);
            }
            Heard::RunGroup(run) => {
                let framework = run.framework.id.clone().expect("the master fills it in");
                let tasks = run.tasks.iter().map(|task| task.id.clone()).collect();
                self.start(&framework, &run.executor.id, tasks, true, ctx);
            }
            Heard::Kill(kill) => {
                let named = |part: &&Part| part.framework == kill.framework_id && part.task == kill.task_id;
                // With one task its group ends.
                let executor = self.parts.iter().find(named).map(|part| part.executor.clone());
                self.kill(|part| Some(&part.executor) == executor.as_ref(), ctx);
            }
            Heard::Acknowledged(done) => self.heard(&done, ctx),
            Heard::Apply(apply) => self.apply(&apply, ctx),
            Heard::EndExecutor(end) => self.end(&end.framework_id, &end.executor_id, ctx),
            Heard::Drain => self.kill(|_| true, ctx),
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
    RunTaskGroup => |run| Heard::RunGroup(Box::new(run)),
    KillTask => Heard::Kill,
    AcknowledgeStatus => Heard::Acknowledged,
    ApplyOperation => |apply| Heard::Apply(Box::new(apply)),
    ShutdownExecutor => Heard::EndExecutor,
    DrainAgent => |_: DrainAgent| Heard::Drain,
    AcknowledgeOperation => |_: AcknowledgeOperation| Heard::Noted,
    ShutdownFramework => |_: ShutdownFramework| Heard::Noted,
    FrameworkMessage => |_: FrameworkMessage| Heard::Noted,
    UpdateFramework => |_: UpdateFramework| Heard::Noted,
    ShutdownAgent => |_: ShutdownAgent| Heard::Noted,
}

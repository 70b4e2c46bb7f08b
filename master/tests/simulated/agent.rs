//! An agent that runs nothing: tasks start at once, last half a minute, and every update is sent until it is heard.

use std::collections::BTreeMap;
use std::time::Duration;

use libprocess::{Actor, Context, Doors, Exit, Handler, Message, Process, Received, Timer, Upid};
use model::messages::{
    AcknowledgeStatus, KillTask, Ping, Pong, RegisterAgent, Registered, ReregisterAgent, Reregistered,
    RunTask, ShutdownFramework, UpdateStatus,
};
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, Attributes, FrameworkId, FrameworkInfo, Task,
    TaskId, TaskState, TaskStatus, UpdateId,
};
use rand::Rng as _;

const LASTS: Duration = Duration::from_secs(30);
const RESEND: Duration = Duration::from_secs(10);
const KNOCK: Duration = Duration::from_secs(3);

/// The agent.
pub(crate) struct Pretender {
    master: Upid,
    number: usize,
    id: Option<AgentId>,
    /// Whether a master has answered on the link that stands.
    known: bool,
    silence: Option<Timer>,
    frameworks: BTreeMap<FrameworkId, FrameworkInfo>,
    tasks: BTreeMap<(FrameworkId, TaskId), Running>,
}

/// A task, and the updates of it that nobody has heard.
struct Running {
    record: Task,
    unheard: Vec<TaskStatus>,
}

/// All that can happen to it.
pub(crate) enum Heard {
    Registered(AgentId),
    Reregistered(Reregistered),
    Ping(Ping),
    Run(Box<RunTask>),
    Kill(KillTask),
    ShutdownFramework(FrameworkId),
    Acknowledged(AcknowledgeStatus),
    Knock,
    Silent,
    Resend,
    Over(FrameworkId, TaskId),
}

impl Pretender {
    pub(crate) fn new(master: Upid, number: usize) -> Self {
        let (frameworks, tasks) = Default::default();
        Pretender { master, number, id: None, known: false, silence: None, frameworks, tasks }
    }

    fn info(&self) -> AgentInfo {
        AgentInfo {
            id: self.id.clone(),
            hostname: format!("agent{}", self.number),
            port: 5051,
            resources: "cpus:4;mem:1024".parse().expect("it is written well"),
            attributes: Attributes::default(),
            domain: None,
        }
    }

    fn knock(&mut self, ctx: &mut Context<Self>) {
        if self.known {
            return;
        }
        let capabilities = AgentCapabilities(AgentCapability::ALL.into_iter().collect());
        let (info, version, master) = (self.info(), "1.11.0".to_owned(), self.master.clone());
        ctx.link(&master);
        let _ = match self.id {
            None => {
                let total = info.resources.clone();
                ctx.send(&master, RegisterAgent { info, version, capabilities, total })
            }
            Some(_) => {
                let frameworks = self.frameworks.values().cloned().collect();
                let tasks = self.tasks.values().map(|running| running.record.clone()).collect();
                let (executors, operations) = (Vec::new(), Vec::new());
                let total = info.resources.clone();
                let message = ReregisterAgent {
                    info,
                    version,
                    capabilities,
                    frameworks,
                    executors,
                    tasks,
                    total,
                    operations,
                };
                ctx.send(&master, message)
            }
        };
        ctx.after(KNOCK, Heard::Knock);
    }

    fn settle(&mut self, ctx: &mut Context<Self>) {
        self.known = true;
        self.hear_ping(ctx);
        self.resend(ctx);
    }

    /// A master that is silent for long has forgotten us.
    fn hear_ping(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.silence.take() {
            ctx.cancel(timer);
        }
        self.silence = Some(ctx.after(Duration::from_secs(75), Heard::Silent));
    }

    fn report(&mut self, key: (FrameworkId, TaskId), state: TaskState, ctx: &mut Context<Self>) {
        let mut uuid = [0; 16];
        ctx.rng().fill_bytes(&mut uuid);
        let mut status = TaskStatus::new(key.1.clone(), state);
        status.agent_id = self.id.clone();
        status.uuid = Some(UpdateId::from_random(uuid));
        let Some(running) = self.tasks.get_mut(&key) else {
            return self.send(key.0, status, state, ctx);
        };
        if running.record.state.is_terminal() {
            return;
        }
        running.record.state = state;
        running.unheard.push(status.clone());
        if running.unheard.len() == 1 {
            self.send(key.0, status, state, ctx);
        }
    }

    fn send(
        &mut self,
        framework_id: FrameworkId,
        status: TaskStatus,
        latest: TaskState,
        ctx: &mut Context<Self>,
    ) {
        if let (true, Some(agent_id)) = (self.known, self.id.clone()) {
            let update = UpdateStatus { framework_id, agent_id, status, latest_state: latest };
            let _ = ctx.send(&self.master.clone(), update);
        }
    }

    fn resend(&mut self, ctx: &mut Context<Self>) {
        let first = |((framework, _), running): (&(FrameworkId, TaskId), &Running)| {
            Some((framework.clone(), running.unheard.first()?.clone(), running.record.state))
        };
        let waiting: Vec<_> = self.tasks.iter().filter_map(first).collect();
        for (framework, status, latest) in waiting {
            self.send(framework, status, latest, ctx);
        }
    }
}

impl Message for Heard {
    type Result = ();
}

impl Actor for Pretender {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.knock(ctx);
        ctx.every(RESEND, || Heard::Resend);
    }
}

impl Process for Pretender {
    const KIND: &'static str = "agent";
    type Input = Heard;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Registered>();
        doors.message::<Reregistered>();
        doors.message::<Ping>();
        doors.message::<RunTask>();
        doors.message::<KillTask>();
        doors.message::<ShutdownFramework>();
        doors.message::<AcknowledgeStatus>();
    }

    fn exited(&mut self, _: &Upid, _: Exit, ctx: &mut Context<Self>) {
        if std::mem::take(&mut self.known) {
            ctx.after(KNOCK, Heard::Knock);
        }
    }
}

impl Handler<Heard> for Pretender {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        match heard {
            Heard::Registered(id) => {
                self.id = Some(id);
                self.settle(ctx);
            }
            Heard::Reregistered(answer) => {
                self.settle(ctx);
                for key in answer.reconcile {
                    if !self.tasks.contains_key(&key) {
                        self.report(key, TaskState::Dropped, ctx);
                    }
                }
            }
            Heard::Ping(ping) => {
                self.hear_ping(ctx);
                if let Some(agent_id) = self.id.clone() {
                    let _ = ctx.send(&self.master.clone(), Pong { agent_id });
                }
                if !ping.connected && std::mem::take(&mut self.known) {
                    self.knock(ctx);
                }
            }
            Heard::Knock => self.knock(ctx),
            Heard::Silent => {
                self.known = false;
                self.knock(ctx);
            }
            Heard::Run(run) => {
                let id = run.framework.id.clone().expect("the master fills it in");
                let key = (id.clone(), run.task.id.clone());
                let record = Task::staging(&run.task, id.clone());
                self.frameworks.insert(id, run.framework);
                self.tasks.insert(key.clone(), Running { record, unheard: Vec::new() });
                ctx.after(LASTS, Heard::Over(key.0.clone(), key.1.clone()));
                self.report(key, TaskState::Running, ctx);
            }
            Heard::Over(framework, task) => {
                if self.tasks.contains_key(&(framework.clone(), task.clone())) {
                    self.report((framework, task), TaskState::Finished, ctx);
                }
            }
            Heard::Kill(kill) => {
                let key = (kill.framework_id, kill.task_id);
                let known = self.tasks.contains_key(&key);
                self.report(key, if known { TaskState::Killed } else { TaskState::Dropped }, ctx);
            }
            Heard::ShutdownFramework(id) => {
                self.frameworks.remove(&id);
                self.tasks.retain(|(framework, _), _| *framework != id);
            }
            Heard::Acknowledged(heard) => {
                let key = (heard.framework_id, heard.task_id);
                let Some(running) = self.tasks.get_mut(&key) else { return };
                if running.unheard.first().is_some_and(|first| first.uuid == Some(heard.uuid)) {
                    running.unheard.remove(0);
                    if running.unheard.is_empty() && running.record.state.is_terminal() {
                        self.tasks.remove(&key);
                    } else if let Some(next) = running.unheard.first().cloned() {
                        let latest = running.record.state;
                        self.send(key.0, next, latest, ctx);
                    }
                }
            }
            Heard::Resend => self.resend(ctx),
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
    Registered => |registered: Registered| Heard::Registered(registered.agent_id),
    Reregistered => Heard::Reregistered,
    Ping => Heard::Ping,
    RunTask => |run| Heard::Run(Box::new(run)),
    KillTask => Heard::Kill,
    ShutdownFramework => |shutdown: ShutdownFramework| Heard::ShutdownFramework(shutdown.framework_id),
    AcknowledgeStatus => Heard::Acknowledged,
}

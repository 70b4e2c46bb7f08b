//! An agent that runs nothing, and says that it runs a number of tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libprocess::{Actor, Context, Doors, Exit, Handler, Message, Process, Received, Upid};
use model::messages::{LeaderIs, Ping, Pong, RegisterAgent, Registered, ReregisterAgent, Reregistered};
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, FrameworkId, FrameworkInfo, Resources, Task,
    TaskInfo, TaskState,
};
use rand::RngExt;

/// How long an agent that has lost its master waits at most, as ours do.
const LOST_MAX: Duration = Duration::from_millis(250);
/// After so long without an answer it asks again.
const AGAIN: Duration = Duration::from_secs(30);
/// How many frameworks the tasks are of.
const FRAMEWORKS: usize = 10;

pub(crate) struct Pretender {
    number: usize,
    tasks: usize,
    id: Option<AgentId>,
    /// Where it asks, the one that is asked now first.
    masters: Vec<Upid>,
    /// How many of all agents a master has answered.
    known: Arc<AtomicUsize>,
    settled: bool,
}

/// It is to ask now.
pub(crate) struct Begin;

/// All that can happen to it.
pub(crate) enum Heard {
    Begin,
    Settled(Option<AgentId>),
    Elsewhere(LeaderIs),
    Ping,
    Again,
}

impl Pretender {
    pub(crate) fn new(
        number: usize,
        tasks: usize,
        id: Option<AgentId>,
        masters: Vec<Upid>,
        known: Arc<AtomicUsize>,
    ) -> Pretender {
        Pretender { number, tasks, id, masters, known, settled: false }
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        let master = self.masters[0].clone();
        ctx.link(&master);
        let capabilities = AgentCapabilities(AgentCapability::ALL.into_iter().collect());
        let total: Resources = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]".parse().expect("resources");
        let info = AgentInfo {
            id: self.id.clone(),
            hostname: format!("host{}.example", self.number),
            port: 5051,
            resources: total.clone(),
            attributes: "rack:r1;zone:z1".parse().expect("attributes"),
            domain: None,
        };
        let version = "1.11.0".to_owned();
        // One that cannot be sent is noticed by its link.
        let _ = match &self.id {
            None => ctx.send(&master, RegisterAgent { info, version, capabilities, total }),
            Some(id) => {
                let tasks: Vec<Task> = (0..self.tasks).map(|number| self.task(id, number)).collect();
                let frameworks = (0..FRAMEWORKS.min(self.tasks)).map(framework).collect();
                let (executors, operations) = (Vec::new(), Vec::new());
                ctx.send(
                    &master,
                    ReregisterAgent {
                        info,
                        version,
                        capabilities,
                        frameworks,
                        executors,
                        tasks,
                        total,
                        operations,
                    },
                )
            }
        };
    }

    fn task(&self, agent: &AgentId, number: usize) -> Task {
        let resources = "cpus:0.1;mem:32".parse().expect("resources");
        let name = format!("service-{}-instance-{number}", self.number);
        let mut info = TaskInfo::new(&*name, agent.clone(), resources);
        info.name = name;
        let mut task = Task::staging(&info, framework_id(number % FRAMEWORKS));
        task.state = TaskState::Running;
        task
    }
}

fn framework_id(number: usize) -> FrameworkId {
    format!("6f1c5e0a-1d7a-4c51-9d3c-2a0d5f7e8b11-{number:04}").into()
}

fn framework(number: usize) -> FrameworkInfo {
    let mut info = FrameworkInfo::new(format!("framework{number}"), "root");
    info.id = Some(framework_id(number));
    info.checkpoint = true;
    info.failover_timeout = Duration::from_secs(3600);
    info
}

impl From<Begin> for Heard {
    fn from(Begin: Begin) -> Heard {
        Heard::Begin
    }
}

impl Message for Heard {
    type Result = ();
}

impl Actor for Pretender {
    type Context = Context<Self>;
}

impl Process for Pretender {
    const KIND: &'static str = "agent";
    type Input = Heard;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Registered>();
        doors.message::<Reregistered>();
        doors.message::<LeaderIs>();
        doors.message::<Ping>();
    }

    /// The master is gone: the next is asked after a while of its own.
    fn exited(&mut self, peer: &Upid, _: Exit, ctx: &mut Context<Self>) {
        if peer.address() == self.masters[0].address() {
            self.settled = false;
            self.masters.rotate_left(1);
            let wait = LOST_MAX.mul_f64(ctx.rng().random());
            ctx.after(wait, Heard::Begin);
        }
    }
}

impl Handler<Heard> for Pretender {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        match heard {
            Heard::Begin => {
                self.ask(ctx);
                ctx.after(AGAIN, Heard::Again);
            }
            Heard::Again if !self.settled => self.ask(ctx),
            Heard::Settled(id) => {
                self.id = id.or(self.id.take());
                if !std::mem::replace(&mut self.settled, true) {
                    self.known.fetch_add(1, Ordering::Relaxed);
                }
            }
            Heard::Elsewhere(LeaderIs { leader: Some(leader) }) if !self.settled => {
                let at = self.masters.iter().position(|master| master.address() == leader);
                self.masters.rotate_left(at.unwrap_or(0));
                self.ask(ctx);
            }
            Heard::Ping => {
                if let Some(agent_id) = self.id.clone() {
                    let _ = ctx.send(&self.masters[0].clone(), Pong { agent_id });
                }
            }
            Heard::Elsewhere(_) | Heard::Again => {}
        }
    }
}

impl From<Received<Registered>> for Heard {
    fn from(received: Received<Registered>) -> Heard {
        Heard::Settled(Some(received.body.agent_id))
    }
}

impl From<Received<Reregistered>> for Heard {
    fn from(_: Received<Reregistered>) -> Heard {
        Heard::Settled(None)
    }
}

impl From<Received<LeaderIs>> for Heard {
    fn from(received: Received<LeaderIs>) -> Heard {
        Heard::Elsewhere(received.body)
    }
}

impl From<Received<Ping>> for Heard {
    fn from(_: Received<Ping>) -> Heard {
        Heard::Ping
    }
}

//! Agents that run nothing, and say at once that what they are given runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libprocess::{Actor, Context, Doors, Handler, Message, Process, Received, Upid};
use model::messages::{AcknowledgeStatus, Ping, Pong, RegisterAgent, Registered, RunTask, UpdateStatus};
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, Attributes, StatusSource, TaskState, TaskStatus,
    UpdateId,
};

/// After so long without an answer it asks again.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Agent {
    number: usize,
    resources: String,
    master: Upid,
    id: Option<AgentId>,
    updates: u64,
    acknowledged: Arc<AtomicUsize>,
}

/// All that can happen to it.
pub(crate) enum Heard {
    Registered(Registered),
    Ping,
    Run(Box<RunTask>),
    Acknowledged,
    Again,
}

impl Agent {
    /// One that counts what of it is acknowledged together with others.
    pub(crate) fn new(
        number: usize,
        resources: String,
        master: Upid,
        acknowledged: Arc<AtomicUsize>,
    ) -> Agent {
        Agent { number, resources, master, id: None, updates: 0, acknowledged }
    }

    fn register(&self, ctx: &mut Context<Self>) {
        let info = AgentInfo {
            id: None,
            hostname: format!("host{}.example", self.number),
            port: 5051,
            resources: self.resources.parse().expect("resources"),
            attributes: Attributes::default(),
            domain: None,
        };
        let capabilities = AgentCapabilities(AgentCapability::ALL.into_iter().collect());
        let (total, version) = (info.resources.clone(), "1.11.0".to_owned());
        // One that cannot be sent is sent again.
        let _ = ctx.send(&self.master.clone(), RegisterAgent { info, version, capabilities, total });
        ctx.after(AGAIN, Heard::Again);
    }

    fn run(&mut self, run: RunTask, ctx: &mut Context<Self>) {
        let (Some(agent_id), Some(framework_id)) = (self.id.clone(), run.framework.id) else { return };
        self.updates += 1;
        let mut uuid = [0; 16];
        uuid[..8].copy_from_slice(&self.updates.to_be_bytes());
        let mut status = TaskStatus::new(run.task.id, TaskState::Running);
        status.source = Some(StatusSource::Executor);
        status.agent_id = Some(agent_id.clone());
        status.timestamp = Some(ctx.now().into());
        status.uuid = Some(UpdateId::from_bytes(uuid));
        let update = UpdateStatus { framework_id, agent_id, status, latest_state: TaskState::Running };
        ctx.send(&self.master.clone(), update).expect("the link takes as much as is in flight");
    }
}

impl Message for Heard {
    type Result = ();
}

impl Actor for Agent {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.register(ctx);
    }
}

impl Process for Agent {
    const KIND: &'static str = "agent";
    type Input = Heard;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Registered>();
        doors.message::<Ping>();
        doors.message::<RunTask>();
        doors.message::<AcknowledgeStatus>();
    }
}

impl Handler<Heard> for Agent {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        match heard {
            Heard::Registered(registered) => self.id = Some(registered.agent_id),
            Heard::Ping => {
                if let Some(agent_id) = self.id.clone() {
                    let _ = ctx.send(&self.master.clone(), Pong { agent_id });
                }
            }
            Heard::Run(run) => self.run(*run, ctx),
            Heard::Acknowledged => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Heard::Again if self.id.is_none() => self.register(ctx),
            Heard::Again => {}
        }
    }
}

impl From<Received<Registered>> for Heard {
    fn from(received: Received<Registered>) -> Heard {
        Heard::Registered(received.body)
    }
}

impl From<Received<Ping>> for Heard {
    fn from(_: Received<Ping>) -> Heard {
        Heard::Ping
    }
}

impl From<Received<RunTask>> for Heard {
    fn from(received: Received<RunTask>) -> Heard {
        Heard::Run(Box::new(received.body))
    }
}

impl From<Received<AcknowledgeStatus>> for Heard {
    fn from(_: Received<AcknowledgeStatus>) -> Heard {
        Heard::Acknowledged
    }
}

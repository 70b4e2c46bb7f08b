//! The process an agent asks for containers, on a machine without a kernel.

use std::collections::BTreeMap;

use agent::containerizer::{Cause, ContainerEvent, Input, LaunchFailure, LaunchStep, Termination, Usage};
use agent::host::Tell;
use executor::Environment;
use libprocess::{Actor, Context, Handler, Message, Process};
use model::ContainerId;

use super::task::Tasks;
use super::{Container, Machine};

/// The wait status of a process that was killed by force.
const KILLED: i32 = 9;

/// Makes containers for one life of an agent.
pub(super) struct Containers {
    machine: Machine,
    tell: Tell,
}

/// What can arrive: what agents ask, and what is heard of containers.
pub(super) enum Heard {
    Asked(Input),
    Ended(ContainerId),
}

impl Message for Heard {
    type Result = ();
}

impl Containers {
    pub(super) fn new(machine: Machine, tell: Tell) -> Containers {
        Containers { machine, tell }
    }

    /// A container is there and waits at its gate.
    fn launch(&self, id: ContainerId, environment: Vec<(String, String)>) {
        let identity = self.machine.with(|state| {
            let identity = state.identity();
            let container =
                Container { identity: identity.clone(), environment, process: None, destroyed: false };
            state.containers.insert(id.clone(), container);
            identity
        });
        (self.tell)(ContainerEvent::Held { id, identity });
    }

    /// It leaves the gate: its executor begins.
    fn go(&self, id: ContainerId, ctx: &mut Context<Self>) {
        let begun = self.machine.with(|state| {
            let container = state.containers.get_mut(&id).filter(|found| found.process.is_none())?;
            let find = |name: &str| {
                let found = container.environment.iter().rev().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            };
            let environment = Environment::from(find);
            // Nobody looks at it again, and there are many.
            container.environment = Vec::new();
            let started = environment
                .map_err(|error| error.to_string())
                .and_then(|environment| {
                    executor::spawn_in(&state.node, environment, Tasks::default)
                        .map_err(|error| error.to_string())
                })
                .map(|process| {
                    container.process = Some(process);
                    container.identity.task
                });
            if started.is_err() {
                state.containers.remove(&id);
            }
            Some(started)
        });
        match begun {
            None => {}
            Some(Ok(pid)) => {
                (self.tell)(ContainerEvent::Launched { id: id.clone(), pid });
                self.watch(id, ctx);
            }
            Some(Err(message)) => {
                let failure = LaunchFailure { step: LaunchStep::Exec, message };
                (self.tell)(ContainerEvent::LaunchFailed { id, failure });
            }
        }
    }

    /// Hears of a container's end, however long ago it was.
    fn watch(&self, id: ContainerId, ctx: &mut Context<Self>) {
        let process = self.machine.with(|state| state.containers.get(&id)?.process.clone());
        if let Some(process) = process {
            ctx.task(async move { process.wait().await }, move |_| Heard::Ended(id));
        }
    }

    fn destroy(&self, id: ContainerId) {
        let never_ran = self.machine.with(|state| {
            let container = state.containers.get_mut(&id)?;
            container.destroyed = true;
            match &container.process {
                Some(process) => {
                    process.terminate(libprocess::Lane::System);
                    Some(false)
                }
                None => state.containers.remove(&id).map(|_| true),
            }
        });
        if never_ran == Some(true) {
            let failure =
                LaunchFailure { step: LaunchStep::Destroyed, message: "destroyed before it ran".to_owned() };
            (self.tell)(ContainerEvent::LaunchFailed { id, failure });
        }
    }

    fn ended(&self, id: ContainerId) {
        let Some(destroyed) = self.machine.with(|state| Some(state.containers.get(&id)?.destroyed)) else {
            return;
        };
        let (status, cause, message) = match destroyed {
            true => (KILLED, Cause::Destroyed, "Command terminated with signal Killed"),
            false => (0, Cause::Exited, "Command exited with status 0"),
        };
        let message = message.to_owned();
        let termination = Termination {
            status: Some(status),
            cause,
            message,
            spent_micros: [0; 2],
            peak_bytes: 0,
            limitation: None,
        };
        (self.tell)(ContainerEvent::Terminated { id, termination });
    }

    /// Finds what earlier agents of this machine left.
    fn recover(&self, known: Vec<agent::containerizer::KnownContainer>, ctx: &mut Context<Self>) {
        let (mut running, mut lost) = (Vec::new(), Vec::new());
        let boot = self.machine.with(|state| state.boot);
        for container in &known {
            let id = container.id.clone();
            let found = self.machine.with(|state| {
                let found = state.containers.get(&id).filter(|found| found.process.is_some())?;
                Some(found.identity.clone())
            });
            match (found, &container.identity) {
                (Some(found), Some(identity)) if found == *identity => running.push((id, found)),
                (_, identity) => lost.push((id, identity.clone())),
            }
        }
        let orphans: Vec<ContainerId> = self.machine.with(|state| {
            let known: std::collections::BTreeSet<&ContainerId> = running.iter().map(|(id, _)| id).collect();
            let orphans: Vec<ContainerId> =
                state.containers.keys().filter(|id| !known.contains(id)).cloned().collect();
            for id in &orphans {
                let orphan = state.containers.remove(id);
                orphan
                    .and_then(|orphan| orphan.process)
                    .inspect(|process| process.terminate(libprocess::Lane::System));
            }
            orphans
        });
        for (id, identity) in lost {
            match identity {
                None => {
                    let failure = LaunchFailure {
                        step: LaunchStep::Interrupted,
                        message: "the agent stopped before it ran".to_owned(),
                    };
                    (self.tell)(ContainerEvent::LaunchFailed { id, failure });
                }
                Some(identity) => {
                    let (cause, message) = match identity.boot_id == format!("boot-{boot}") {
                        true => (Cause::SupervisorLost, "the supervisor is lost"),
                        false => (Cause::Rebooted, "the machine was started anew"),
                    };
                    let message = message.to_owned();
                    let termination = Termination {
                        status: None,
                        cause,
                        message,
                        spent_micros: [0; 2],
                        peak_bytes: 0,
                        limitation: None,
                    };
                    (self.tell)(ContainerEvent::Terminated { id, termination });
                }
            }
        }
        let again: Vec<ContainerId> = running.iter().map(|(id, _)| id.clone()).collect();
        (self.tell)(ContainerEvent::Recovered { running, orphans });
        again.into_iter().for_each(|id| self.watch(id, ctx));
    }

    fn usage(&self) -> BTreeMap<ContainerId, Usage> {
        let one = Usage { processes: 1, threads: 1, ..Usage::default() };
        self.machine.running().into_iter().map(|id| (id, one.clone())).collect()
    }
}

impl Actor for Containers {
    type Context = Context<Self>;
}

impl Process for Containers {
    const KIND: &'static str = "containerizer";
    type Input = Heard;
}

impl Handler<Heard> for Containers {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        match heard {
            Heard::Ended(id) => self.ended(id),
            Heard::Asked(input) => match input {
                Input::Launch { id, config } => self.launch(id, config.environment),
                Input::Go { id } => self.go(id, ctx),
                Input::Kill { id, .. } | Input::Destroy { id } => self.destroy(id),
                Input::Recover { known } => self.recover(known, ctx),
                Input::Forget { id } => drop(self.machine.with(|state| state.containers.remove(&id))),
                Input::Usage { reply } => reply.send(self.usage()),
                // Nothing here can use more than it was given.
                Input::Limitation { reply, .. } => reply.send(None),
                Input::PruneImages { reply, .. } => reply.send(Ok(())),
                Input::Update { .. } => {}
                // Work of the real one; none is given out here.
                Input::Work(_) => {}
            },
        }
    }
}

/// How an agent reaches it.
pub(super) struct Way(pub(super) libprocess::Pid<Containers>);

impl agent::host::Containers for Way {
    fn tell(&self, input: Input) -> Result<(), libprocess::SendError> {
        self.0.tell(Heard::Asked(input))
    }

    fn usage(&self) -> futures_util::future::BoxFuture<'static, BTreeMap<ContainerId, Usage>> {
        let answer = self.0.call(USAGE_TIMEOUT, |reply| Heard::Asked(Input::Usage { reply }));
        Box::pin(async move { answer.await.unwrap_or_default() })
    }
}

/// How long it may take to say what containers use.
const USAGE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

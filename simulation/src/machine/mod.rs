//! A pretended machine: what an agent speaks for when there is no kernel below it.
//!
//! A machine is two nodes of the simulation, one for the agent and one for all that its tasks are. So an agent can be
//! killed while its tasks run on, as in the world. Containers are executors spawned on the second node; they are the
//! executor SDK's, and speak to the agent over the simulated network.
//!
//! 1. [`behaviour`]: what a command line does here;
//! 2. [`task`]: the executor that does it;
//! 3. [`containers`]: the process an agent asks for containers;
//! 4. [`Machine`]: what all lives of an agent share.

mod behaviour;
mod containers;
mod task;

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use agent::StartError;
use agent::containerizer::Identity;
use agent::host::{Host, Tell};
use libprocess::{Pid, Runtime, Spawn};
use model::{ContainerId, Resources};
use parking_lot::Mutex;

pub use behaviour::{Behaviour, Ending};
use containers::{Containers, Way};
use task::Tasks;

/// A machine without a kernel; clones are the same machine.
#[derive(Clone)]
pub(crate) struct Machine(Arc<Inner>);

struct Inner {
    name: String,
    resources: Resources,
    state: Mutex<State>,
}

/// What outlives every agent.
struct State {
    /// Where tasks are.
    node: Runtime,
    boot: u32,
    /// Whether an agent has the work directory.
    claimed: bool,
    /// The last number a process was given.
    last: u32,
    containers: BTreeMap<ContainerId, Container>,
}

/// One container, from its launch until its agent says that it may be forgotten.
struct Container {
    identity: Identity,
    environment: Vec<(String, String)>,
    /// `None` before it may leave the gate.
    process: Option<Pid<executor::Running<Tasks>>>,
    /// Somebody ended it before it did itself.
    destroyed: bool,
}

impl Machine {
    /// A machine whose tasks are on `node`.
    pub(crate) fn new(name: String, resources: Resources, node: Runtime) -> Machine {
        let state = State { node, boot: 1, claimed: false, last: 1, containers: BTreeMap::new() };
        Machine(Arc::new(Inner { name, resources, state: Mutex::new(state) }))
    }

    /// The machine has started anew: nothing of what ran is left.
    pub(crate) fn booted(&self, node: Runtime) {
        let mut state = self.0.state.lock();
        state.node = node;
        state.boot += 1;
        state.containers.clear();
    }

    /// What runs here, whoever knows of it.
    pub(crate) fn running(&self) -> Vec<ContainerId> {
        let state = self.0.state.lock();
        let runs =
            |container: &Container| container.process.as_ref().is_some_and(|process| process.is_alive());
        state.containers.iter().filter(|(_, container)| runs(container)).map(|(id, _)| id.clone()).collect()
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock())
    }
}

impl State {
    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", self.boot)
    }

    /// An identity nothing else had since the machine started.
    fn identity(&mut self) -> Identity {
        let (supervisor, task) = (self.number(), self.number());
        Identity {
            boot_id: self.boot_id(),
            supervisor,
            supervisor_started: u64::from(supervisor),
            task,
            task_started: u64::from(task),
        }
    }
}

/// The work directory of one life of an agent.
struct Claim(Machine);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.with(|state| state.claimed = false);
    }
}

impl Host for Machine {
    fn claim(&self, work_dir: &Path) -> Result<Box<dyn Any + Send>, StartError> {
        match self.with(|state| std::mem::replace(&mut state.claimed, true)) {
            true => Err(StartError::InUse(work_dir.to_owned())),
            false => Ok(Box::new(Claim(self.clone()))),
        }
    }

    fn resources(&self, _: &agent::Config) -> Resources {
        self.0.resources.clone()
    }

    fn name(&self) -> Option<String> {
        Some(self.0.name.clone())
    }

    fn boot(&self) -> String {
        self.with(|state| state.boot_id())
    }

    fn containers(
        &self,
        runtime: &Runtime,
        _: &agent::Config,
        tell: Tell,
    ) -> Result<Arc<dyn agent::host::Containers>, StartError> {
        let machine = self.clone();
        let process = runtime.spawn(Spawn::named("containerizer"), move || Containers::new(machine, tell))?;
        Ok(Arc::new(Way(process)))
    }

    fn load(&self) -> Option<agent::oversubscription::Load> {
        None
    }

    fn has_files(&self) -> bool {
        false
    }
}

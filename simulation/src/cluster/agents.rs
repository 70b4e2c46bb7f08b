//! An agent and the machine it speaks for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use libprocess::Runtime;
use libprocess::sim::Sim;

use super::Setup;
use crate::machine::Machine;

/// Where an agent keeps its journal.
const WORK_DIR: &str = "/agent";

/// One machine, with an agent or without.
pub(super) struct AgentNode {
    pub(super) node: Runtime,
    /// Where its tasks are.
    pub(super) below: Runtime,
    pub(super) machine: Machine,
    number: usize,
}

impl AgentNode {
    pub(super) fn start(
        sim: &mut Sim,
        number: usize,
        node: Runtime,
        below: Runtime,
        setup: &Setup,
        masters: &[SocketAddr],
    ) -> AgentNode {
        let machine = Machine::new(super::machine(number), setup.resources.clone(), below.clone());
        let agent = AgentNode { node, below, machine, number };
        agent.begin(sim, setup, masters);
        agent
    }

    /// The agent's node has started again.
    pub(super) fn restart(&mut self, sim: &mut Sim, node: Runtime, setup: &Setup, masters: &[SocketAddr]) {
        self.node = node;
        self.begin(sim, setup, masters);
    }

    /// The machine has started again.
    pub(super) fn booted(&mut self, below: Runtime) {
        self.below = below.clone();
        self.machine.booted(below);
    }

    fn begin(&self, sim: &mut Sim, setup: &Setup, masters: &[SocketAddr]) {
        let mut config = agent::Config::new(PathBuf::from(WORK_DIR), masters.to_vec());
        config.attributes = setup.attributes.get(self.number).cloned().unwrap_or_default();
        // The path of this program travels in descriptions of executors, and is another in each build.
        config.executor = vec!["hectare".to_owned(), "executor".to_owned()];
        config.registration_backoff_factor = setup.registration_backoff;
        let (node, machine) = (self.node.clone(), Arc::new(self.machine.clone()));
        let started = sim.on(&self.node, || agent::spawn_on(&node, config, machine));
        if let Err(error) = started {
            // Its disk is full or broken: an agent that does not start, as one that is down.
            tracing::warn!(node = %self.node.address(), %error, "an agent does not start");
        }
    }
}

//! Where each container stands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent_launch::{Identity, StatusRecord};
use model::ContainerId;

use crate::containerizer::{ContainerConfig, ContainerEvent, Limitation};

/// What the native containerizer knows.
#[derive(Debug)]
pub(crate) struct State {
    /// Every container that is not forgotten.
    pub(crate) containers: BTreeMap<ContainerId, Container>,
    /// Launches that wait for a lane, oldest first.
    pub(crate) waiting: VecDeque<ContainerId>,
    /// Those that end, or whose end is told, once nothing lives inside of them.
    pub(crate) parting: BTreeSet<ContainerId>,
    /// How many launches may be under way at once.
    pub(crate) lanes: usize,
    /// Whether isolators are asked what a container broke before its end is told.
    pub(crate) isolated: bool,
}

/// One container.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) stage: Stage,
    /// Its supervisor and task, once they introduced themselves.
    pub(crate) identity: Option<Identity>,
    /// It is to end, whatever it was about to do.
    pub(crate) destroying: bool,
    /// An earlier agent left it and no journal knows it: nothing is told of it.
    pub(crate) orphan: bool,
    /// An earlier agent left it at its gate: its launch ends here.
    pub(crate) interrupted: bool,
    /// Its end, which is told once nothing lives inside of it.
    pub(crate) held_end: Option<ContainerEvent>,
    /// What it broke, and ends for.
    pub(crate) limitation: Option<Limitation>,
}

/// How far a container is.
///
/// | from | on | to |
/// |---|---|---|
/// | `Waiting` | a lane is free | `Fetching`, or `Starting` without image and URIs |
/// | `Fetching` | fetched | `Starting` |
/// | `Starting` | its supervisor runs | `Opening` |
/// | `Opening` | `Held` is heard | `Held` |
/// | `Held` | `Go` | `Leaving` |
/// | `Leaving` | `Running` is heard | `Running` |
/// | any | its end is known | `Ended`, by `Concluding` if there are isolators to ask |
#[derive(Debug)]
pub(crate) enum Stage {
    /// For a lane.
    Waiting { config: Box<ContainerConfig> },
    /// Its image is had, and URIs come into its sandbox.
    Fetching { config: Box<ContainerConfig> },
    /// A supervisor is being started.
    Starting,
    /// A supervisor was started and has not been heard of.
    Opening,
    /// The task waits at the gate.
    Held,
    /// The task was told to go.
    Leaving,
    /// The task runs.
    Running,
    /// Its supervisor lives and does not answer (yet).
    Mute,
    /// Its supervisor went without a word: the record is looked for.
    Reading,
    /// There was no record: what is left of it is being ended.
    Sweeping,
    /// It ended; what it broke is looked for before anybody is told.
    Concluding {
        record: StatusRecord,
        /// Its supervisor is gone.
        gone: bool,
    },
    /// Its end was told.
    Ended {
        /// Its supervisor is gone.
        gone: bool,
        /// The agent needs nothing of it any more.
        forgotten: bool,
    },
}

impl State {
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            containers: BTreeMap::new(),
            waiting: VecDeque::new(),
            parting: BTreeSet::new(),
            lanes: lanes.max(1),
            isolated: false,
        }
    }

    /// Launches under way.
    pub(crate) fn busy(&self) -> usize {
        self.containers.values().filter(|container| container.stage.takes_lane()).count()
    }

    /// What is always true.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        assert!(self.busy() <= self.lanes, "more launches than lanes");
        assert!(self.waiting.is_empty() || self.busy() == self.lanes, "a lane is free while launches wait");
        for id in &self.waiting {
            assert!(
                matches!(self.containers.get(id), Some(Container { stage: Stage::Waiting { .. }, .. })),
                "{id} waits in the queue and nowhere else"
            );
        }
        for id in &self.parting {
            assert!(super::family::has_living_inside(self, id), "{id} waits for nobody");
        }
        let waiting = self
            .containers
            .values()
            .filter(|container| matches!(container.stage, Stage::Waiting { .. }))
            .count();
        assert_eq!(waiting, self.waiting.len(), "whoever waits is in the queue once");
    }
}

impl Container {
    pub(crate) fn new(stage: Stage) -> Self {
        Self {
            stage,
            identity: None,
            destroying: false,
            orphan: false,
            interrupted: false,
            held_end: None,
            limitation: None,
        }
    }

    /// Whether it and all inside of it have ended.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ended { .. }) && self.held_end.is_none()
    }
}

impl Stage {
    fn takes_lane(&self) -> bool {
        matches!(self, Self::Fetching { .. } | Self::Starting | Self::Opening)
    }

    /// Whether its program was let go.
    pub(crate) fn runs(&self) -> bool {
        matches!(self, Self::Leaving | Self::Running)
    }

    /// Whether a supervisor can be spoken to.
    pub(crate) fn has_supervisor(&self) -> bool {
        matches!(self, Self::Opening | Self::Held | Self::Leaving | Self::Running)
    }
}

//! What a simulated cluster consists of.

use std::time::Duration;

use model::{Attributes, Resources};

/// The most agents, and the most frameworks: their numbers are two bytes of an address.
const PARTS_MAX: usize = 60_000;
/// The most masters, those included that are added later.
pub(super) const MASTERS_MAX: usize = 100;

/// A cluster to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Everything that chance decides follows from it.
    pub seed: u64,
    /// One, three, five or seven.
    pub masters: usize,
    pub agents: usize,
    /// What each machine has.
    pub resources: Resources,
    /// What each machine says of itself, by its number; those beyond the list say nothing.
    pub attributes: Vec<Attributes>,
    /// How often the allocator shares at the latest.
    pub allocation_interval: Duration,
    /// How long an agent may be away before its tasks count as unreachable.
    pub agent_reregister_timeout: Duration,
    /// How often an agent is pinged, and how many pings may stay unanswered.
    pub agent_ping_timeout: Duration,
    pub max_agent_ping_timeouts: u32,
    /// Agents register within this, at random.
    pub registration_backoff: Duration,
    /// Everything begins in the version before: of messages that have an older version it says and reads only that.
    /// [`Cluster::upgrade`](super::Cluster::upgrade) brings a part up to date.
    pub older: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            seed: 1,
            masters: 1,
            agents: 1,
            resources: "cpus:8;mem:16384;disk:102400;ports:[31000-32000]".parse().expect("resources"),
            attributes: Vec::new(),
            allocation_interval: Duration::from_secs(1),
            agent_reregister_timeout: Duration::from_secs(600),
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            registration_backoff: Duration::from_secs(1),
            older: false,
        }
    }
}

/// Why a cluster cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("masters: {0} is none of 1, 3, 5 and 7")]
    Masters(usize),
    #[error("{what}: {number} is more than {most}")]
    TooMany { what: &'static str, number: usize, most: usize },
    #[error("{what}: must be more than nothing")]
    Zero { what: &'static str },
}

impl Setup {
    /// Errors: a number is out of range.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        if ![1, 3, 5, 7].contains(&self.masters) {
            return Err(SetupError::Masters(self.masters));
        }
        if self.agents > PARTS_MAX {
            return Err(SetupError::TooMany { what: "agents", number: self.agents, most: PARTS_MAX });
        }
        if self.resources.is_empty() {
            return Err(SetupError::Zero { what: "resources" });
        }
        if self.max_agent_ping_timeouts == 0 {
            return Err(SetupError::Zero { what: "max_agent_ping_timeouts" });
        }
        let times = [
            ("allocation_interval", self.allocation_interval),
            ("agent_reregister_timeout", self.agent_reregister_timeout),
            ("agent_ping_timeout", self.agent_ping_timeout),
        ];
        match times.into_iter().find(|(_, time)| time.is_zero()) {
            Some((what, _)) => Err(SetupError::Zero { what }),
            None => Ok(()),
        }
    }

    /// What the masters are told.
    pub(super) fn master(&self) -> master::Config {
        let mut config = master::Config::default();
        config.allocator.interval = self.allocation_interval;
        config.settings.agent_reregister_timeout = self.agent_reregister_timeout;
        config.settings.agent_ping_timeout = self.agent_ping_timeout;
        config.settings.max_agent_ping_timeouts = self.max_agent_ping_timeouts;
        config.publish_per_framework_metrics = false;
        config
    }
}

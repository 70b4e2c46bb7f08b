//! How an agent leaves: on purpose.

use std::time::Duration;

use libprocess_wire as wire;

/// How far a drain got.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DrainState {
    Draining,
    Drained,
}

/// How an operator wants an agent drained.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrainConfig {
    /// Tasks that ask for more time get this.
    pub max_grace_period: Option<Duration>,
    /// Whether the agent is marked gone once it is empty.
    pub mark_gone: bool,
}

/// A drain and how far it got.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrainInfo {
    pub state: DrainState,
    pub config: DrainConfig,
}

//! How many links a node has, and how much may be under way on them.

use std::time::Duration;

/// Bounds of links; what is beyond them is refused or waits, and is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Links that others dialled and that are open; more are closed at once.
    pub links: usize,
    /// Connections that have not said yet what they are for. Beyond it the oldest is closed: who has
    /// something to say is not among them for long.
    pub silent: usize,
    /// How long a connection may take to say what it is for, and a greeting to be done.
    pub greeting: Duration,
    /// How many connections are accepted a second; others wait in the system's queue.
    pub accepts: u32,
    /// How much may wait for one node; more is refused with `Full`. Unit: bytes.
    pub outgoing: usize,
    /// How many questions to one node may be open.
    pub asks: usize,
    /// How often a ping is due; the other end is gone when nothing comes back for three times that. Between two nodes that
    /// dialled each other every other one is spared.
    pub ping: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            links: 16_384,
            silent: 4_096,
            greeting: Duration::from_secs(5),
            accepts: 10_000,
            outgoing: 64 << 20,
            asks: 65_536,
            ping: Duration::from_secs(5),
        }
    }
}

//! How a replica is opened.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a replica is opened.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it keeps its data; made if it is not there.
    pub dir: PathBuf,
    /// The replicas' nodes, this one among them. If all of them are new they form a cluster; else the new ones join it.
    /// Empty: this replica alone, if it is new.
    pub masters: Vec<SocketAddr>,
    /// The name its process is spawned under, alike on all nodes.
    pub name: String,
    /// What it says of itself to those who look for the leader.
    pub info: Arc<[u8]>,
    /// A backup to begin a cluster of its own with. The directory must be new.
    pub restore: Option<PathBuf>,
    pub timing: Timing,
    /// How long something may take before its outcome counts as unknown.
    pub patience: Duration,
    pub keep: Keep,
    pub bounds: Bounds,
    /// Who may ask what of it over HTTP; everybody, if none is named.
    pub realms: Option<Realms>,
}

/// The names of the realms whose authenticators say who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Realms {
    /// How it does, and what stands in the log.
    pub read: &'static str,
    /// Who takes part, and who leads.
    pub change: &'static str,
}

impl Config {
    /// A replica in `dir` with every other setting as it is by default.
    pub fn new(dir: impl Into<PathBuf>) -> Config {
        Config {
            dir: dir.into(),
            masters: Vec::new(),
            name: "log".to_owned(),
            info: Arc::from([]),
            restore: None,
            timing: Timing::DEFAULT,
            patience: Duration::from_secs(10),
            keep: Keep::Entries(10_000),
            bounds: Bounds::default(),
            realms: None,
        }
    }
}

/// How fast a leader is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often the leader is heard.
    pub heartbeat: Duration,
    /// How long, at least and at most, one waits for it before an election. The longer one is also its lease.
    pub election: (Duration, Duration),
}

impl Timing {
    /// A leader that dies is followed after its lease and the shortest wait among the others: some 0.65 s in the middle.
    pub const DEFAULT: Timing = Timing::ms(60, 180, 380);
    /// Machines on one switch with little else to do.
    pub const LAN_FAST: Timing = Timing::ms(50, 150, 300);
    /// Machines that are short of processors.
    pub const BUSY: Timing = Timing::ms(100, 500, 1000);
    /// Machines far apart.
    pub const WAN: Timing = Timing::ms(250, 1500, 3000);

    const fn ms(heartbeat: u64, least: u64, most: u64) -> Timing {
        Timing {
            heartbeat: Duration::from_millis(heartbeat),
            election: (Duration::from_millis(least), Duration::from_millis(most)),
        }
    }
}

/// What of the log stays once a snapshot holds what it amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many entries, for replicas that lag: all that matters is in the machine.
    Entries(u64),
    /// All that no writer has truncated: the entries are what matters.
    UntilTruncated,
}

/// How much may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What was proposed and is not answered. Unit: bytes.
    pub proposed: usize,
    /// One proposal. Unit: bytes.
    pub proposal: usize,
    /// One snapshot of another replica. Unit: bytes.
    pub snapshot: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { proposed: 64 << 20, proposal: 4 << 20, snapshot: 4 << 30 }
    }
}

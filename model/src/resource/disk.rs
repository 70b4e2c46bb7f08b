//! What makes disk more than an amount: whose device, and what is kept on it.

use std::sync::Arc;

use libprocess_wire as wire;

use crate::{Labels, Volume};

/// Details of a `disk` resource.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Disk {
    /// Present on persistent volumes.
    pub persistence: Option<Persistence>,
    /// Where a persistent volume appears in the sandbox.
    pub volume: Option<Volume>,
    /// Absent for the disk that holds the agent's work directory.
    pub source: Option<DiskSource>,
}

/// Marks a volume that outlives its tasks.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Persistence {
    /// Unique per role on an agent.
    pub id: Arc<str>,
    /// Who made it.
    pub principal: Option<Arc<str>>,
}

/// Where disk comes from.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskSource {
    pub kind: DiskKind,
    /// A directory or mount point; only for `Path` and `Mount`.
    pub root: Option<String>,
    pub vendor: Option<String>,
    pub id: Option<String>,
    pub metadata: Labels,
    pub profile: Option<String>,
}

/// What a disk is, and so whether it can be cut.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskKind {
    /// A directory: splits and merges.
    Path,
    /// A file system of its own: all or nothing.
    Mount,
    /// A device: all or nothing.
    Block,
    /// Storage not made into anything yet; one piece if it has an id.
    Raw,
}

impl DiskKind {
    /// The public name.
    pub const fn name(self) -> &'static str {
        match self {
            DiskKind::Path => "PATH",
            DiskKind::Mount => "MOUNT",
            DiskKind::Block => "BLOCK",
            DiskKind::Raw => "RAW",
        }
    }
}

impl DiskSource {
    /// A source of this kind, with nothing else said.
    pub fn new(kind: DiskKind, root: Option<&str>) -> Self {
        Self {
            kind,
            root: root.map(Into::into),
            vendor: None,
            id: None,
            metadata: Labels::default(),
            profile: None,
        }
    }
}

impl Disk {
    /// Whether only all of it can be added or taken.
    pub fn is_indivisible(&self) -> bool {
        self.persistence.is_some()
            || self.source.as_ref().is_some_and(|source| match source.kind {
                DiskKind::Path => false,
                DiskKind::Mount | DiskKind::Block => true,
                DiskKind::Raw => source.id.is_some(),
            })
    }
}

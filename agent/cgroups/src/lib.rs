//! Control groups of containers: v1, v2, and hosts that have both, behind one set of names.
//!
//! ```text
//! v1      <hierarchy>/<root>/<cid>[/mesos/<child>…]          one directory in each controller that is used
//! hybrid  as v1, and <unified>/<root>/<cid>/leaf             no controllers: finds and kills all at once
//! v2      <root>/<cid>/leaf                                  processes only in `leaf`; limits on <cid>
//! ```
//!
//! Read in this order:
//! 1. [`controller`]: what can be limited, and what each version calls it;
//! 2. [`hierarchy`]: where a host has it, from its mount table;
//! 3. [`root`]: the one directory that is ours, and whose containers are below it;
//! 4. [`group`]: a container's directories: made, joined, removed;
//! 5. [`setting`]: a limit as a value, and how it is applied; [`figures`]: what was used.
//!
//! `cgroups-rs` writes the limits and reads what it reads right on both versions; where it does not (out-of-memory
//! counts of v2, weights, hybrid hosts, removal without sleeping) the files are ours. No type of it crosses the border.
//!
//! Left out on purpose: nothing here knows a task or a resource, starts a process or kills one.

pub mod controller;
pub mod figures;
pub mod group;
pub mod hierarchy;
pub mod root;
pub mod setting;

pub use controller::{Controller, Version};
pub use figures::{CpuFigures, MemoryFigures, PidsFigures};
pub use group::Group;
pub use hierarchy::Hierarchies;
pub use root::Root;
pub use setting::Setting;

use std::io;
use std::path::{Path, PathBuf};

/// What the kernel says of a file whose control group is gone.
const ENODEV: i32 = 19;

/// Why control groups cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    #[error(
        "this machine has no cgroup controller '{0}': it is neither mounted as v1 nor listed in cgroup.controllers of v2"
    )]
    Missing(&'static str),
    #[error("cgroup v2 does not offer {controllers} below {}: enable them in {}", .dir.display(), .fix.display())]
    NotEnabled { controllers: String, dir: PathBuf, fix: PathBuf },
    #[error(
        "this machine has no cgroup hierarchy to keep containers in: neither v2 nor the v1 freezer is mounted"
    )]
    NoTracking,
    #[error("'{0}' cannot be the name of a cgroup")]
    Name(String),
    #[error("cannot {verb} {}", .path.display())]
    Io {
        verb: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot set {what}: {why}")]
    Set { what: String, why: String },
}

impl CgroupError {
    pub(crate) fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { verb, path: path.to_owned(), source }
    }

    /// Whether what was there just before is no more.
    pub(crate) fn says_gone(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        source.kind() == io::ErrorKind::NotFound || source.raw_os_error() == Some(ENODEV)
    }
}

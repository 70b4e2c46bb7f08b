//! A limit as a value, and how it is applied.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use cgroups_rs::MaxValue;
use cgroups_rs::cpu::CpuController;
use cgroups_rs::memory::MemController;
use cgroups_rs::pid::PidController;

use crate::CgroupError;
use crate::controller::{Controller, Version};
use crate::group::Group;

/// One thing to be set in a container's group. `None` means no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// v1's share of processor time when there is too little of it.
    CpuShares(u64),
    /// The same on v2.
    CpuWeight(u64),
    /// At most so much processor time in each period. Unit: microseconds.
    CpuQuota { quota: Option<u64>, period: u64 },
    /// Unit: bytes.
    MemoryLimit(Option<u64>),
    /// What is left alone as long as others have more than theirs. Unit: bytes.
    MemorySoft(u64),
    /// v1's limit of memory and swap together. Unit: bytes.
    MemorySwapLimit(Option<u64>),
    /// Processes and threads together.
    PidsMax(Option<u64>),
    /// What `cgroups-rs` has no word for.
    Value { controller: Controller, file: &'static str, text: String },
}

impl Setting {
    /// Whose directory it belongs to.
    pub fn controller(&self) -> Controller {
        match self {
            Self::CpuShares(_) | Self::CpuWeight(_) | Self::CpuQuota { .. } => Controller::Cpu,
            Self::MemoryLimit(_) | Self::MemorySoft(_) | Self::MemorySwapLimit(_) => Controller::Memory,
            Self::PidsMax(_) => Controller::Pids,
            Self::Value { controller, .. } => *controller,
        }
    }

    /// Sets it in `group`.
    ///
    /// Errors: the group is not in that controller, or the kernel refuses.
    pub fn apply(&self, group: &Group) -> Result<(), CgroupError> {
        let controller = self.controller();
        let (dir, version) = group.dir(controller).ok_or(CgroupError::Missing(controller.name()))?;
        let v2 = version == Version::V2;
        let here: PathBuf = dir.to_owned();
        let done = match self {
            Self::CpuShares(value) | Self::CpuWeight(value) => {
                CpuController::new(here, v2).set_shares(*value)
            }
            Self::CpuQuota { quota, period } => {
                let quota = quota.map_or(-1, signed);
                CpuController::new(here, v2).set_cfs_quota_and_period(Some(quota), Some(*period))
            }
            Self::MemoryLimit(limit) => MemController::new(here, v2).set_limit(limit.map_or(-1, signed)),
            Self::MemorySoft(soft) => MemController::new(here, v2).set_soft_limit(signed(*soft)),
            Self::MemorySwapLimit(limit) => {
                MemController::new(here, v2).set_memswap_limit(limit.map_or(-1, signed))
            }
            Self::PidsMax(max) => PidController::new(here, v2)
                .set_pid_max(max.map_or(MaxValue::Max, |max| MaxValue::Value(signed(max)))),
            Self::Value { file, text, .. } => return write(&dir.join(file), text),
        };
        done.map_err(|error| CgroupError::Set {
            what: format!("{self} in {}", dir.display()),
            why: chain(&error),
        })
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn write(file: &Path, text: &str) -> Result<(), CgroupError> {
    fs::write(file, text).map_err(|error| CgroupError::Set {
        what: format!("{} to '{text}'", file.display()),
        why: error.to_string(),
    })
}

/// An error with what it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let max = |value: &Option<u64>| value.map_or("max".to_owned(), |value| value.to_string());
        match self {
            Self::CpuShares(value) => write!(f, "cpu shares {value}"),
            Self::CpuWeight(value) => write!(f, "cpu weight {value}"),
            Self::CpuQuota { quota, period } => write!(f, "cpu quota {}/{period}", max(quota)),
            Self::MemoryLimit(limit) => write!(f, "memory limit {}", max(limit)),
            Self::MemorySoft(soft) => write!(f, "memory soft limit {soft}"),
            Self::MemorySwapLimit(limit) => write!(f, "memory and swap limit {}", max(limit)),
            Self::PidsMax(limit) => write!(f, "pids limit {}", max(limit)),
            Self::Value { file, text, .. } => write!(f, "{file} {text}"),
        }
    }
}

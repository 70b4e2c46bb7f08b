//! What can be limited, and what each version of cgroups calls it.

/// One controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    Cpu,
    /// Part of `cpu` on v2.
    Cpuacct,
    Cpuset,
    Memory,
    Pids,
    /// A program of the kernel's on v2, not a controller.
    Devices,
    /// `io` on v2.
    Blkio,
    Hugetlb,
    NetCls,
    NetPrio,
    /// Always there on v2.
    PerfEvent,
    /// Part of every group on v2.
    Freezer,
}

/// Which of the two interfaces a directory speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    V1,
    V2,
}

impl Controller {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Cpu,
        Self::Cpuacct,
        Self::Cpuset,
        Self::Memory,
        Self::Pids,
        Self::Devices,
        Self::Blkio,
        Self::Hugetlb,
        Self::NetCls,
        Self::NetPrio,
        Self::PerfEvent,
        Self::Freezer,
    ];

    /// As mount options and `/proc/cgroups` spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Cpuset => "cpuset",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Devices => "devices",
            Self::Blkio => "blkio",
            Self::Hugetlb => "hugetlb",
            Self::NetCls => "net_cls",
            Self::NetPrio => "net_prio",
            Self::PerfEvent => "perf_event",
            Self::Freezer => "freezer",
        }
    }

    /// As `cgroup.controllers` spells it; `None` if v2 has no such thing, or every group has it unasked.
    pub fn v2_name(self) -> Option<&'static str> {
        match self {
            Self::Cpu | Self::Cpuacct => Some("cpu"),
            Self::Blkio => Some("io"),
            Self::Cpuset | Self::Memory | Self::Pids | Self::Hugetlb => Some(self.name()),
            Self::Devices | Self::NetCls | Self::NetPrio | Self::PerfEvent | Self::Freezer => None,
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|controller| controller.name() == name)
    }
}

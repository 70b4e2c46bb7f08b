//! What a running container is like, as told with status updates.

use libprocess_wire as wire;

use super::NetworkInfo;
use crate::ContainerId;

/// A container as its agent sees it.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerStatus {
    pub container_id: Option<ContainerId>,
    pub networks: Vec<NetworkInfo>,
    pub cgroup: Option<CgroupInfo>,
    pub executor_pid: Option<u32>,
}

/// What its cgroups say.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CgroupInfo {
    /// The class its packets carry (`net_cls`); outer `None` when there is no such cgroup.
    pub net_cls: Option<Option<u32>>,
}

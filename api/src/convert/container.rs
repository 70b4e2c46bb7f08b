//! Containers: networks, rights, limits, and what is told of running ones.

use model::container::{
    CgroupInfo, ContainerStatus, DockerInfo, DockerNetwork, DockerPortMapping, IpAddress, IpcMode,
    LinuxCapability, LinuxInfo, MesosInfo, PortMapping, Protocol, RLimit, RLimitKind, SeccompInfo, TtyInfo,
};
use model::{ContainerInfo, ContainerKind, NetworkInfo, Parameter};

use super::simple::{labels, labels_out};
use super::{ConvertError, all, each, maybe, optional, required, same_enum};
use crate::v1;
use crate::v1::{container_info, network_info, r_limit_info};

same_enum!(container_info::Type, ContainerKind { Docker = Docker, Mesos = Mesos });
same_enum!(
    container_info::docker_info::Network,
    DockerNetwork { Host = Host, Bridge = Bridge, None = None, User = User }
);
same_enum!(network_info::Protocol, Protocol { IPv4 = Ipv4, IPv6 = Ipv6 });
same_enum!(v1::linux_info::IpcMode, IpcMode { Private = Private, ShareParent = ShareParent });
same_enum!(
    r_limit_info::r_limit::Type,
    RLimitKind {
        RlmtAs = As,
        RlmtCore = Core,
        RlmtCpu = Cpu,
        RlmtData = Data,
        RlmtFsize = Fsize,
        RlmtLocks = Locks,
        RlmtMemlock = Memlock,
        RlmtMsgqueue = Msgqueue,
        RlmtNice = Nice,
        RlmtNofile = Nofile,
        RlmtNproc = Nproc,
        RlmtRss = Rss,
        RlmtRtprio = Rtprio,
        RlmtRttime = Rttime,
        RlmtSigpending = Sigpending,
        RlmtStack = Stack,
    }
);

impl TryFrom<v1::ContainerInfo> for ContainerInfo {
    type Error = ConvertError;

    fn try_from(container: v1::ContainerInfo) -> Result<Self, ConvertError> {
        Ok(ContainerInfo {
            kind: required::<container_info::Type, _>(container.r#type).map_err(|error| error.at("type"))?,
            volumes: each(container.volumes, "volumes")?,
            hostname: container.hostname,
            docker: maybe(container.docker, "docker")?,
            mesos: container
                .mesos
                .map(|mesos| Ok(MesosInfo { image: maybe(mesos.image, "mesos.image")? }))
                .transpose()?,
            networks: each(container.network_infos, "network_infos")?,
            linux: maybe(container.linux_info, "linux_info")?,
            rlimits: each(container.rlimit_info.unwrap_or_default().rlimits, "rlimit_info.rlimits")?,
            tty: container
                .tty_info
                .map(|tty| TtyInfo { window: tty.window_size.map(|size| (size.rows, size.columns)) }),
        })
    }
}

impl From<&ContainerInfo> for v1::ContainerInfo {
    fn from(container: &ContainerInfo) -> Self {
        v1::ContainerInfo {
            r#type: container_info::Type::from(container.kind) as i32,
            volumes: all(&container.volumes),
            hostname: container.hostname.clone(),
            docker: container.docker.as_ref().map(container_info::DockerInfo::from),
            mesos: container
                .mesos
                .as_ref()
                .map(|mesos| container_info::MesosInfo { image: mesos.image.as_ref().map(v1::Image::from) }),
            network_infos: all(&container.networks),
            linux_info: container.linux.as_ref().map(v1::LinuxInfo::from),
            rlimit_info: (!container.rlimits.is_empty())
                .then(|| v1::RLimitInfo { rlimits: all(&container.rlimits) }),
            tty_info: container.tty.map(|tty| v1::TtyInfo {
                window_size: tty.window.map(|(rows, columns)| v1::tty_info::WindowSize { rows, columns }),
            }),
        }
    }
}

impl TryFrom<container_info::DockerInfo> for DockerInfo {
    type Error = ConvertError;

    fn try_from(docker: container_info::DockerInfo) -> Result<Self, ConvertError> {
        Ok(DockerInfo {
            image: docker.image,
            network: optional::<container_info::docker_info::Network, _>(docker.network)?.unwrap_or_default(),
            port_mappings: docker
                .port_mappings
                .into_iter()
                .map(|mapping| DockerPortMapping {
                    host_port: mapping.host_port,
                    container_port: mapping.container_port,
                    protocol: mapping.protocol,
                })
                .collect(),
            privileged: docker.privileged.unwrap_or(false),
            parameters: docker.parameters.into_iter().map(Parameter::from).collect(),
            force_pull_image: docker.force_pull_image.unwrap_or(false),
            volume_driver: docker.volume_driver,
        })
    }
}

impl From<&DockerInfo> for container_info::DockerInfo {
    fn from(docker: &DockerInfo) -> Self {
        container_info::DockerInfo {
            image: docker.image.clone(),
            network: Some(container_info::docker_info::Network::from(docker.network) as i32),
            port_mappings: docker
                .port_mappings
                .iter()
                .map(|mapping| container_info::docker_info::PortMapping {
                    host_port: mapping.host_port,
                    container_port: mapping.container_port,
                    protocol: mapping.protocol.clone(),
                })
                .collect(),
            privileged: Some(docker.privileged),
            parameters: all(&docker.parameters),
            force_pull_image: docker.force_pull_image.then_some(true),
            volume_driver: docker.volume_driver.clone(),
        }
    }
}

impl TryFrom<v1::NetworkInfo> for NetworkInfo {
    type Error = ConvertError;

    fn try_from(network: v1::NetworkInfo) -> Result<Self, ConvertError> {
        Ok(NetworkInfo {
            ip_addresses: each(network.ip_addresses, "ip_addresses")?,
            name: network.name,
            groups: network.groups,
            labels: labels(network.labels),
            port_mappings: network
                .port_mappings
                .into_iter()
                .map(|mapping| PortMapping {
                    host_port: mapping.host_port,
                    container_port: mapping.container_port,
                    protocol: mapping.protocol,
                })
                .collect(),
        })
    }
}

impl From<&NetworkInfo> for v1::NetworkInfo {
    fn from(network: &NetworkInfo) -> Self {
        v1::NetworkInfo {
            ip_addresses: all(&network.ip_addresses),
            name: network.name.clone(),
            groups: network.groups.clone(),
            labels: labels_out(&network.labels),
            port_mappings: network
                .port_mappings
                .iter()
                .map(|mapping| network_info::PortMapping {
                    host_port: mapping.host_port,
                    container_port: mapping.container_port,
                    protocol: mapping.protocol.clone(),
                })
                .collect(),
        }
    }
}

impl TryFrom<network_info::IpAddress> for IpAddress {
    type Error = ConvertError;

    fn try_from(address: network_info::IpAddress) -> Result<Self, ConvertError> {
        Ok(IpAddress {
            protocol: optional::<network_info::Protocol, _>(address.protocol)?.unwrap_or_default(),
            ip_address: address.ip_address,
        })
    }
}

impl From<&IpAddress> for network_info::IpAddress {
    fn from(address: &IpAddress) -> Self {
        network_info::IpAddress {
            protocol: Some(network_info::Protocol::from(address.protocol) as i32),
            ip_address: address.ip_address.clone(),
        }
    }
}

impl TryFrom<v1::LinuxInfo> for LinuxInfo {
    type Error = ConvertError;

    fn try_from(linux: v1::LinuxInfo) -> Result<Self, ConvertError> {
        Ok(LinuxInfo {
            capabilities: capabilities(linux.capability_info, "capability_info")?,
            bounding_capabilities: capabilities(linux.bounding_capabilities, "bounding_capabilities")?,
            effective_capabilities: capabilities(linux.effective_capabilities, "effective_capabilities")?,
            share_pid_namespace: linux.share_pid_namespace,
            seccomp: linux.seccomp.map(|seccomp| SeccompInfo {
                profile_name: seccomp.profile_name,
                unconfined: seccomp.unconfined,
            }),
            ipc_mode: optional::<v1::linux_info::IpcMode, _>(linux.ipc_mode)
                .map_err(|error| error.at("ipc_mode"))?,
            shm_size: linux.shm_size,
            share_cgroups: linux.share_cgroups,
        })
    }
}

/// The API numbers rights from here; the kernel from 0.
const FIRST_CAPABILITY: i32 = 1000;

fn capabilities(
    info: Option<v1::CapabilityInfo>,
    field: &str,
) -> Result<Option<Vec<LinuxCapability>>, ConvertError> {
    let one = |number: i32| {
        number
            .checked_sub(FIRST_CAPABILITY)
            .and_then(|number| u8::try_from(number).ok())
            .and_then(LinuxCapability::new)
            .ok_or_else(|| ConvertError::new("Unknown capability").at(field))
    };
    info.map(|info| info.capabilities.into_iter().map(one).collect()).transpose()
}

impl From<&LinuxInfo> for v1::LinuxInfo {
    fn from(linux: &LinuxInfo) -> Self {
        let capabilities = |list: &Option<Vec<LinuxCapability>>| {
            list.as_ref().map(|list| v1::CapabilityInfo {
                capabilities: list.iter().map(|one| FIRST_CAPABILITY + i32::from(one.number())).collect(),
            })
        };
        v1::LinuxInfo {
            capability_info: capabilities(&linux.capabilities),
            bounding_capabilities: capabilities(&linux.bounding_capabilities),
            effective_capabilities: capabilities(&linux.effective_capabilities),
            share_pid_namespace: linux.share_pid_namespace,
            seccomp: linux.seccomp.as_ref().map(|seccomp| v1::SeccompInfo {
                profile_name: seccomp.profile_name.clone(),
                unconfined: seccomp.unconfined,
            }),
            ipc_mode: linux.ipc_mode.map(|mode| v1::linux_info::IpcMode::from(mode) as i32),
            shm_size: linux.shm_size,
            share_cgroups: linux.share_cgroups,
        }
    }
}

impl TryFrom<r_limit_info::RLimit> for RLimit {
    type Error = ConvertError;

    fn try_from(limit: r_limit_info::RLimit) -> Result<Self, ConvertError> {
        let kind = optional::<r_limit_info::r_limit::Type, _>(limit.r#type)
            .map_err(|error| error.at("type"))?
            .ok_or_else(|| ConvertError::new("is not a known limit").at("type"))?;
        Ok(RLimit { kind, hard: limit.hard, soft: limit.soft })
    }
}

impl From<&RLimit> for r_limit_info::RLimit {
    fn from(limit: &RLimit) -> Self {
        r_limit_info::RLimit {
            r#type: Some(r_limit_info::r_limit::Type::from(limit.kind) as i32),
            hard: limit.hard,
            soft: limit.soft,
        }
    }
}

impl TryFrom<v1::ContainerStatus> for ContainerStatus {
    type Error = ConvertError;

    fn try_from(status: v1::ContainerStatus) -> Result<Self, ConvertError> {
        Ok(ContainerStatus {
            container_id: status.container_id.map(Into::into),
            networks: each(status.network_infos, "network_infos")?,
            cgroup: status
                .cgroup_info
                .map(|cgroup| CgroupInfo { net_cls: cgroup.net_cls.map(|class| class.classid) }),
            executor_pid: status.executor_pid,
        })
    }
}

impl From<&ContainerStatus> for v1::ContainerStatus {
    fn from(status: &ContainerStatus) -> Self {
        v1::ContainerStatus {
            container_id: status.container_id.as_ref().map(Into::into),
            network_infos: all(&status.networks),
            cgroup_info: status.cgroup.map(|cgroup| v1::CgroupInfo {
                net_cls: cgroup.net_cls.map(|classid| v1::cgroup_info::NetCls { classid }),
            }),
            executor_pid: status.executor_pid,
        }
    }
}

//! The box a task or executor is put in: what it sees, whom it may reach, what it may do.

mod image;
mod info;
mod linux;
mod network;
mod status;
mod volume;

pub use image::{Credential, Image, ImageSource};
pub use info::{
    ContainerInfo, ContainerKind, DockerInfo, DockerNetwork, DockerPortMapping, MesosInfo, TtyInfo,
};
pub use linux::{IpcMode, LinuxCapability, LinuxInfo, RLimit, RLimitKind, SeccompInfo};
pub use network::{IpAddress, NetworkInfo, PortMapping, Protocol};
pub use status::{CgroupInfo, ContainerStatus};
pub use volume::{
    AccessMode, AccessType, CsiVolume, MountPropagation, SandboxPathKind, Volume, VolumeMode, VolumeSource,
};

//! The description of a container.

use libprocess_wire as wire;

use super::{Image, LinuxInfo, NetworkInfo, RLimit, Volume};
use crate::Parameter;

/// The container a framework asks for.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerInfo {
    pub kind: ContainerKind,
    pub volumes: Vec<Volume>,
    pub hostname: Option<String>,
    /// Meant for [`ContainerKind::Docker`].
    pub docker: Option<DockerInfo>,
    /// Meant for [`ContainerKind::Mesos`].
    pub mesos: Option<MesosInfo>,
    pub networks: Vec<NetworkInfo>,
    pub linux: Option<LinuxInfo>,
    pub rlimits: Vec<RLimit>,
    pub tty: Option<TtyInfo>,
}

impl ContainerInfo {
    /// A container of this kind with nothing else said.
    pub fn new(kind: ContainerKind) -> Self {
        Self {
            kind,
            volumes: Vec::new(),
            hostname: None,
            docker: None,
            mesos: None,
            networks: Vec::new(),
            linux: None,
            rlimits: Vec::new(),
            tty: None,
        }
    }

    /// What its root file system is to be made from, by the agent itself.
    pub fn image(&self) -> Option<&Image> {
        self.mesos.as_ref()?.image.as_ref()
    }
}

/// Who makes the container.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    /// The Docker engine.
    Docker,
    /// The agent's own containerizer.
    Mesos,
}

/// What only the agent's own containerizer is told.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MesosInfo {
    /// The root file system; the host's if absent.
    pub image: Option<Image>,
}

/// What only the Docker engine is told.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DockerInfo {
    pub image: String,
    pub network: DockerNetwork,
    pub port_mappings: Vec<DockerPortMapping>,
    pub privileged: bool,
    pub parameters: Vec<Parameter>,
    pub force_pull_image: bool,
    pub volume_driver: Option<String>,
}

/// The engine's network modes.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DockerNetwork {
    #[default]
    Host,
    Bridge,
    None,
    User,
}

/// A port of the host that leads to one of the container.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DockerPortMapping {
    pub host_port: u32,
    pub container_port: u32,
    pub protocol: Option<String>,
}

/// A terminal instead of pipes.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TtyInfo {
    /// Rows and columns.
    pub window: Option<(u32, u32)>,
}

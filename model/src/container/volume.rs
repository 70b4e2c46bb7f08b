//! What is mounted into a container.

use std::collections::BTreeMap;

use libprocess_wire as wire;

use super::Image;
use crate::{Parameter, Secret};

/// Something that appears under a path of the container.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume {
    pub mode: VolumeMode,
    /// Absolute, or relative to the sandbox.
    pub container_path: String,
    /// Absolute, or relative to the sandbox; the older spelling of [`VolumeSource::HostPath`].
    pub host_path: Option<String>,
    pub image: Option<Image>,
    pub source: Option<VolumeSource>,
}

impl Volume {
    /// A writable place with nothing but its path, as persistent volumes have.
    pub fn writable(container_path: impl Into<String>) -> Self {
        Self {
            mode: VolumeMode::ReadWrite,
            container_path: container_path.into(),
            host_path: None,
            image: None,
            source: None,
        }
    }
}

/// Whether a volume may be written.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeMode {
    ReadWrite,
    ReadOnly,
}

/// Where the content comes from.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeSource {
    Docker { driver: Option<String>, name: String, options: Vec<Parameter> },
    HostPath { path: String, propagation: Option<MountPropagation> },
    SandboxPath { kind: SandboxPathKind, path: String },
    Secret(Secret),
    Csi(CsiVolume),
}

/// Whether mounts made later on one side appear on the other.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MountPropagation {
    HostToContainer,
    Bidirectional,
}

/// Whose sandbox a path lies in.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SandboxPathKind {
    Own,
    Parent,
}

/// A volume of a storage plugin.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CsiVolume {
    pub plugin_name: String,
    pub volume_id: String,
    pub access_type: AccessType,
    pub access_mode: AccessMode,
    pub node_stage_secrets: BTreeMap<String, Secret>,
    pub node_publish_secrets: BTreeMap<String, Secret>,
    pub volume_context: BTreeMap<String, String>,
}

/// As a device or as a file system.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessType {
    Block,
    Mount { fs_type: Option<String>, mount_flags: Vec<String> },
}

/// How many nodes may use a volume, and how.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessMode {
    SingleNodeWriter,
    SingleNodeReaderOnly,
    MultiNodeReaderOnly,
    MultiNodeSingleWriter,
    MultiNodeMultiWriter,
}

//! Volumes and images.

use std::collections::BTreeMap;

use model::container::{
    AccessMode, AccessType, Credential, CsiVolume, ImageSource, MountPropagation, SandboxPathKind,
    VolumeMode, VolumeSource,
};
use model::{Image, Parameter, Secret, Volume};

use super::simple::{labels, labels_out};
use super::{ConvertError, all, maybe, optional, required, same_enum};
use crate::v1;
use crate::v1::volume::source;
use crate::v1::volume::source::csi_volume::{self, volume_capability};

same_enum!(v1::volume::Mode, VolumeMode { Rw = ReadWrite, Ro = ReadOnly });
same_enum!(
    v1::mount_propagation::Mode,
    MountPropagation { HostToContainer = HostToContainer, Bidirectional = Bidirectional }
);
same_enum!(source::sandbox_path::Type, SandboxPathKind { Self_ = Own, Parent = Parent });
same_enum!(
    volume_capability::access_mode::Mode,
    AccessMode {
        SingleNodeWriter = SingleNodeWriter,
        SingleNodeReaderOnly = SingleNodeReaderOnly,
        MultiNodeReaderOnly = MultiNodeReaderOnly,
        MultiNodeSingleWriter = MultiNodeSingleWriter,
        MultiNodeMultiWriter = MultiNodeMultiWriter,
    }
);

impl TryFrom<v1::Volume> for Volume {
    type Error = ConvertError;

    fn try_from(volume: v1::Volume) -> Result<Self, ConvertError> {
        Ok(Volume {
            mode: required::<v1::volume::Mode, _>(volume.mode).map_err(|error| error.at("mode"))?,
            container_path: volume.container_path,
            host_path: volume.host_path,
            image: maybe(volume.image, "image")?,
            source: maybe(volume.source, "source")?,
        })
    }
}

impl From<&Volume> for v1::Volume {
    fn from(volume: &Volume) -> Self {
        v1::Volume {
            mode: v1::volume::Mode::from(volume.mode) as i32,
            container_path: volume.container_path.clone(),
            host_path: volume.host_path.clone(),
            image: volume.image.as_ref().map(v1::Image::from),
            source: volume.source.as_ref().map(v1::volume::Source::from),
        }
    }
}

impl TryFrom<v1::volume::Source> for VolumeSource {
    type Error = ConvertError;

    fn try_from(spelled: v1::volume::Source) -> Result<Self, ConvertError> {
        use v1::volume::source::Type;
        let lacks = |what: &str| ConvertError::new(format!("'{what}' is not set, though the type says so"));
        match spelled.r#type.and_then(|ty| Type::try_from(ty).ok()) {
            Some(Type::DockerVolume) => {
                let volume = spelled.docker_volume.ok_or_else(|| lacks("docker_volume"))?;
                Ok(VolumeSource::Docker {
                    driver: volume.driver,
                    name: volume.name,
                    options: volume
                        .driver_options
                        .map(|options| options.parameter.into_iter().map(Parameter::from).collect())
                        .unwrap_or_default(),
                })
            }
            Some(Type::HostPath) => {
                let path = spelled.host_path.ok_or_else(|| lacks("host_path"))?;
                let mode = path.mount_propagation.and_then(|propagation| propagation.mode);
                let propagation = optional::<v1::mount_propagation::Mode, _>(mode)
                    .map_err(|error| error.at("host_path.mount_propagation.mode"))?;
                Ok(VolumeSource::HostPath { path: path.path, propagation })
            }
            Some(Type::SandboxPath) => {
                let path = spelled.sandbox_path.ok_or_else(|| lacks("sandbox_path"))?;
                let kind = optional::<source::sandbox_path::Type, _>(path.r#type)
                    .map_err(|error| error.at("sandbox_path.type"))?
                    .ok_or_else(|| lacks("sandbox_path.type"))?;
                Ok(VolumeSource::SandboxPath { kind, path: path.path })
            }
            Some(Type::Secret) => {
                let secret = spelled.secret.ok_or_else(|| lacks("secret"))?;
                Secret::try_from(secret).map(VolumeSource::Secret).map_err(|error| error.at("secret"))
            }
            Some(Type::CsiVolume) => {
                let volume = spelled.csi_volume.ok_or_else(|| lacks("csi_volume"))?;
                CsiVolume::try_from(volume).map(VolumeSource::Csi).map_err(|error| error.at("csi_volume"))
            }
            Some(Type::Unknown) | None => Err(ConvertError::new("is not a known type of volume").at("type")),
        }
    }
}

impl From<&VolumeSource> for v1::volume::Source {
    fn from(meant: &VolumeSource) -> Self {
        use v1::volume::source::Type;
        let mut spelled = v1::volume::Source::default();
        let ty = match meant {
            VolumeSource::Docker { driver, name, options } => {
                spelled.docker_volume = Some(source::DockerVolume {
                    driver: driver.clone(),
                    name: name.clone(),
                    driver_options: (!options.is_empty()).then(|| v1::Parameters { parameter: all(options) }),
                });
                Type::DockerVolume
            }
            VolumeSource::HostPath { path, propagation } => {
                spelled.host_path = Some(source::HostPath {
                    path: path.clone(),
                    mount_propagation: propagation.map(|mode| v1::MountPropagation {
                        mode: Some(v1::mount_propagation::Mode::from(mode) as i32),
                    }),
                });
                Type::HostPath
            }
            VolumeSource::SandboxPath { kind, path } => {
                spelled.sandbox_path = Some(source::SandboxPath {
                    r#type: Some(source::sandbox_path::Type::from(*kind) as i32),
                    path: path.clone(),
                });
                Type::SandboxPath
            }
            VolumeSource::Secret(secret) => {
                spelled.secret = Some(secret.into());
                Type::Secret
            }
            VolumeSource::Csi(volume) => {
                spelled.csi_volume = Some(volume.into());
                Type::CsiVolume
            }
        };
        spelled.r#type = Some(ty as i32);
        spelled
    }
}

impl TryFrom<source::CsiVolume> for CsiVolume {
    type Error = ConvertError;

    fn try_from(volume: source::CsiVolume) -> Result<Self, ConvertError> {
        let provisioning = volume
            .static_provisioning
            .ok_or_else(|| ConvertError::new("is not set").at("static_provisioning"))?;
        let capability = provisioning.volume_capability;
        let access_type = match capability.access_type {
            Some(volume_capability::AccessType::Block(_)) => AccessType::Block,
            Some(volume_capability::AccessType::Mount(mount)) => {
                AccessType::Mount { fs_type: mount.fs_type, mount_flags: mount.mount_flags }
            }
            None => {
                return Err(ConvertError::new("neither 'block' nor 'mount' is set").at("volume_capability"));
            }
        };
        let access_mode = required::<volume_capability::access_mode::Mode, _>(capability.access_mode.mode)
            .map_err(|error| error.at("volume_capability.access_mode.mode"))?;
        Ok(CsiVolume {
            plugin_name: volume.plugin_name,
            volume_id: provisioning.volume_id,
            access_type,
            access_mode,
            node_stage_secrets: secrets(provisioning.node_stage_secrets)?,
            node_publish_secrets: secrets(provisioning.node_publish_secrets)?,
            volume_context: provisioning.volume_context,
        })
    }
}

fn secrets(secrets: BTreeMap<String, v1::Secret>) -> Result<BTreeMap<String, Secret>, ConvertError> {
    secrets
        .into_iter()
        .map(|(name, secret)| match Secret::try_from(secret) {
            Ok(secret) => Ok((name, secret)),
            Err(error) => Err(error.at(&name)),
        })
        .collect()
}

impl From<&CsiVolume> for source::CsiVolume {
    fn from(volume: &CsiVolume) -> Self {
        let secrets = |secrets: &BTreeMap<String, Secret>| {
            secrets.iter().map(|(name, secret)| (name.clone(), v1::Secret::from(secret))).collect()
        };
        let access_type = match &volume.access_type {
            AccessType::Block => volume_capability::AccessType::Block(volume_capability::BlockVolume {}),
            AccessType::Mount { fs_type, mount_flags } => {
                volume_capability::AccessType::Mount(volume_capability::MountVolume {
                    fs_type: fs_type.clone(),
                    mount_flags: mount_flags.clone(),
                })
            }
        };
        source::CsiVolume {
            plugin_name: volume.plugin_name.clone(),
            static_provisioning: Some(csi_volume::StaticProvisioning {
                volume_id: volume.volume_id.clone(),
                volume_capability: csi_volume::VolumeCapability {
                    access_mode: volume_capability::AccessMode {
                        mode: volume_capability::access_mode::Mode::from(volume.access_mode) as i32,
                    },
                    access_type: Some(access_type),
                },
                node_stage_secrets: secrets(&volume.node_stage_secrets),
                node_publish_secrets: secrets(&volume.node_publish_secrets),
                volume_context: volume.volume_context.clone(),
            }),
        }
    }
}

impl TryFrom<v1::Image> for Image {
    type Error = ConvertError;

    fn try_from(image: v1::Image) -> Result<Self, ConvertError> {
        use v1::image::Type;
        let lacks = |what: &str| ConvertError::new(format!("'{what}' is not set, though the type says so"));
        let source = match Type::try_from(image.r#type) {
            Ok(Type::Appc) => {
                let appc = image.appc.ok_or_else(|| lacks("appc"))?;
                ImageSource::Appc { name: appc.name, id: appc.id, labels: labels(appc.labels) }
            }
            Ok(Type::Docker) => {
                let docker = image.docker.ok_or_else(|| lacks("docker"))?;
                ImageSource::Docker {
                    name: docker.name,
                    credential: docker.credential.map(|credential| Credential {
                        principal: credential.principal,
                        secret: credential.secret,
                    }),
                    config: maybe(docker.config, "docker.config")?,
                }
            }
            Err(_) => return Err(ConvertError::new("is not a known type of image").at("type")),
        };
        Ok(Image { source, cached: image.cached.unwrap_or(true) })
    }
}

impl From<&Image> for v1::Image {
    fn from(image: &Image) -> Self {
        use v1::image::Type;
        let (ty, appc, docker) = match &image.source {
            ImageSource::Appc { name, id, labels } => (
                Type::Appc,
                Some(v1::image::Appc { name: name.clone(), id: id.clone(), labels: labels_out(labels) }),
                None,
            ),
            ImageSource::Docker { name, credential, config } => (
                Type::Docker,
                None,
                Some(v1::image::Docker {
                    name: name.clone(),
                    credential: credential.as_ref().map(|credential| v1::Credential {
                        principal: credential.principal.clone(),
                        secret: credential.secret.clone(),
                    }),
                    config: config.as_ref().map(v1::Secret::from),
                }),
            ),
        };
        v1::Image { r#type: ty as i32, appc, docker, cached: Some(image.cached) }
    }
}

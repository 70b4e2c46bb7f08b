//! Executors, discovery, kill policies.

use model::discovery::{Port, Visibility};
use model::{DiscoveryInfo, ExecutorInfo, ExecutorKind, KillPolicy};

use super::resources::{self, Spelling};
use super::simple::{duration, duration_info, labels, labels_out};
use super::{ConvertError, all, bytes, each, maybe, optional, owned, required, same_enum};
use crate::v1;

same_enum!(v1::executor_info::Type, ExecutorKind { Default = Default, Custom = Custom });
same_enum!(
    v1::discovery_info::Visibility,
    Visibility { Framework = Framework, Cluster = Cluster, External = External }
);
owned!(ExecutorInfo => v1::ExecutorInfo);

impl TryFrom<v1::ExecutorInfo> for ExecutorInfo {
    type Error = ConvertError;

    fn try_from(executor: v1::ExecutorInfo) -> Result<Self, ConvertError> {
        Ok(ExecutorInfo {
            id: executor.executor_id.into(),
            kind: executor
                .r#type
                .filter(|ty| *ty != v1::executor_info::Type::Unknown as i32)
                .map(required::<v1::executor_info::Type, _>)
                .transpose()
                .map_err(|error| error.at("type"))?,
            framework_id: executor.framework_id.map(Into::into),
            command: maybe(executor.command, "command")?,
            container: maybe(executor.container, "container")?.map(Box::new),
            resources: resources::read(executor.resources)?,
            name: executor.name,
            source: executor.source,
            data: executor.data.unwrap_or_default(),
            discovery: maybe(executor.discovery, "discovery")?.map(Box::new),
            shutdown_grace_period: executor.shutdown_grace_period.map(duration).transpose().map_err(
                |_| ConvertError::new("ExecutorInfo's 'shutdown_grace_period' must be non-negative"),
            )?,
            labels: labels(executor.labels),
        })
    }
}

/// Spells an executor's description for somebody.
pub(super) fn executor(executor: &ExecutorInfo, spelling: Spelling) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        r#type: executor.kind.map(|kind| v1::executor_info::Type::from(kind) as i32),
        executor_id: (&executor.id).into(),
        framework_id: executor.framework_id.as_ref().map(Into::into),
        command: executor.command.as_ref().map(v1::CommandInfo::from),
        container: executor.container.as_deref().map(v1::ContainerInfo::from),
        resources: resources::write(&executor.resources, spelling),
        name: executor.name.clone(),
        source: executor.source.clone(),
        data: bytes(&executor.data),
        discovery: executor.discovery.as_deref().map(v1::DiscoveryInfo::from),
        shutdown_grace_period: executor.shutdown_grace_period.map(duration_info),
        labels: labels_out(&executor.labels),
    }
}

impl From<&ExecutorInfo> for v1::ExecutorInfo {
    fn from(meant: &ExecutorInfo) -> Self {
        executor(meant, Spelling::FULL)
    }
}

impl TryFrom<v1::KillPolicy> for KillPolicy {
    type Error = ConvertError;

    fn try_from(policy: v1::KillPolicy) -> Result<Self, ConvertError> {
        let grace_period =
            policy.grace_period.map(duration).transpose().map_err(|error| error.at("grace_period"))?;
        Ok(KillPolicy { grace_period })
    }
}

impl From<&KillPolicy> for v1::KillPolicy {
    fn from(policy: &KillPolicy) -> Self {
        v1::KillPolicy { grace_period: policy.grace_period.map(duration_info) }
    }
}

impl TryFrom<v1::DiscoveryInfo> for DiscoveryInfo {
    type Error = ConvertError;

    fn try_from(discovery: v1::DiscoveryInfo) -> Result<Self, ConvertError> {
        Ok(DiscoveryInfo {
            visibility: required::<v1::discovery_info::Visibility, _>(discovery.visibility)
                .map_err(|error| error.at("visibility"))?,
            name: discovery.name,
            environment: discovery.environment,
            location: discovery.location,
            version: discovery.version,
            ports: each(discovery.ports.unwrap_or_default().ports, "ports.ports")?,
            labels: labels(discovery.labels),
        })
    }
}

impl From<&DiscoveryInfo> for v1::DiscoveryInfo {
    fn from(discovery: &DiscoveryInfo) -> Self {
        v1::DiscoveryInfo {
            visibility: v1::discovery_info::Visibility::from(discovery.visibility) as i32,
            name: discovery.name.clone(),
            environment: discovery.environment.clone(),
            location: discovery.location.clone(),
            version: discovery.version.clone(),
            ports: (!discovery.ports.is_empty()).then(|| v1::Ports { ports: all(&discovery.ports) }),
            labels: labels_out(&discovery.labels),
        }
    }
}

impl TryFrom<v1::Port> for Port {
    type Error = ConvertError;

    fn try_from(port: v1::Port) -> Result<Self, ConvertError> {
        Ok(Port {
            number: port.number,
            name: port.name,
            protocol: port.protocol,
            visibility: optional::<v1::discovery_info::Visibility, _>(port.visibility)?,
            labels: labels(port.labels),
        })
    }
}

impl From<&Port> for v1::Port {
    fn from(port: &Port) -> Self {
        v1::Port {
            number: port.number,
            name: port.name.clone(),
            protocol: port.protocol.clone(),
            visibility: port
                .visibility
                .map(|visibility| v1::discovery_info::Visibility::from(visibility) as i32),
            labels: labels_out(&port.labels),
        }
    }
}

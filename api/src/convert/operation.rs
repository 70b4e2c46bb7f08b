//! The steps of an ACCEPT, and how operations went.

use model::operation::{Conversion, OfferOperation, OperationKind, OperationState, OperationStatus};
use model::{DiskKind, Resource, Scalar, UpdateId};

use super::resources::{self, Spelling};
use super::task::{launched, launched_group};
use super::{ConvertError, all, maybe, required, same_enum};
use crate::v1;
use crate::v1::offer::{Operation, operation};

same_enum!(
    v1::OperationState,
    OperationState {
        OperationUnsupported = Unsupported,
        OperationPending = Pending,
        OperationFinished = Finished,
        OperationFailed = Failed,
        OperationError = Error,
        OperationDropped = Dropped,
        OperationUnreachable = Unreachable,
        OperationGoneByOperator = GoneByOperator,
        OperationRecovering = Recovering,
        OperationUnknown = Unknown,
    }
);

impl From<Operation> for OfferOperation {
    /// Never refuses: what is no operation is kept as such, to be answered by itself.
    fn from(spelled: Operation) -> Self {
        use operation::Type;
        let id = spelled.id.clone().map(Into::into);
        let ty = spelled.r#type.and_then(|ty| Type::try_from(ty).ok()).unwrap_or(Type::Unknown);
        let kind = match ty {
            Type::Launch => OperationKind::Launch(
                spelled.launch.unwrap_or_default().task_infos.into_iter().map(launched).collect(),
            ),
            Type::LaunchGroup => match spelled.launch_group {
                Some(group) => OperationKind::LaunchGroup(launched_group(group)),
                None => invalid(ty, "Expecting 'launch_group' to be present"),
            },
            _ => match conversion(ty, spelled) {
                Ok(conversion) => OperationKind::Convert(conversion),
                Err(error) => invalid(ty, error.to_string()),
            },
        };
        OfferOperation { id, kind }
    }
}

fn invalid(ty: operation::Type, message: impl Into<String>) -> OperationKind {
    OperationKind::Invalid { name: ty.as_str_name(), message: message.into() }
}

fn conversion(ty: operation::Type, spelled: Operation) -> Result<Conversion, ConvertError> {
    use operation::Type;
    let lacks = |what: &str| ConvertError::new(format!("Expecting '{what}' to be present"));
    match ty {
        Type::Reserve => {
            let reserve = spelled.reserve.ok_or_else(|| lacks("reserve"))?;
            Ok(Conversion::Reserve {
                source: resources::read(reserve.source)?,
                resources: resources::read(reserve.resources)?,
            })
        }
        Type::Unreserve => {
            let unreserve = spelled.unreserve.ok_or_else(|| lacks("unreserve"))?;
            Ok(Conversion::Unreserve { resources: resources::read(unreserve.resources)? })
        }
        Type::Create => {
            let create = spelled.create.ok_or_else(|| lacks("create"))?;
            Ok(Conversion::Create { volumes: resources::read(create.volumes)? })
        }
        Type::Destroy => {
            let destroy = spelled.destroy.ok_or_else(|| lacks("destroy"))?;
            Ok(Conversion::Destroy { volumes: resources::read(destroy.volumes)? })
        }
        Type::GrowVolume => {
            let grow = spelled.grow_volume.ok_or_else(|| lacks("grow_volume"))?;
            Ok(Conversion::GrowVolume {
                volume: Resource::try_from(grow.volume)?,
                addition: Resource::try_from(grow.addition)?,
            })
        }
        Type::ShrinkVolume => {
            let shrink = spelled.shrink_volume.ok_or_else(|| lacks("shrink_volume"))?;
            let subtract = Scalar::from_f64(shrink.subtract.value)
                .map_err(|error| ConvertError::new(error.to_string()).at("shrink_volume.subtract"))?;
            Ok(Conversion::ShrinkVolume { volume: Resource::try_from(shrink.volume)?, subtract })
        }
        Type::CreateDisk => {
            let create = spelled.create_disk.ok_or_else(|| lacks("create_disk"))?;
            let target = required::<v1::resource::disk_info::source::Type, DiskKind>(create.target_type)
                .map_err(|error| error.at("create_disk.target_type"))?;
            Ok(Conversion::CreateDisk {
                source: Resource::try_from(create.source)?,
                target,
                profile: create.target_profile,
            })
        }
        Type::DestroyDisk => {
            let destroy = spelled.destroy_disk.ok_or_else(|| lacks("destroy_disk"))?;
            Ok(Conversion::DestroyDisk { source: Resource::try_from(destroy.source)? })
        }
        Type::Unknown | Type::Launch | Type::LaunchGroup => Err(ConvertError::new("Unknown operation type")),
    }
}

impl From<&OfferOperation> for Operation {
    /// Spells a step as a scheduler sends it; tasks that were none are left out.
    fn from(step: &OfferOperation) -> Self {
        let mut spelled = match &step.kind {
            OperationKind::Convert(conversion) => Operation::from(conversion),
            OperationKind::Launch(tasks) => Operation {
                r#type: Some(operation::Type::Launch as i32),
                launch: Some(operation::Launch {
                    task_infos: all(tasks.iter().filter_map(|task| task.as_ref().ok())),
                }),
                ..Default::default()
            },
            OperationKind::LaunchGroup(group) => Operation {
                r#type: Some(operation::Type::LaunchGroup as i32),
                launch_group: group.as_ref().ok().map(|group| operation::LaunchGroup {
                    executor: (&group.executor).into(),
                    task_group: v1::TaskGroupInfo { tasks: all(&group.tasks) },
                }),
                ..Default::default()
            },
            OperationKind::Invalid { name, .. } => Operation {
                r#type: operation::Type::from_str_name(name).map(|ty| ty as i32),
                ..Default::default()
            },
        };
        spelled.id = step.id.as_ref().map(Into::into);
        spelled
    }
}

impl From<&Conversion> for Operation {
    fn from(conversion: &Conversion) -> Self {
        use operation::Type;
        let bag = |resources| resources::write(resources, Spelling::FULL);
        let mut spelled = Operation::default();
        let ty = match conversion {
            Conversion::Reserve { source, resources } => {
                spelled.reserve = Some(operation::Reserve { source: bag(source), resources: bag(resources) });
                Type::Reserve
            }
            Conversion::Unreserve { resources } => {
                spelled.unreserve = Some(operation::Unreserve { resources: bag(resources) });
                Type::Unreserve
            }
            Conversion::Create { volumes } => {
                spelled.create = Some(operation::Create { volumes: bag(volumes) });
                Type::Create
            }
            Conversion::Destroy { volumes } => {
                spelled.destroy = Some(operation::Destroy { volumes: bag(volumes) });
                Type::Destroy
            }
            Conversion::GrowVolume { volume, addition } => {
                spelled.grow_volume =
                    Some(operation::GrowVolume { volume: volume.into(), addition: addition.into() });
                Type::GrowVolume
            }
            Conversion::ShrinkVolume { volume, subtract } => {
                spelled.shrink_volume = Some(operation::ShrinkVolume {
                    volume: volume.into(),
                    subtract: v1::value::Scalar { value: subtract.as_f64() },
                });
                Type::ShrinkVolume
            }
            Conversion::CreateDisk { source, target, profile } => {
                spelled.create_disk = Some(operation::CreateDisk {
                    source: source.into(),
                    target_type: v1::resource::disk_info::source::Type::from(*target) as i32,
                    target_profile: profile.clone(),
                });
                Type::CreateDisk
            }
            Conversion::DestroyDisk { source } => {
                spelled.destroy_disk = Some(operation::DestroyDisk { source: source.into() });
                Type::DestroyDisk
            }
        };
        spelled.r#type = Some(ty as i32);
        spelled
    }
}

impl From<&model::Operation> for v1::Operation {
    fn from(operation: &model::Operation) -> Self {
        let status = |status: &OperationStatus| operation_status(status, Spelling::FULL);
        let mut info = Operation::from(&operation.conversion);
        info.id = operation.id.as_ref().map(Into::into);
        v1::Operation {
            framework_id: operation.framework_id.as_ref().map(Into::into),
            agent_id: operation.agent_id.as_ref().map(Into::into),
            info,
            latest_status: status(&operation.latest_status),
            statuses: operation.statuses.iter().map(status).collect(),
            uuid: v1::Uuid::from(&operation.uuid),
        }
    }
}

impl TryFrom<v1::OperationStatus> for OperationStatus {
    type Error = ConvertError;

    fn try_from(status: v1::OperationStatus) -> Result<Self, ConvertError> {
        Ok(OperationStatus {
            operation_id: status.operation_id.map(Into::into),
            state: required::<v1::OperationState, _>(status.state).map_err(|error| error.at("state"))?,
            message: status.message,
            converted: resources::read(status.converted_resources)?,
            uuid: maybe::<_, UpdateId>(status.uuid, "uuid")?,
            agent_id: status.agent_id.map(Into::into),
            resource_provider_id: status.resource_provider_id.map(Into::into),
        })
    }
}

/// Spells how an operation stands for somebody.
pub(super) fn operation_status(status: &OperationStatus, spelling: Spelling) -> v1::OperationStatus {
    v1::OperationStatus {
        operation_id: status.operation_id.as_ref().map(Into::into),
        state: v1::OperationState::from(status.state) as i32,
        message: status.message.clone(),
        converted_resources: resources::write(&status.converted, spelling),
        uuid: status.uuid.as_ref().map(v1::Uuid::from),
        agent_id: status.agent_id.as_ref().map(Into::into),
        resource_provider_id: status.resource_provider_id.as_ref().map(Into::into),
    }
}

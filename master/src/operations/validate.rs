//! Which conversions may be. Every text here is public: it travels in OPERATION_ERROR, or answers an operator.
//!
//! Source: scheduler semantics §4, the table of operations; the first fault is the one reported.

use std::collections::BTreeSet;

use model::{
    AgentCapability, Conversion, DiskKind, FrameworkCapability, FrameworkInfo, Resource, Resources, Role,
    Scalar, Value,
};

use super::disk;
use crate::state::Agent;

/// Who wants a conversion.
#[derive(Clone, Copy)]
pub(crate) enum Who<'a> {
    /// A framework, with resources offered in this role.
    Framework(&'a FrameworkInfo, &'a Role),
    /// An operator, by what name it proved to have.
    Operator(Option<&'a str>),
}

impl Who<'_> {
    fn principal(&self) -> Option<&str> {
        match self {
            Who::Framework(info, _) => info.principal.as_deref(),
            Who::Operator(principal) => *principal,
        }
    }
}

/// Whether the conversion may be, apart from whether its resources are there.
///
/// Errors: the fault, in words.
pub(crate) fn conversion(who: Who<'_>, agent: &Agent, conversion: &Conversion) -> Result<(), String> {
    match conversion {
        Conversion::Reserve { source, resources } => reserve(who, agent, source, resources),
        Conversion::Unreserve { resources } => unreserve(resources),
        Conversion::Create { volumes } => create(who, agent, volumes),
        Conversion::Destroy { volumes } => destroy(agent, volumes),
        Conversion::GrowVolume { volume, addition } => grow(agent, volume, addition),
        Conversion::ShrinkVolume { volume, subtract } => shrink(agent, volume, *subtract),
        Conversion::CreateDisk { source, target, profile } => {
            disk::create(source, *target, profile.as_deref())
        }
        Conversion::DestroyDisk { source } => disk::destroy(source),
    }
}

fn reserve(who: Who<'_>, agent: &Agent, source: &Resources, resources: &Resources) -> Result<(), String> {
    named(resources)?;
    for resource in resources.iter() {
        if !resource.is_dynamically_reserved() {
            return Err(format!("Resource {resource} is not dynamically reserved"));
        }
        if resource.is_persistent_volume() {
            return Err(format!("Resource {resource} is a persistent volume, which cannot be reserved anew"));
        }
        able(agent, resource)?;
        let last = resource.reservations.last().expect("it is reserved");
        if let Who::Framework(info, role) = who {
            if !info.subscribed_roles().contains(&last.role) {
                return Err(format!(
                    "A reserve operation was attempted for role '{}', to which the framework is not subscribed",
                    last.role
                ));
            }
            if last.role != *role {
                return Err(format!(
                    "A reserve operation was attempted for role '{}', but the resources were offered to role '{role}'",
                    last.role
                ));
            }
        }
        if let Some(principal) = who.principal()
            && last.principal.as_deref() != Some(principal)
        {
            let given =
                last.principal.as_deref().map_or("no principal".to_owned(), |given| format!("'{given}'"));
            return Err(format!(
                "A reserve operation was attempted by principal '{principal}', but a reservation in it names {given}"
            ));
        }
    }
    if source.is_empty() {
        return Ok(());
    }
    match who {
        Who::Framework(..) => Err("'source' of a reserve operation is for operators".to_owned()),
        Who::Operator(_) if source.original() != resources.original() => Err(format!(
            "Source {source} and target {resources} are not the same apart from their reservations"
        )),
        Who::Operator(_) => Ok(()),
    }
}

fn unreserve(resources: &Resources) -> Result<(), String> {
    named(resources)?;
    for resource in resources.iter() {
        if !resource.is_dynamically_reserved() {
            return Err(format!("Resource {resource} is not dynamically reserved"));
        }
        if resource.is_persistent_volume() {
            return Err(format!(
                "A dynamically reserved persistent volume {resource} cannot be unreserved directly"
            ));
        }
    }
    Ok(())
}

fn create(who: Who<'_>, agent: &Agent, volumes: &Resources) -> Result<(), String> {
    named(volumes)?;
    let mut names: BTreeSet<_> = agent.total.iter().filter_map(name).collect();
    for volume in volumes.iter() {
        persistent(volume)?;
        able(agent, volume)?;
        let disk = volume.disk.as_deref().expect("it is persistent");
        let persistence = disk.persistence.as_ref().expect("it is persistent");
        let path = disk.volume.as_ref().map_or("", |volume| volume.container_path.as_str());
        let plain = |part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir);
        if path.is_empty() || !std::path::Path::new(path).components().all(plain) {
            return Err(format!(
                "Volume '{}' has container path '{path}', which is not inside a sandbox",
                persistence.id
            ));
        }
        if volume.shared
            && let Who::Framework(info, _) = who
            && !info.capabilities.has(FrameworkCapability::SharedResources)
        {
            return Err(format!("A framework without SHARED_RESOURCES cannot create shared volume {volume}"));
        }
        if let Some(principal) = who.principal()
            && persistence.principal.as_deref() != Some(principal)
        {
            let given = persistence
                .principal
                .as_deref()
                .map_or("no principal".to_owned(), |given| format!("'{given}'"));
            return Err(format!(
                "A create operation was attempted by principal '{principal}', but volume '{}' names {given}",
                persistence.id
            ));
        }
        if name(volume).is_some_and(|name| !names.insert(name)) {
            return Err(format!("Persistence ID '{}' is already in use on the agent", persistence.id));
        }
    }
    Ok(())
}

/// A volume's name: role and id.
fn name(volume: &Resource) -> Option<(&Role, &str)> {
    Some((volume.reserved_to()?, &volume.disk.as_deref()?.persistence.as_ref()?.id))
}

fn destroy(agent: &Agent, volumes: &Resources) -> Result<(), String> {
    named(volumes)?;
    let used = agent.used_total.unallocate();
    for volume in volumes.iter() {
        persistent(volume)?;
        if !agent.total.contains_one(&plain(volume)) {
            return Err(format!("Persistent volume {volume} does not exist on the agent"));
        }
        if used.contains_one(&plain(volume)) {
            return Err(format!("Persistent volume {volume} is in use"));
        }
    }
    Ok(())
}

fn grow(agent: &Agent, volume: &Resource, addition: &Resource) -> Result<(), String> {
    resizable(agent, volume)?;
    let whole = |value: &Value| matches!(value, Value::Scalar(amount) if amount.is_positive());
    if !whole(&addition.value) {
        return Err("The size of 'addition' must be greater than zero".to_owned());
    }
    if volume
        .disk
        .as_deref()
        .and_then(|disk| disk.source.as_ref())
        .is_some_and(|disk| disk.kind == DiskKind::Mount)
    {
        return Err("Volumes on MOUNT disks cannot grow".to_owned());
    }
    let mut stripped = Resources::from(volume.clone()).map(|volume| volume.value = addition.value.clone());
    stripped = strip(&stripped);
    match stripped == Resources::from(addition.clone()) {
        true => Ok(()),
        false => Err(format!("Incompatible resources: {addition} cannot be added to {volume}")),
    }
}

fn shrink(agent: &Agent, volume: &Resource, subtract: Scalar) -> Result<(), String> {
    resizable(agent, volume)?;
    let source = volume.disk.as_deref().and_then(|disk| disk.source.as_ref());
    if source.is_some_and(|source| source.kind == DiskKind::Mount) {
        return Err("Volumes on MOUNT disks cannot shrink".to_owned());
    }
    match volume.value {
        Value::Scalar(_) if !subtract.is_positive() => {
            Err("The size of 'subtract' must be greater than zero".to_owned())
        }
        Value::Scalar(size) if subtract >= size => {
            Err(format!("The size of 'subtract' ({subtract}) must be less than that of the volume ({size})"))
        }
        _ => Ok(()),
    }
}

/// What growing and shrinking ask alike.
fn resizable(agent: &Agent, volume: &Resource) -> Result<(), String> {
    if !agent.capabilities.has(AgentCapability::ResizeVolume) {
        return Err("Volumes cannot be resized on an agent without RESIZE_VOLUME".to_owned());
    }
    persistent(volume)?;
    if volume.shared {
        return Err(format!("Shared volume {volume} cannot be resized"));
    }
    if volume.provider_id.is_some() {
        return Err(format!("Volume {volume} of a resource provider cannot be resized"));
    }
    Ok(())
}

fn named(resources: &Resources) -> Result<(), String> {
    if resources.is_empty() {
        return Err("No resources are named".to_owned());
    }
    for resource in resources.iter() {
        resource.check().map_err(|fault| format!("Invalid resources: {fault}"))?;
    }
    Ok(())
}

fn persistent(volume: &Resource) -> Result<(), String> {
    volume.check().map_err(|fault| format!("Invalid resources: {fault}"))?;
    match volume.is_persistent_volume() {
        true => Ok(()),
        false => Err(format!("Resource {volume} is not a persistent volume")),
    }
}

/// Whether the agent knows how to keep it.
fn able(agent: &Agent, resource: &Resource) -> Result<(), String> {
    let has = |capability| agent.capabilities.has(capability);
    let deep = resource.reservations.iter().find(|reservation| reservation.role.is_hierarchical());
    if let Some(reservation) = deep.filter(|_| !has(AgentCapability::HierarchicalRole)) {
        return Err(format!(
            "An agent without HIERARCHICAL_ROLE cannot keep resources for role '{}'",
            reservation.role
        ));
    }
    if resource.has_refined_reservation() && !has(AgentCapability::ReservationRefinement) {
        return Err(format!("An agent without RESERVATION_REFINEMENT cannot keep {resource}"));
    }
    Ok(())
}

/// As agents count.
fn plain(resource: &Resource) -> Resource {
    Resource { allocation: None, ..resource.clone() }
}

/// The disk volumes are made of.
fn strip(volumes: &Resources) -> Resources {
    let destroy = Conversion::Destroy { volumes: volumes.clone() };
    destroy.exchange().map(|(_, disk)| disk).unwrap_or_default()
}

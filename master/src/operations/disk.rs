//! CREATE_DISK and DESTROY_DISK: a resource provider makes a file system or a device of raw storage, and raw storage of it again.
//!
//! ```text
//!   ACCEPT ─► source held ─► apply_operation to the agent, which has the provider do it ─► what came, as the provider says
//! ```
//! Nobody but the provider knows what comes: until it says so, the source is held and nothing is in its place.
//!
//! Source: scheduler semantics §4, the table of operations.

use model::{DiskKind, DiskSource, Resource};

/// Whether a disk may be made of this.
///
/// Errors: the fault, in words.
pub(super) fn create(source: &Resource, target: DiskKind, profile: Option<&str>) -> Result<(), String> {
    let disk = provided(source)?;
    if disk.kind != DiskKind::Raw {
        return Err(format!("'source' {source} is not RAW"));
    }
    if !matches!(target, DiskKind::Mount | DiskKind::Block) {
        return Err(format!("'target_type' is {}, neither MOUNT nor BLOCK", target.name()));
    }
    match (&disk.profile, profile) {
        (Some(_), Some(_)) => {
            Err(format!("'target_profile' is for a 'source' without a profile, not {source}"))
        }
        (None, None) => Err(format!("'source' {source} has no profile, and there is no 'target_profile'")),
        _ => Ok(()),
    }
}

/// Whether this may become raw storage again.
///
/// Errors: the fault, in words.
pub(super) fn destroy(source: &Resource) -> Result<(), String> {
    let disk = provided(source)?;
    if disk.kind == DiskKind::Path {
        return Err(format!("'source' {source} is neither MOUNT, BLOCK nor RAW"));
    }
    if disk.id.is_none() {
        return Err(format!("'source' {source} has no id"));
    }
    match source.is_persistent_volume() {
        true => Err(format!("'source' {source} is a persistent volume, which is to be destroyed first")),
        false => Ok(()),
    }
}

/// What both ask alike: a disk that a provider has.
fn provided(source: &Resource) -> Result<&DiskSource, String> {
    source.check().map_err(|fault| format!("Invalid resource: {fault}"))?;
    if source.provider_id.is_none() {
        return Err(format!("'source' {source} is not of a resource provider"));
    }
    let disk = source.disk.as_deref().and_then(|disk| disk.source.as_ref());
    disk.ok_or_else(|| format!("'source' {source} is not a disk of a kind"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::call::{Call, Teardown};
    use model::messages::UpdateOperation;
    use model::{
        AgentCapability, AgentId, Conversion, Disk, FrameworkId, Labels, OfferOperation, OperationKind,
        OperationState, Persistence, Resources, Scalar, Volume,
    };

    use super::*;
    use crate::messages::Input;
    use crate::testing::{Stage, bag, events, to_agents, to_allocator, upid};

    /// Of a provider, offered to the framework.
    fn disk(kind: DiskKind, id: Option<&str>, profile: Option<&str>) -> Resource {
        let mut disk = Resource::scalar("disk", Scalar::whole(64));
        let [id, profile] = [id, profile].map(|text| text.map(str::to_owned));
        let source = DiskSource { kind, root: None, vendor: None, id, metadata: Labels::default(), profile };
        disk.disk = Some(Arc::new(Disk { persistence: None, volume: None, source: Some(source) }));
        disk.provider_id = Some("p".into());
        disk.allocation = Some("web".into());
        disk
    }

    fn raw() -> Resource {
        disk(DiskKind::Raw, None, Some("fast"))
    }

    fn make(source: Resource, target: DiskKind) -> Conversion {
        Conversion::CreateDisk { source, target, profile: None }
    }

    fn step(conversion: Conversion) -> OfferOperation {
        OfferOperation { id: Some("o".into()), kind: OperationKind::Convert(conversion) }
    }

    /// An agent with cpus and what a provider has.
    fn with(provided: Resource) -> (Stage, AgentId, FrameworkId) {
        let mut stage = Stage::new();
        let all = bag("cpus:4") + Resources::from(provided).unallocate();
        let (agent, framework) = (stage.agent_with(1, all), stage.framework());
        (stage, agent, framework)
    }

    /// The provider says, by its agent, what came of the only operation.
    fn told(stage: &mut Stage, agent: &AgentId, into: OperationState, came: Resources) -> Vec<String> {
        let operation = stage.state.agent(agent).unwrap().operations.values().next().unwrap().clone();
        let mut status = operation.latest_status.clone();
        (status.state, status.uuid, status.converted) = (into, Some(operation.uuid), came);
        let body =
            UpdateOperation { agent_id: agent.clone(), operation: operation.uuid, status, instead: None };
        let effects = stage.tell(Input::UpdateOperation { from: upid(1), body: Box::new(body) });
        effects.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_disk_is_made_of_raw_storage_once_its_provider_says_so_and_unmade_again() {
        let (mut stage, agent, framework) = with(raw());
        let mount = disk(DiskKind::Mount, Some("volume-1"), Some("fast"));
        let steps = [(raw(), mount.clone(), true), (mount, raw(), false)];
        for (source, came, makes) in steps {
            let offer = stage.offer_all(&framework, &agent);
            let conversion = match makes {
                true => make(source.clone(), DiskKind::Mount),
                false => Conversion::DestroyDisk { source: source.clone() },
            };
            let name = conversion.name();
            let effects = stage.accept(&framework, &offer, vec![step(conversion)]);
            assert!(events(&effects).is_empty(), "{:?}", events(&effects));
            assert_eq!(to_agents(&effects), [format!("slave(1)@127.0.0.1:6001 <- apply {name}")]);
            let on = stage.state.agent(&agent).unwrap();
            assert!(on.used_total.contains_one(&source), "it is held until the provider has decided");

            // A provider does not know to whom it is allocated.
            let plain = Resources::from(came.clone()).unallocate();
            let said = told(&mut stage, &agent, OperationState::Finished, plain.clone());

            assert!(said[0].starts_with("convert") && said[1].starts_with("recover"), "{said:?}");
            assert!(said[2].contains("o OPERATION_FINISHED"), "{said:?}");
            let on = stage.state.agent(&agent).unwrap();
            assert_eq!((&on.total, &on.free), (&(bag("cpus:4") + plain.clone()), &(bag("cpus:4") + plain)));
            assert!(on.used_total.is_empty());
            stage.state.check();
            let uuid = stage.state.agent(&agent).unwrap().operations.keys().next().copied().unwrap();
            stage.state.remove_operation(&agent, &uuid);
        }
    }

    #[test]
    fn what_a_provider_does_not_do_leaves_the_source_as_it_was() {
        let (mut stage, agent, framework) = with(raw());
        let before = stage.state.agent(&agent).unwrap().total.clone();
        let offer = stage.offer_all(&framework, &agent);
        stage.accept(&framework, &offer, vec![step(make(raw(), DiskKind::Block))]);
        let said = told(&mut stage, &agent, OperationState::Failed, Resources::new());
        assert!(said[0].starts_with("recover") && said[1].contains("o OPERATION_FAILED"), "{said:?}");
        let on = stage.state.agent(&agent).unwrap();
        assert_eq!((&on.total, &on.free), (&before, &before));
    }

    #[test]
    fn a_disk_that_was_made_for_a_framework_that_ended_is_free() {
        let (mut stage, agent, framework) = with(raw());
        let offer = stage.offer_all(&framework, &agent);
        stage.accept(&framework, &offer, vec![step(make(raw(), DiskKind::Mount))]);
        stage.call(Call::Teardown(Teardown { framework_id: framework }));
        let mount = Resources::from(disk(DiskKind::Mount, Some("volume-1"), Some("fast"))).unallocate();
        told(&mut stage, &agent, OperationState::Finished, mount.clone());
        let on = stage.state.agent(&agent).unwrap();
        assert_eq!((&on.total, &on.free), (&(bag("cpus:4") + mount.clone()), &(bag("cpus:4") + mount)));
        stage.state.check();
    }

    #[test]
    fn what_no_provider_could_do_is_refused_and_changes_nothing() {
        let (mut stage, agent, framework) = with(raw());
        let volume = {
            let mut volume = disk(DiskKind::Mount, Some("v"), None);
            volume.reservations = vec![model::Reservation::dynamic("web", None)];
            let mut disk = Disk::clone(volume.disk.as_ref().unwrap());
            disk.persistence = Some(Persistence { id: "v".into(), principal: None });
            disk.volume = Some(Volume::writable("data"));
            volume.disk = Some(Arc::new(disk));
            volume
        };
        let nobodys = Resource { provider_id: None, ..raw() };
        let kindless = Resource { disk: None, ..raw() };
        let profile = |source, profile: &str| Conversion::CreateDisk {
            source,
            target: DiskKind::Mount,
            profile: Some(profile.to_owned()),
        };
        let unmake = |source| Conversion::DestroyDisk { source };
        let cases = [
            (make(nobodys.clone(), DiskKind::Mount), "is not of a resource provider"),
            (make(kindless, DiskKind::Mount), "is not a disk of a kind"),
            (make(disk(DiskKind::Mount, Some("m"), Some("fast")), DiskKind::Block), "is not RAW"),
            (make(raw(), DiskKind::Path), "'target_type' is PATH, neither MOUNT nor BLOCK"),
            (make(raw(), DiskKind::Raw), "'target_type' is RAW, neither MOUNT nor BLOCK"),
            (profile(raw(), "slow"), "'target_profile' is for a 'source' without a profile"),
            (make(disk(DiskKind::Raw, None, None), DiskKind::Mount), "has no profile, and there is no"),
            (unmake(nobodys), "is not of a resource provider"),
            (unmake(disk(DiskKind::Path, Some("p"), None)), "is neither MOUNT, BLOCK nor RAW"),
            (unmake(raw()), "has no id"),
            (unmake(volume), "is a persistent volume"),
            (unmake(disk(DiskKind::Mount, Some("elsewhere"), None)), "does not contain"),
        ];
        let before = stage.state.agent(&agent).unwrap().total.clone();
        for (conversion, why) in cases {
            let offer = stage.offer_all(&framework, &agent);
            let effects = stage.accept(&framework, &offer, vec![step(conversion)]);
            let said = events(&effects);
            assert!(said[0].contains("o OPERATION_ERROR") && said[0].contains(why), "{why}: {said:?}");
            assert!(to_agents(&effects).is_empty());
            assert_eq!(to_allocator(&effects).len(), 1, "what was offered comes back, and that is all");
            let on = stage.state.agent(&agent).unwrap();
            assert_eq!((&on.total, &on.free), (&before, &before));
        }
    }

    #[test]
    fn how_it_goes_is_told_of_by_agents_that_know_of_providers() {
        let (mut stage, agent, framework) = with(raw());
        stage.state.agent_mut(&agent).unwrap().capabilities.0.remove(&AgentCapability::ResourceProvider);
        let offer = stage.offer_all(&framework, &agent);
        let effects = stage.accept(&framework, &offer, vec![step(make(raw(), DiskKind::Mount))]);
        assert!(events(&effects)[0].contains("The agent does not tell how operations went"));
    }
}

//! What a container inside of another may be shown: nothing that is not held by what is around it.
//!
//! Whoever may launch one may be the executor around it alone, or know no more than its name. Containers that stand alone
//! are their operator's, who may name any path of the machine.

use std::path::{Component, Path};

use model::container::{Volume, VolumeMode, VolumeSource};
use model::{Resource, Resources};

use super::LaunchCall;
use crate::operations::volumes;
use crate::state::{Executor, State};

/// Whether the container may have the volumes it asks for.
///
/// Errors: it may not; for whoever asks.
pub(super) fn judge(state: &State, call: &LaunchCall) -> Result<(), String> {
    if call.id.parent().is_none() {
        return Ok(());
    }
    let around = state.executor_in(&call.id.root()).and_then(|key| state.executor(&key));
    let held = around.map(Executor::resources).unwrap_or_default().unallocate();
    if let Some(stranger) = persistent(&call.resources).find(|volume| !held.contains_one(volume)) {
        return Err(format!("Volume {stranger} is not held by the container around {}", call.id));
    }
    volumes::check(&volumes::links(&state.settings.layout, &call.resources))?;
    for volume in call.container.iter().flat_map(|container| &container.volumes) {
        let Some(path) = host_path(volume).filter(|path| path.has_root()) else { continue };
        if !around.is_some_and(|around| shows(around, volume, path)) {
            let path = path.display();
            return Err(format!("The host path '{path}' is not held by the container around {}", call.id));
        }
    }
    Ok(())
}

fn persistent(resources: &Resources) -> impl Iterator<Item = Resource> {
    let volumes = resources.iter().filter(|resource| resource.is_persistent_volume());
    volumes.map(|resource| Resource { allocation: None, ..resource.clone() })
}

fn host_path(volume: &Volume) -> Option<&Path> {
    match (&volume.source, &volume.host_path) {
        (Some(VolumeSource::HostPath { path, .. }), _) | (None, Some(path)) => Some(Path::new(path)),
        _ => None,
    }
}

/// Whether an executor, or one of its tasks, was launched with this path, and may do with it at least as much.
///
/// What lies below it does not count: it may be a link that a task made.
fn shows(executor: &Executor, wanted: &Volume, path: &Path) -> bool {
    let of_executor = executor.info.container.iter().flat_map(|container| &container.volumes);
    let tasks = executor.tasks.values().filter_map(|task| task.container.as_ref());
    let all = of_executor.chain(tasks.flat_map(|container| &container.volumes));
    let plain = path.components().all(|part| part != Component::ParentDir);
    plain
        && all.filter(|held| host_path(held) == Some(path)).any(|held| {
            let writes = held.mode == VolumeMode::ReadWrite || wanted.mode == held.mode;
            writes && (propagation(wanted).is_none() || propagation(wanted) == propagation(held))
        })
}

fn propagation(volume: &Volume) -> Option<model::container::MountPropagation> {
    match &volume.source {
        Some(VolumeSource::HostPath { propagation, .. }) => *propagation,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::{ContainerId, ContainerInfo, ContainerKind};

    use super::*;
    use crate::containerizer::ContainerEvent;
    use crate::containers::ContainerCall;
    use crate::messages::{Door, Input};
    use crate::testing::{World, custom_task, identity, volumes_at};

    /// An agent with volumes `v` and `w`, at `data`; `v` is held by a task of a group's executor, and so is `/data`.
    fn world() -> World {
        let mut world = World::registered();
        for id in ["v", "w"] {
            world.give_volume(&volumes_at(&[(id, "data")]));
        }
        let mut task = custom_task("t");
        task.resources += volumes_at(&[("v", "data")]).allocate(&"web".into());
        task.container = Some(container(host("/data", VolumeMode::ReadOnly)));
        world.run_group(vec![task]);
        world.launched("e");
        world.subscribe("e", 1);
        world
    }

    fn container(volume: Volume) -> ContainerInfo {
        let mut container = ContainerInfo::new(ContainerKind::Mesos);
        container.volumes.push(volume);
        container
    }

    fn host(path: &str, mode: VolumeMode) -> Volume {
        let source = Some(VolumeSource::HostPath { path: path.into(), propagation: None });
        Volume { mode, source, ..Volume::writable("here") }
    }

    fn launch(world: &mut World, resources: Resources, container: Option<ContainerInfo>) -> String {
        let id = world.container("e").child("inside");
        launch_as(world, id, resources, container)
    }

    fn launch_as(
        world: &mut World,
        id: ContainerId,
        resources: Resources,
        container: Option<ContainerInfo>,
    ) -> String {
        let (command, limits) = (Some(model::CommandInfo::shell("true")), Default::default());
        let call = LaunchCall { id, command, container, resources, limits, session: false };
        let call = ContainerCall::Launch(Box::new(call));
        world.hear(Input::ContainerCall { call, door: Door::default() }).join("\n")
    }

    fn held(world: &mut World) -> String {
        let id = world.container("e").child("inside");
        world.hear(Input::Container(ContainerEvent::Held { id, identity: identity() })).join("\n")
    }

    #[test]
    fn an_executor_may_launch_before_its_supervisor_has_said_that_it_runs() {
        let mut world = World::registered();
        world.run_group(vec![custom_task("t")]);
        let id = world.container("e");
        let told = launch(&mut world, Resources::new(), None);
        assert!(told.ends_with("is not running"), "{told}");
        world.hear(Input::Container(ContainerEvent::Held { id: id.clone(), identity: identity() }));
        world.subscribe("e", 1);
        let told = launch(&mut world, Resources::new(), None);
        assert!(told.contains("launch "), "{told}");
        world.hear(Input::Container(ContainerEvent::Launched { id, pid: 77 }));
    }

    #[test]
    fn a_volume_is_shown_in_the_sandbox_of_whose_it_is() {
        let mut world = world();
        let told = launch(&mut world, volumes_at(&[("v", "data")]), None);
        assert!(told.contains("launch "), "{told}");
        world.hold_files();
        let told = held(&mut world);
        assert!(told.starts_with("link 1 volumes into ") && told.contains("/containers/inside"), "{told}");
        assert!(world.shown(Ok(())).join("\n").contains("go "));
    }

    #[test]
    fn without_its_volume_it_does_not_run_and_whoever_asked_is_told_why() {
        let mut world = world();
        launch(&mut world, volumes_at(&[("v", "data")]), None);
        world.hold_files();
        held(&mut world);
        let told = world.shown(Err("Volume 'v' cannot be shown at 'data': no".into())).join("\n");
        assert!(told.contains("failed: Failed to launch container: Volume 'v' cannot"), "{told}");
        assert!(told.contains("destroy ") && !told.contains("go "), "{told}");
    }

    #[test]
    fn what_the_container_around_it_does_not_hold_is_refused() {
        let mut world = world();
        let told = launch(&mut world, volumes_at(&[("w", "data")]), None);
        assert!(told.contains("is not held by the container around"), "{told}");
        let told = launch(&mut world, volumes_at(&[("v", "other")]), None);
        assert!(told.contains("is not held by the container around"), "{told}");
        let (read, write) = (VolumeMode::ReadOnly, VolumeMode::ReadWrite);
        let bidirectional = Some(model::container::MountPropagation::Bidirectional);
        let through = VolumeSource::HostPath { path: "/data".into(), propagation: bidirectional };
        for volume in [
            host("/", read),
            host("/etc", read),
            host("/data", write),
            host("/data/below", read),
            host("/data/../etc", read),
            Volume { host_path: Some("/etc".into()), ..Volume::writable("here") },
            Volume { mode: read, source: Some(through), ..Volume::writable("here") },
        ] {
            let told = launch(&mut world, Resources::new(), Some(container(volume)));
            assert!(told.starts_with("told failed: The host path '/"), "{told}");
        }
        for volume in [host("/data", read), host("relative", write)] {
            let mut world = self::world();
            let told = launch(&mut world, Resources::new(), Some(container(volume)));
            assert!(told.contains("launch "), "{told}");
        }
    }

    #[test]
    fn one_that_stands_alone_is_its_operator_s() {
        let id = ContainerId::new("alone");
        let volume = container(host("/etc", VolumeMode::ReadOnly));
        let told = launch_as(&mut world(), id, Resources::new(), Some(volume));
        assert!(told.contains("launch alone"), "{told}");
    }
}

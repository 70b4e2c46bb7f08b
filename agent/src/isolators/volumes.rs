//! What a container sees beside its sandbox: `filesystem/linux`, `filesystem/shared`, `volume/host_path`,
//! `volume/sandbox_path`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use agent_launch::isolation::{Mount, Namespace, Place, Propagation};
use agent_linux::beneath::{self, Directory};
use model::ContainerId;
use model::container::{MountPropagation, SandboxPathKind, Volume, VolumeMode, VolumeSource};

use super::isolator::{Isolator, Plan, Subject};
use super::namespaces::own;
use crate::containerizer::{Shown, outermost};

/// `filesystem/linux`: a mount namespace, into which the host's later mounts still come, and a root of its own for who has
/// an image.
#[derive(Debug)]
pub(super) struct Filesystem(());

impl Filesystem {
    pub(super) fn linux() -> Self {
        Self(())
    }
}

impl Isolator for Filesystem {
    fn name(&self) -> &'static str {
        "filesystem/linux"
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        own(plan, Namespace::Mount);
        match subject.image {
            Some(image) if !image.shared => {
                plan.isolation.root = Some(image.root.clone());
                // Links lead there.
                for volume in &subject.config.shown {
                    let place = Place::Trusted(text(&volume.to)?);
                    let (source, target) = (place.clone(), place);
                    let propagation = Propagation::Private;
                    plan.isolation.mounts.push(Mount::Bind { source, target, read_only: false, propagation });
                }
            }
            Some(_) if volumes(subject).next().is_some() => {
                return Err(
                    "a container that shares the root of the one around it cannot have volumes".to_owned()
                );
            }
            _ => {}
        }
        Ok(())
    }
}

/// `volume/host_path`: files and directories of the host.
#[derive(Debug)]
pub(super) struct HostPaths {
    /// What is missing below one of these is made.
    force: Vec<PathBuf>,
}

impl HostPaths {
    pub(super) fn new(force: Vec<PathBuf>) -> Self {
        Self { force }
    }

    fn source(&self, path: &str, subject: &Subject<'_>) -> Result<Place, String> {
        let given = Path::new(path);
        if given.is_relative() {
            let (within, path) = below(subject.id, &subject.config.sandbox, given)?;
            make(&within, &path, subject)?;
            return Ok(Place::Beneath { within: text(&within)?, path });
        }
        if fs::symlink_metadata(given).is_err() {
            plain(given.strip_prefix("/").unwrap_or(given))?;
            if !self.force.iter().any(|above| given.starts_with(above)) {
                return Err(format!(
                    "the host path '{path}' does not exist, and is below nothing in --host_path_volume_force_creation"
                ));
            }
            fs::create_dir_all(given)
                .map_err(|error| format!("cannot make the host path '{path}': {error}"))?;
        }
        Ok(Place::Trusted(path.to_owned()))
    }
}

impl Isolator for HostPaths {
    fn name(&self) -> &'static str {
        "volume/host_path"
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        for volume in volumes(subject) {
            let (path, propagation) = match (&volume.source, &volume.host_path) {
                (Some(VolumeSource::HostPath { path, propagation }), _) => (path, *propagation),
                (None, Some(path)) if volume.image.is_none() => (path, None),
                _ => continue,
            };
            let propagation = match propagation {
                None => Propagation::Private,
                Some(MountPropagation::HostToContainer) => Propagation::HostToContainer,
                Some(MountPropagation::Bidirectional) => Propagation::Both,
            };
            let source = self.source(path, subject)?;
            bind(plan, subject, volume, source, propagation)?;
        }
        Ok(())
    }
}

/// `volume/sandbox_path`: a directory of the container's own sandbox, or of its parent's.
#[derive(Debug)]
pub(super) struct SandboxPaths {
    /// Whether it is mounted rather than linked.
    mounts: bool,
}

impl SandboxPaths {
    pub(super) fn new(mounts: bool) -> Self {
        Self { mounts }
    }
}

impl Isolator for SandboxPaths {
    fn name(&self) -> &'static str {
        "volume/sandbox_path"
    }

    fn namespaces(&self) -> bool {
        self.mounts
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        for volume in volumes(subject) {
            let Some(VolumeSource::SandboxPath { kind, path }) = &volume.source else { continue };
            let sandbox = &subject.config.sandbox;
            let parent = subject.id.parent();
            let (whose, within, shown) = match (kind, &parent) {
                (SandboxPathKind::Own, _) => (subject.id, sandbox.clone(), &subject.config.shown),
                (SandboxPathKind::Parent, Some(parent)) => (parent, above(subject), &subject.config.above),
                (SandboxPathKind::Parent, None) => {
                    return Err("a container without a parent has no PARENT's sandbox".to_owned());
                }
            };
            let path = plain(Path::new(path))?;
            // The links by which persistent volumes are shown lead out of the sandbox; nothing else may.
            let (within, path) = match followed(shown, Path::new(&path)) {
                Some((volume, rest)) => (volume.to_owned(), text(&rest)?),
                None => below(whose, &within, Path::new(&path))?,
            };
            make(&within, &path, subject)?;
            if self.mounts {
                let source = Place::Beneath { within: text(&within)?, path };
                bind(plan, subject, volume, source, Propagation::Private)?;
                continue;
            }
            if volume.container_path.starts_with('/') {
                return Err(format!(
                    "the container path '{}' can only be linked to from within the sandbox; 'filesystem/linux' mounts it",
                    volume.container_path
                ));
            }
            let name = plain(Path::new(&volume.container_path))?;
            let tree = Directory::open(sandbox).map_err(|error| error.to_string())?;
            match tree.create_link(Path::new(&name), &within.join(&path)) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(format!("cannot link '{name}': {error}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The sandbox around that of a container, which is `<parent's>/containers/<id>`, or its parent's own.
fn above(subject: &Subject<'_>) -> PathBuf {
    let sandbox = &subject.config.sandbox;
    let own = Path::new("containers").join(subject.id.value());
    let above = sandbox.parent().and_then(Path::parent).filter(|_| sandbox.ends_with(own));
    above.unwrap_or(sandbox).to_owned()
}

/// The volume that a path in a sandbox leads into, and where in there.
fn followed<'a>(shown: &'a [Shown], path: &Path) -> Option<(&'a Path, PathBuf)> {
    let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let volume = shown.iter().find(|volume| path.starts_with(&volume.at))?;
    let rest = path.strip_prefix(&volume.at).ok()?;
    let rest = if rest.as_os_str().is_empty() { Path::new(".") } else { rest };
    Some((&volume.to, rest.to_owned()))
}

/// `filesystem/shared`: directories of the system, such as `/tmp`, that are really in the sandbox. Older than
/// `filesystem/linux`.
#[derive(Debug)]
pub(super) struct SharedFilesystem;

impl Isolator for SharedFilesystem {
    fn name(&self) -> &'static str {
        "filesystem/shared"
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        for volume in volumes(subject) {
            let (None, Some(host)) = (&volume.source, &volume.host_path) else { continue };
            if host.starts_with('/') {
                return Err(format!("the host path '{host}' must be relative to the sandbox"));
            }
            let model = fs::metadata(&volume.container_path)
                .map_err(|error| format!("the container path '{}': {error}", volume.container_path))?;
            let sandbox = &subject.config.sandbox;
            let path = plain(Path::new(host))?;
            let tree = Directory::open(sandbox).map_err(|error| error.to_string())?;
            let made = tree.create_dir(Path::new(&path)).and_then(|dir| {
                let dir = dir.open_read(Path::new("."))?;
                beneath::give(&dir, model.uid(), model.gid())?;
                beneath::set_mode(&dir, model.mode() & 0o777)
            });
            made.map_err(|error| format!("cannot make '{path}' in the sandbox: {error}"))?;
            own(plan, Namespace::Mount);
            let source = Place::Beneath { within: text(sandbox)?, path };
            bind(plan, subject, volume, source, Propagation::Private)?;
        }
        Ok(())
    }
}

/// What a container asks for.
pub(super) fn volumes<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a Volume> + use<'a> {
    subject.config.container.iter().flat_map(|container| &container.volumes)
}

fn bind(
    plan: &mut Plan,
    subject: &Subject<'_>,
    volume: &Volume,
    source: Place,
    propagation: Propagation,
) -> Result<(), String> {
    let target = target(&volume.container_path, subject)?;
    let read_only = volume.mode == VolumeMode::ReadOnly;
    plan.isolation.mounts.push(Mount::Bind { source, target, read_only, propagation });
    Ok(())
}

/// Where a volume appears: below the sandbox, or where the host has something already; anywhere in a root of its own.
pub(super) fn target(path: &str, subject: &Subject<'_>) -> Result<Place, String> {
    let given = Path::new(path);
    if let Some(image) = subject.image {
        let seen = Path::new(&image.root.seen);
        let plain = plain(given.strip_prefix("/").unwrap_or(given))?;
        let place = if given.is_relative() { seen.join(plain) } else { Path::new("/").join(plain) };
        return Ok(Place::Trusted(text(&place)?));
    }
    if given.is_relative() {
        let (within, path) = below(subject.id, &subject.config.sandbox, given)?;
        return Ok(Place::Beneath { within: text(&within)?, path });
    }
    plain(given.strip_prefix("/").unwrap_or(given))?;
    if fs::metadata(given).is_err() {
        return Err(format!(
            "the container path '{path}' does not exist on this machine, whose files the container sees"
        ));
    }
    Ok(Place::Trusted(path.to_owned()))
}

/// A path in a container's sandbox: the outermost sandbox that one lies in, and where in there. Nothing between is trusted.
fn below(id: &ContainerId, sandbox: &Path, path: &Path) -> Result<(PathBuf, String), String> {
    let around = outermost(id, sandbox);
    let inner = sandbox.strip_prefix(around).unwrap_or(Path::new(""));
    Ok((around.to_owned(), text(&inner.join(plain(path)?))?))
}

/// Makes a directory in a sandbox, the task user's.
fn make(within: &Path, path: &str, subject: &Subject<'_>) -> Result<(), String> {
    let tree = Directory::open(within).map_err(|error| format!("cannot open the sandbox: {error}"))?;
    if tree.open_read(Path::new(path)).is_ok() {
        return Ok(());
    }
    let made = tree.create_dir(Path::new(path)).and_then(|dir| match subject.credentials {
        Some(who) => beneath::give(dir.open_read(Path::new("."))?, who.uid, who.gid),
        None => Ok(()),
    });
    made.map_err(|error| format!("cannot make '{path}' in the sandbox: {error}"))
}

/// A relative path without anything that leads up.
fn plain(path: &Path) -> Result<String, String> {
    let good = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !good || path.as_os_str().is_empty() {
        return Err(format!("the path '{}' leads out of where it may be", path.display()));
    }
    text(path)
}

fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| format!("the path '{}' is not text", path.display()))
}

#[cfg(test)]
mod tests {
    use model::{ContainerInfo, ContainerKind};

    use super::super::testing::{config, plan_of};
    use super::*;

    fn with(volume: Volume) -> crate::containerizer::ContainerConfig {
        let mut container = ContainerInfo::new(ContainerKind::Mesos);
        container.volumes.push(volume);
        let mut config = config();
        config.container = Some(container);
        config
    }

    #[test]
    fn a_host_path_is_mounted_where_and_how_it_was_asked_for() {
        let volume =
            Volume { mode: VolumeMode::ReadOnly, host_path: Some("/etc".into()), ..Volume::writable("conf") };
        let plan = plan_of(&HostPaths::new(Vec::new()), &with(volume)).unwrap();
        let [Mount::Bind { source, target, read_only: true, .. }] = &plan.isolation.mounts[..] else {
            panic!("{plan:?}")
        };
        assert_eq!((source.to_string(), target.to_string()), ("/etc".into(), "/sandbox/conf".into()));
    }

    #[test]
    fn a_relative_host_path_is_a_directory_of_the_sandbox_which_is_made() {
        let sandbox = tempfile::tempdir().unwrap();
        fs::write(sandbox.path().join("file"), "fetched").unwrap();
        for (host, is_dir) in [("data/deep", true), ("file", false)] {
            let mut config = with(Volume { host_path: Some(host.into()), ..Volume::writable("seen") });
            config.sandbox = sandbox.path().to_owned();
            let plan = plan_of(&HostPaths::new(Vec::new()), &config).unwrap();
            let [Mount::Bind { source: Place::Beneath { within, path }, .. }] = &plan.isolation.mounts[..]
            else {
                panic!("{plan:?}")
            };
            assert_eq!((Path::new(within), &**path), (sandbox.path(), host));
            assert_eq!(sandbox.path().join(host).is_dir(), is_dir);
        }
    }

    #[test]
    fn a_path_that_leads_out_or_is_not_there_is_refused() {
        let isolator = HostPaths::new(Vec::new());
        let error = |host: &str, container: &str| {
            let volume = Volume { host_path: Some(host.into()), ..Volume::writable(container) };
            plan_of(&isolator, &with(volume)).unwrap_err()
        };
        assert!(error("/etc", "../x").contains("leads out"));
        assert!(error("/etc", "/no/such/place").contains("does not exist on this machine"));
        assert!(error("/no/such/source", "x").contains("--host_path_volume_force_creation"));
        assert!(error("a/../../b", "x").contains("leads out"));
    }
}

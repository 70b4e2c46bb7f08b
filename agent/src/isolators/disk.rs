//! `disk/du`: how much a container has written, looked at from time to time by a walk of its sandbox, of what it and those within
//! it have written over their images, and of its persistent volumes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use agent_launch::isolation::Content;
use agent_linux::tree;
use model::{ContainerId, Resource, Resources, Scalar};

use super::config::IsolationConfig;
use super::isolator::{Isolator, Limitation, LimitationKind, Plan, Subject};
use crate::containerizer::{ContainerConfig, Held, Usage};
use crate::provisioner::Provisioned;

/// Walks one sandbox at a time.
#[derive(Debug)]
pub(super) struct Disk {
    interval: Duration,
    enforce: bool,
    watched: Mutex<BTreeMap<ContainerId, Watched>>,
}

#[derive(Clone, Debug)]
struct Watched {
    sandbox: PathBuf,
    /// Unit: bytes; `None` if nothing was said of disk.
    quota: Option<u64>,
    /// Those of containers within it are among them.
    volumes: Vec<Held>,
    /// Where what is written over an image is kept, by whose it is: its own, and those of containers within it.
    over_images: BTreeMap<ContainerId, PathBuf>,
    /// What the last walk found.
    used: Option<u64>,
}

impl Disk {
    pub(super) fn new(config: &IsolationConfig) -> Self {
        let (interval, enforce) = (config.disk_watch_interval, config.enforce_disk_quota);
        Self { interval, enforce, watched: Mutex::default() }
    }

    fn watch(&self, id: &ContainerId, config: &ContainerConfig) {
        // A nested container's files are within its parent's sandbox, and counted there.
        if id.parent().is_some() {
            return;
        }
        let Ok(mut watched) = self.watched.lock() else { return };
        let known = watched.remove(id);
        let used = known.as_ref().and_then(|known| known.used);
        let over_images = known.map(|known| known.over_images).unwrap_or_default();
        let (sandbox, quota) = (config.sandbox.clone(), quota(config));
        let volumes = config.held.clone();
        watched.insert(id.clone(), Watched { sandbox, quota, volumes, over_images, used });
    }

    /// What is written over the image of a container counts for the outermost one.
    fn watch_image(&self, id: &ContainerId, image: &Provisioned) {
        let Content::Overlay { upper, .. } = &image.root.content else { return };
        let Ok(mut watched) = self.watched.lock() else { return };
        if let Some(outermost) = watched.get_mut(&id.root()) {
            outermost.over_images.insert(id.clone(), upper.into());
        }
    }
}

/// What of a disk a container may fill, persistent volumes and disks of their own apart. Unit: bytes.
pub(super) fn quota(config: &ContainerConfig) -> Option<u64> {
    let plain = |resource: &Resource| &*resource.name == "disk" && resource.disk.is_none();
    let disk = config.resources.filter(plain);
    if disk.is_empty() {
        return None;
    }
    Some((disk.disk().thousandths().max(0) as u128 * (1 << 20) / 1000) as u64)
}

/// More was written than there may be. Unit: bytes.
pub(super) fn exceeded(used: u64, quota: u64) -> Limitation {
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let message = format!("Disk usage ({}MB) exceeds quota ({}MB)", megabytes(used), quota >> 20);
    let amount = Scalar::from_thousandths(((u128::from(used) * 1000) >> 20) as i64);
    let resources: Resources = [Resource::scalar("disk", amount)].into_iter().collect();
    Limitation { kind: LimitationKind::Disk, message, resources }
}

impl Isolator for Disk {
    fn name(&self) -> &'static str {
        "disk/du"
    }

    fn prepare(&self, subject: &Subject<'_>, _: &mut Plan) -> Result<(), String> {
        self.watch(subject.id, subject.config);
        if let Some(image) = subject.image.filter(|image| !image.shared) {
            self.watch_image(subject.id, image);
        }
        Ok(())
    }

    fn update(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), String> {
        self.watch(id, config);
        Ok(())
    }

    fn usage(&self, id: &ContainerId, usage: &mut Usage) {
        let Some(watched) = self.watched.lock().ok().and_then(|watched| watched.get(id).cloned()) else {
            return;
        };
        usage.disk_limit_bytes = watched.quota;
        usage.disk_used_bytes = watched.used;
    }

    fn limitation(&self, id: &ContainerId) -> Option<Limitation> {
        let found = self.watched.lock().ok()?.get(id).cloned()?;
        let over_images = found.over_images.values().map(|dir| tree::usage(dir)).sum::<u64>();
        let used = tree::usage(&found.sandbox) + over_images;
        if let Some(watched) = self.watched.lock().ok()?.get_mut(id) {
            watched.used = Some(used);
        }
        if !self.enforce {
            return None;
        }
        if let Some(quota) = found.quota.filter(|quota| used > *quota) {
            return Some(exceeded(used, quota));
        }
        let volumes = found.volumes.iter().map(|volume| (volume, tree::usage(&volume.directory)));
        let (full, used) = volumes.into_iter().find(|(volume, used)| *used > volume.size)?;
        let broken = exceeded(used, full.size);
        let message = format!("Volume '{}': {}", full.id, broken.message);
        Some(Limitation { message, ..broken })
    }

    fn period(&self) -> Option<Duration> {
        Some(self.interval.max(Duration::from_millis(10)))
    }

    fn cleanup(&self, id: &ContainerId) -> Result<(), String> {
        if let Ok(mut watched) = self.watched.lock() {
            watched.remove(id);
            if let Some(outermost) = watched.get_mut(&id.root()) {
                outermost.over_images.remove(id);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing::config;
    use super::*;

    #[test]
    fn a_full_sandbox_breaks_its_quota_only_if_that_is_enforced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), vec![1; 3 << 20]).unwrap();
        let mut container = config();
        container.sandbox = dir.path().to_owned();
        container.resources = "disk:2".parse().unwrap();
        let id = ContainerId::new("c");
        for enforce in [false, true] {
            let disk =
                Disk::new(&IsolationConfig { enforce_disk_quota: enforce, ..IsolationConfig::default() });
            disk.watch(&id, &container);
            let broken = disk.limitation(&id);
            assert_eq!(broken.is_some(), enforce);
            if let Some(broken) = broken {
                assert!(broken.message.ends_with("exceeds quota (2MB)"), "{}", broken.message);
            }
        }
    }

    #[test]
    fn a_full_volume_breaks_its_own_size_and_not_that_of_the_sandbox() {
        let (sandbox, volume) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut container = config();
        container.sandbox = sandbox.path().to_owned();
        container.resources = "disk:1".parse().unwrap();
        let held = |size| Held { id: "v".into(), directory: volume.path().to_owned(), size };
        container.held = vec![held(4 << 20)];
        std::os::unix::fs::symlink(volume.path(), sandbox.path().join("data")).unwrap();
        fs::write(sandbox.path().join("data/a"), vec![1; 3 << 20]).unwrap();
        let id = ContainerId::new("c");
        let disk = Disk::new(&IsolationConfig { enforce_disk_quota: true, ..IsolationConfig::default() });
        disk.watch(&id, &container);
        assert!(disk.limitation(&id).is_none());
        // It has shrunk meanwhile.
        container.held = vec![held(2 << 20)];
        disk.update(&id, &container).unwrap();
        let broken = disk.limitation(&id).unwrap();
        assert_eq!(broken.message, "Volume 'v': Disk usage (4MB) exceeds quota (2MB)");
    }
}

//! `gpu/nvidia`: graphics processors, each given to one container as a whole.
//!
//! Which is whose is kept in a file per container in the runtime directory, as numbers with spaces between them, so that a
//! later agent gives none twice. What a container may open is for `cgroups/devices` to say, which asks here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use agent_launch::isolation::{Mount, Place, Propagation};
use agent_linux::devices::Rule;
use model::ContainerId;

use super::config::IsolationConfig;
use super::isolator::{Isolator, Plan, Subject};
use super::nvidia::{Device, Nvidia};
use crate::containerizer::ContainerConfig;

/// The processors of this machine and who has them. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Gpus(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    controls: Vec<Device>,
    /// Those that may be given, by number.
    gpus: BTreeMap<usize, Device>,
    /// Where it is written down who has which.
    dir: PathBuf,
    held: Mutex<BTreeMap<usize, ContainerId>>,
}

impl Gpus {
    /// Errors: there is no driver, or no device of a number; what is written down cannot be read.
    pub(super) fn new(config: &IsolationConfig) -> Result<Self, String> {
        let Nvidia { gpus, controls } = Nvidia::find(&config.nvidia)?;
        let there = gpus.len();
        let mut gpus: BTreeMap<usize, Device> = gpus.into_iter().enumerate().collect();
        if let Some(wanted) = &config.nvidia_gpu_devices {
            if let Some(none) = wanted.iter().find(|number| !gpus.contains_key(number)) {
                return Err(format!("--nvidia_gpu_devices: there is no device {none}, but {there} in all"));
            }
            gpus.retain(|number, _| wanted.contains(number));
        }
        let dir = config.gpu_dir.clone();
        let held = written(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        Ok(Self(Arc::new(Shared { controls, gpus, dir, held: Mutex::new(held) })))
    }

    /// What a container, or one inside of it, may open.
    pub(super) fn rules(&self, id: &ContainerId) -> Vec<Rule> {
        self.devices(id).iter().map(|device| device.rule).collect()
    }

    /// What nobody may open who was not given it.
    pub(super) fn all(&self) -> Vec<Rule> {
        self.0.gpus.values().chain(&self.0.controls).map(|device| device.rule).collect()
    }

    fn devices(&self, id: &ContainerId) -> Vec<&Device> {
        let numbers = numbers(&self.held(), &id.root());
        let controls = self.0.controls.iter().filter(|_| !numbers.is_empty());
        numbers.iter().filter_map(|number| self.0.gpus.get(number)).chain(controls).collect()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<usize, ContainerId>> {
        self.0.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Gives a container as many as it is to have, or takes those beyond that.
    fn settle(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), String> {
        // A part of one is no resource.
        let wanted = (config.resources.gpus().thousandths().max(0) / 1000) as usize;
        let mut held = self.held();
        let mut mine = numbers(&held, id);
        if mine.len() < wanted {
            let free = self.0.gpus.keys().copied().filter(|number| !held.contains_key(number));
            mine.extend(free.take(wanted - mine.len()).collect::<Vec<_>>());
            if mine.len() < wanted {
                return Err(format!("{wanted} gpus were asked for, and only {} are free", mine.len()));
            }
        }
        mine.truncate(wanted);
        self.write(id, &mine).map_err(|error| format!("cannot write down whose gpus are whose: {error}"))?;
        held.retain(|_, whose| whose != id);
        held.extend(mine.into_iter().map(|number| (number, id.clone())));
        Ok(())
    }

    /// Nothing is torn: a file that is there is whole.
    fn write(&self, id: &ContainerId, numbers: &[usize]) -> io::Result<()> {
        let file = self.0.dir.join(id.value());
        if numbers.is_empty() {
            return match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        fs::create_dir_all(&self.0.dir)?;
        // A name no container bears.
        let fresh = self.0.dir.join(".new");
        let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        fs::write(&fresh, words.join(" "))?;
        fs::rename(fresh, file)
    }
}

/// Those of one container.
fn numbers(held: &BTreeMap<usize, ContainerId>, id: &ContainerId) -> Vec<usize> {
    held.iter().filter(|(_, whose)| *whose == id).map(|(number, _)| *number).collect()
}

/// What an earlier agent wrote down.
fn written(dir: &std::path::Path) -> io::Result<BTreeMap<usize, ContainerId>> {
    let mut held = BTreeMap::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(held),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let text = fs::read_to_string(dir.join(name))?;
        let numbers = text.split(' ').filter_map(|word| word.parse().ok());
        held.extend(numbers.map(|number| (number, ContainerId::new(name))));
    }
    Ok(held)
}

impl Isolator for Gpus {
    fn name(&self) -> &'static str {
        "gpu/nvidia"
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        if subject.id.parent().is_none() {
            self.settle(subject.id, subject.config)?;
        }
        // Others see the devices of the host, or of the container around them.
        if subject.image.is_some_and(|image| !image.shared) {
            plan.isolation.mounts.extend(self.devices(subject.id).into_iter().map(|device| {
                let source = Place::Trusted(device.path.display().to_string());
                let name = device.path.file_name().unwrap_or_default().to_string_lossy();
                let target = Place::Trusted(format!("/dev/{name}"));
                Mount::Bind { source, target, read_only: false, propagation: Propagation::Private }
            }));
        }
        Ok(())
    }

    fn update(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), String> {
        if id.parent().is_some() { Ok(()) } else { self.settle(id, config) }
    }

    fn cleanup(&self, id: &ContainerId) -> Result<(), String> {
        let mut held = self.held();
        self.write(id, &[]).map_err(|error| error.to_string())?;
        held.retain(|_, whose| whose != id);
        Ok(())
    }

    fn recover(&self, known: &BTreeSet<ContainerId>) -> Vec<ContainerId> {
        let strangers: BTreeSet<ContainerId> =
            self.held().values().filter(|whose| !known.contains(whose)).cloned().collect();
        for stranger in &strangers {
            if let Err(error) = self.cleanup(stranger) {
                tracing::warn!(container = %stranger, error, "an orphan's gpus stay taken");
            }
        }
        strangers.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::config;
    use super::*;

    /// As many processors as that on a machine that has none: their device files are those of anything.
    fn gpus(count: usize, dir: &std::path::Path) -> Gpus {
        let device = |number: usize| Device {
            path: format!("/dev/nvidia{number}").into(),
            rule: Rule {
                kind: agent_linux::devices::Kind::Char,
                major: Some(195),
                minor: Some(number as u32),
                access: agent_linux::devices::Access::ALL,
            },
        };
        Gpus(Arc::new(Shared {
            controls: vec![device(255)],
            gpus: (0..count).map(|number| (number, device(number))).collect(),
            dir: dir.to_owned(),
            held: Mutex::new(written(dir).unwrap()),
        }))
    }

    fn settle(gpus: &Gpus, id: &str, count: &str) -> Result<Vec<u32>, String> {
        let mut container = config();
        container.resources = format!("cpus:1;gpus:{count}").parse().unwrap();
        gpus.settle(&ContainerId::new(id), &container)?;
        Ok(gpus.rules(&ContainerId::new(id)).iter().filter_map(|rule| rule.minor).collect())
    }

    #[test]
    fn each_is_given_once_with_the_devices_that_go_with_any() {
        let dir = tempfile::tempdir().unwrap();
        let gpus = gpus(3, dir.path());
        assert_eq!(settle(&gpus, "a", "1"), Ok(vec![0, 255]));
        assert_eq!(settle(&gpus, "b", "2"), Ok(vec![1, 2, 255]));
        assert_eq!(settle(&gpus, "c", "1").unwrap_err(), "1 gpus were asked for, and only 0 are free");
        // One may have less, and another what is free then.
        assert_eq!(settle(&gpus, "b", "1"), Ok(vec![1, 255]));
        assert_eq!(settle(&gpus, "a", "2"), Ok(vec![0, 2, 255]));
        assert_eq!(gpus.rules(&ContainerId::new("a").child("inner")).len(), 3);
        gpus.cleanup(&ContainerId::new("a")).unwrap();
        assert_eq!(gpus.rules(&ContainerId::new("a")), []);
        assert_eq!(settle(&gpus, "c", "2"), Ok(vec![0, 2, 255]));
    }

    #[test]
    fn a_later_agent_gives_none_twice_and_takes_back_what_orphans_had() {
        let dir = tempfile::tempdir().unwrap();
        let before = gpus(3, dir.path());
        settle(&before, "lives", "1").unwrap();
        settle(&before, "orphan", "1").unwrap();
        let after = gpus(3, dir.path());
        assert_eq!(settle(&after, "next", "1"), Ok(vec![2, 255]));
        let known = ["lives", "next"].map(ContainerId::new).into();
        assert_eq!(after.recover(&known), [ContainerId::new("orphan")]);
        assert_eq!(settle(&after, "last", "1"), Ok(vec![1, 255]));
    }
}

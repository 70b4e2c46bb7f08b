//! The graphics processors of a machine, as NVIDIA's kernel driver shows them: no library of theirs is loaded, since the
//! driver's own files say what there is.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use agent_linux::devices::{Access, Kind, Rule};

/// Where the driver and its devices are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NvidiaPlaces {
    pub driver: PathBuf,
    pub dev: PathBuf,
}

impl Default for NvidiaPlaces {
    fn default() -> Self {
        Self { driver: "/proc/driver/nvidia".into(), dev: "/dev".into() }
    }
}

/// A device file, and the rule by which it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub path: PathBuf,
    pub rule: Rule,
}

/// What a machine has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nvidia {
    /// In the driver's order, by which `--nvidia_gpu_devices` counts.
    pub gpus: Vec<Device>,
    /// Without these no processor can be used.
    pub controls: Vec<Device>,
}

/// Devices every user of a processor opens; whether the optional ones are there depends on the driver.
const CONTROLS: [(&str, bool); 3] = [("nvidiactl", true), ("nvidia-uvm", true), ("nvidia-uvm-tools", false)];

impl Nvidia {
    /// Errors: there is no driver, or a device of it is missing.
    ///
    /// Source: NVIDIA driver README, "/proc/driver/nvidia/gpus/domain:bus:device.function/information", `Device Minor`.
    pub(crate) fn find(places: &NvidiaPlaces) -> Result<Self, String> {
        let dir = places.driver.join("gpus");
        let entries = fs::read_dir(&dir)
            .map_err(|error| format!("NVIDIA's driver is not here: {}: {error}", dir.display()))?;
        // Names are addresses on the bus, which is the driver's order too.
        let mut found: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path().join("information")).collect();
        found.sort();
        let gpu = |file: &PathBuf| {
            let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let minor = minor(&text).ok_or_else(|| format!("{} has no `Device Minor`", file.display()))?;
            device(places.dev.join(format!("nvidia{minor}")))
        };
        let gpus = found.iter().map(gpu).collect::<Result<_, String>>()?;
        let control = |(name, needed): (&str, bool)| match device(places.dev.join(name)) {
            Err(_) if !needed => None,
            other => Some(other),
        };
        Ok(Self { gpus, controls: CONTROLS.into_iter().filter_map(control).collect::<Result<_, _>>()? })
    }
}

fn minor(information: &str) -> Option<u32> {
    let line = information.lines().find_map(|line| line.strip_prefix("Device Minor:"))?;
    line.trim().parse().ok()
}

fn device(path: PathBuf) -> Result<Device, String> {
    let found = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if !found.file_type().is_char_device() {
        return Err(format!("{} is no device", path.display()));
    }
    let (major, minor) = agent_linux::disk::device_numbers(found.rdev());
    let access = Access { read: true, write: true, mknod: false };
    let rule = Rule { kind: Kind::Char, major: Some(major), minor: Some(minor), access };
    Ok(Device { path, rule })
}

/// How many there are; none without a driver.
pub(crate) fn count(places: &NvidiaPlaces) -> usize {
    let gpus: Option<usize> = fs::read_dir(Path::new(&places.driver).join("gpus")).ok().map(Iterator::count);
    gpus.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_the_driver_says_where_it_was_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        let places = NvidiaPlaces { driver: dir.path().into(), dev: dir.path().into() };
        let error = Nvidia::find(&places).unwrap_err();
        assert!(error.starts_with("NVIDIA's driver is not here: ") && error.contains("gpus"), "{error}");
        assert_eq!(count(&places), 0);
        fs::create_dir_all(dir.path().join("gpus/0000:01:00.0")).unwrap();
        fs::write(dir.path().join("gpus/0000:01:00.0/information"), "Model: \tTesla\nDevice Minor: \t 3\n")
            .unwrap();
        let error = Nvidia::find(&places).unwrap_err();
        assert!(error.contains("nvidia3: No such file"), "{error}");
        assert_eq!(count(&places), 1);
    }
}

//! `cgroups/devices`: which devices a container may open and make.

use agent_cgroups::{Controller, Group, Hierarchies, Setting, Version};
use agent_linux::devices::{Access, Filter, Kind, Rule};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;
use crate::isolators::gpus::Gpus;

/// What every container may use.
///
/// Source: Mesos, cgroups/devices: making any node; the console, terminals, null, zero, full, random, urandom.
const USUAL: [Rule; 14] = [
    Rule { kind: Kind::Char, major: None, minor: None, access: Access::MKNOD },
    Rule { kind: Kind::Block, major: None, minor: None, access: Access::MKNOD },
    usual(5, Some(1)),
    usual(4, Some(0)),
    usual(4, Some(1)),
    usual(136, None),
    usual(5, Some(2)),
    usual(10, Some(200)),
    usual(1, Some(3)),
    usual(1, Some(5)),
    usual(1, Some(7)),
    usual(5, Some(0)),
    usual(1, Some(9)),
    usual(1, Some(8)),
];

const fn usual(major: u32, minor: Option<u32>) -> Rule {
    Rule { kind: Kind::Char, major: Some(major), minor, access: Access::ALL }
}

/// A list of what is allowed; nothing else is.
#[derive(Debug)]
pub(super) struct Devices {
    allowed: Vec<Rule>,
    /// The same as v2 takes it.
    filter: Option<Filter>,
    /// Devices that some containers are given beside those.
    gpus: Option<Gpus>,
}

impl Devices {
    /// The usual ones and those of `more`, Mesos' `DeviceWhitelist` as JSON.
    ///
    /// Errors: it is none, or names a device that is not there; a kernel that cannot be told.
    pub(super) fn new(
        more: Option<&str>,
        hierarchies: &Hierarchies,
        gpus: Option<Gpus>,
    ) -> Result<Self, String> {
        let mut allowed = USUAL.to_vec();
        if let Some(text) = more {
            allowed.extend(entries(text).map_err(|why| format!("--allowed_devices: {why}"))?);
        }
        let filter = by_program(hierarchies).then(|| Filter::load(&allowed)).transpose();
        let filter = filter.map_err(|error| {
            format!("on cgroup v2 it needs a kernel with CONFIG_CGROUP_BPF and the right to load a program: {error}")
        })?;
        Ok(Self { allowed, filter, gpus })
    }

    /// What this container alone may use.
    fn given(&self, id: &ContainerId) -> Vec<Rule> {
        self.gpus.as_ref().map_or_else(Vec::new, |gpus| gpus.rules(id))
    }
}

/// Whether this machine can tell containers what devices they may use.
pub(super) fn possible(hierarchies: &Hierarchies) -> bool {
    !by_program(hierarchies) || Filter::load(&[]).is_ok()
}

/// Whether that takes a program.
fn by_program(hierarchies: &Hierarchies) -> bool {
    hierarchies.place(Controller::Devices).is_some_and(|(_, version)| version == Version::V2)
}

impl Subsystem for Devices {
    fn plan(&self, id: &ContainerId, _: &Share, _: &Group, new: bool) -> Result<Vec<Setting>, String> {
        if self.filter.is_some() {
            return Ok(Vec::new());
        }
        let value = |file, text: String| Setting::Value { controller: Controller::Devices, file, text };
        let allow = |rule: &Rule| value("devices.allow", rule.to_string());
        let given = self.given(id);
        if new {
            let allowed = self.allowed.iter().chain(&given).map(allow);
            return Ok([value("devices.deny", "a".to_owned())].into_iter().chain(allowed).collect());
        }
        let all = self.gpus.as_ref().map_or_else(Vec::new, Gpus::all);
        let taken = all.iter().filter(|rule| !given.contains(rule));
        Ok(taken.map(|rule| value("devices.deny", rule.to_string())).chain(given.iter().map(allow)).collect())
    }

    fn equip(&self, id: &ContainerId, group: &Group, new: bool) -> Result<(), String> {
        let (Some(filter), Some((dir, _))) = (&self.filter, group.dir(Controller::Devices)) else {
            return Ok(());
        };
        let failed = |error| format!("cannot limit the devices of {}: {error}", dir.display());
        let given = self.given(id);
        if new && given.is_empty() {
            return filter.attach(dir).map_err(failed);
        }
        if self.gpus.is_none() {
            return Ok(());
        }
        let rules: Vec<Rule> = self.allowed.iter().copied().chain(given).collect();
        Filter::load(&rules).and_then(|filter| filter.attach_alone(dir)).map_err(failed)
    }
}

/// Shape: `{"allowed_devices": [{"device": {"path": "/dev/x"}, "access": {"read": true, "write": true, "mknod": true}}]}`.
fn entries(text: &str) -> Result<Vec<Rule>, String> {
    let list: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list =
        list.get("allowed_devices").and_then(|list| list.as_array()).ok_or("allowed_devices is missing")?;
    list.iter().map(entry).collect()
}

fn entry(device: &serde_json::Value) -> Result<Rule, String> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let access = device.get("access").ok_or("access is missing")?;
    let may = |name: &str| access.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
    let access = Access { read: may("read"), write: may("write"), mknod: may("mknod") };
    let device = device.get("device").ok_or("device is missing")?;
    if let Some(path) = device.get("path").and_then(|path| path.as_str()) {
        let found = std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?;
        let kind = match found.file_type() {
            kind if kind.is_char_device() => Kind::Char,
            kind if kind.is_block_device() => Kind::Block,
            _ => return Err(format!("{path} is no device")),
        };
        let (major, minor) = agent_linux::disk::device_numbers(found.rdev());
        return Ok(Rule { kind, major: Some(major), minor: Some(minor), access });
    }
    let number = device.get("number").ok_or("device has neither path nor number")?;
    let part = |name: &str| {
        let value =
            number.get(name).and_then(serde_json::Value::as_u64).ok_or(format!("{name} is missing"))?;
        u32::try_from(value).map(Some).map_err(|_| format!("{name} {value} is too large"))
    };
    let block = number.get("type").and_then(|kind| kind.as_str()) == Some("BLOCK_DEVICE");
    let kind = if block { Kind::Block } else { Kind::Char };
    Ok(Rule { kind, major: part("major_number")?, minor: part("minor_number")?, access })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_devices_is_spelled_as_the_kernel_wants_it() {
        let list = r#"{"allowed_devices": [{"device": {"path": "/dev/null"}, "access": {"read": true, "mknod": true}}]}"#;
        let said: Vec<String> = entries(list).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(said, ["c 1:3 rm"]);
        let none = r#"{"allowed_devices": [{"device": {"path": "/dev"}, "access": {}}]}"#;
        assert_eq!(entries(none).unwrap_err(), "/dev is no device");
    }
}

//! `cgroups/devices`: which devices a container may open and make.

use agent_cgroups::{Controller, Group, Setting};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;

/// What every container may use: as the kernel's device list spells it.
///
/// Source: Mesos, cgroups/devices: making any node; the console, terminals, null, zero, full, random, urandom.
const USUAL: [&str; 13] = [
    "c *:* m",
    "b *:* m",
    "c 5:1 rwm",
    "c 4:0 rwm",
    "c 4:1 rwm",
    "c 136:* rwm",
    "c 5:2 rwm",
    "c 10:200 rwm",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 5:0 rwm",
    "c 1:9 rwm",
];
const RANDOM: &str = "c 1:8 rwm";

/// A list of what is allowed; nothing else is.
#[derive(Debug)]
pub(super) struct Devices {
    allowed: Vec<String>,
}

impl Devices {
    /// The usual ones and those of `more`, Mesos' `DeviceWhitelist` as JSON.
    ///
    /// Errors: it is none, or names a device that is not there.
    pub(super) fn new(more: Option<&str>) -> Result<Self, String> {
        let mut allowed: Vec<String> =
            USUAL.iter().chain([&RANDOM]).map(|entry| (*entry).to_owned()).collect();
        if let Some(text) = more {
            allowed.extend(entries(text)?);
        }
        Ok(Self { allowed })
    }
}

impl Subsystem for Devices {
    fn plan(&self, _: &ContainerId, _: &Share, _: &Group, new: bool) -> Result<Vec<Setting>, String> {
        if !new {
            return Ok(Vec::new());
        }
        let value = |file, text: &str| Setting::Value {
            controller: Controller::Devices,
            file,
            text: text.to_owned(),
        };
        let allowed = self.allowed.iter().map(|entry| value("devices.allow", entry));
        Ok([value("devices.deny", "a")].into_iter().chain(allowed).collect())
    }
}

/// Shape: `{"allowed_devices": [{"device": {"path": "/dev/x"}, "access": {"read": true, "write": true, "mknod": true}}]}`.
fn entries(text: &str) -> Result<Vec<String>, String> {
    let list: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list =
        list.get("allowed_devices").and_then(|list| list.as_array()).ok_or("allowed_devices is missing")?;
    list.iter().map(entry).collect()
}

fn entry(device: &serde_json::Value) -> Result<String, String> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let access = device.get("access").ok_or("access is missing")?;
    let may = |name: &str, letter: &'static str| {
        if access.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false) { letter } else { "" }
    };
    let access = format!("{}{}{}", may("read", "r"), may("write", "w"), may("mknod", "m"));
    let device = device.get("device").ok_or("device is missing")?;
    if let Some(path) = device.get("path").and_then(|path| path.as_str()) {
        let found = std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?;
        let kind = match found.file_type() {
            kind if kind.is_char_device() => 'c',
            kind if kind.is_block_device() => 'b',
            _ => return Err(format!("{path} is no device")),
        };
        let (major, minor) = agent_linux::disk::device_numbers(found.rdev());
        return Ok(format!("{kind} {major}:{minor} {access}"));
    }
    let number = device.get("number").ok_or("device has neither path nor number")?;
    let part =
        |name: &str| number.get(name).and_then(serde_json::Value::as_u64).ok_or(format!("{name} is missing"));
    let kind =
        if number.get("type").and_then(|kind| kind.as_str()) == Some("BLOCK_DEVICE") { 'b' } else { 'c' };
    Ok(format!("{kind} {}:{} {access}", part("major_number")?, part("minor_number")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_devices_is_spelled_as_the_kernel_wants_it() {
        let list = r#"{"allowed_devices": [{"device": {"path": "/dev/null"}, "access": {"read": true, "mknod": true}}]}"#;
        assert_eq!(entries(list).unwrap(), ["c 1:3 rm"]);
        let none = r#"{"allowed_devices": [{"device": {"path": "/dev"}, "access": {}}]}"#;
        assert_eq!(entries(none).unwrap_err(), "/dev is no device");
    }
}

//! `linux/devices`: the devices of `--allowed_devices` in the `/dev` of containers that have one of their own. Whether they may be
//! opened is for `cgroups/devices` to say.

use agent_launch::isolation::{Mount, Place, Propagation};

use super::config::IsolationConfig;
use super::isolator::{Isolator, Plan, Subject};

/// Shows them where the host has them.
#[derive(Debug)]
pub(super) struct LinuxDevices {
    paths: Vec<String>,
}

impl LinuxDevices {
    /// Errors: the list is none. (Whether the devices are there is looked at by `cgroups/devices`.)
    pub(super) fn new(config: &IsolationConfig) -> Result<Self, String> {
        let paths = config.allowed_devices.as_deref().map_or(Ok(Vec::new()), paths);
        Ok(Self { paths: paths.map_err(|why| format!("--allowed_devices: {why}"))? })
    }
}

impl Isolator for LinuxDevices {
    fn name(&self) -> &'static str {
        "linux/devices"
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        // Others see those of the host, or of the container around them.
        if subject.image.is_some_and(|image| !image.shared) {
            plan.isolation.mounts.extend(self.paths.iter().map(|path| {
                let place = Place::Trusted(path.clone());
                let (source, propagation) = (place.clone(), Propagation::Private);
                Mount::Bind { source, target: place, read_only: false, propagation }
            }));
        }
        Ok(())
    }
}

/// Those that are named by a path; a bare number has no place in a directory.
fn paths(text: &str) -> Result<Vec<String>, String> {
    let list: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = list["allowed_devices"].as_array().ok_or("allowed_devices is missing")?;
    let named = list.iter().filter_map(|entry| entry["device"]["path"].as_str());
    let below = |path: &str| match path.strip_prefix("/dev/") {
        Some(rest) if !rest.split('/').any(|part| part == "..") => Ok(path.to_owned()),
        _ => Err(format!("'{path}' is not below /dev")),
    };
    named.map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_named_by_a_path_are_shown_there() {
        let list = r#"{"allowed_devices": [{"device": {"path": "/dev/fuse"}},
            {"device": {"number": {"type": "CHARACTER_DEVICE", "major_number": 1, "minor_number": 3}}}]}"#;
        assert_eq!(paths(list).unwrap(), ["/dev/fuse"]);
        assert_eq!(
            paths(r#"{"allowed_devices": [{"device": {"path": "/etc/x"}}]}"#).unwrap_err(),
            "'/etc/x' is not below /dev"
        );
    }
}

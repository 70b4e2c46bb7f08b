//! Which isolators a line of names means.

use std::collections::BTreeSet;

/// Names that stand for an isolator of ours. Where a name comes in this list is where it comes in a launch.
///
/// Source: Mesos' agent flag `isolation`; the last three are ours.
pub(crate) const KNOWN: &[&str] = &[
    "filesystem/posix",
    "filesystem/shared",
    "filesystem/linux",
    "posix/cpu",
    "posix/mem",
    "posix/rlimits",
    "gpu/nvidia",
    "cgroups/cpu",
    "cgroups/mem",
    "cgroups/pids",
    "cgroups/cpuset",
    "cgroups/devices",
    "cgroups/blkio",
    "cgroups/hugetlb",
    "cgroups/net_cls",
    "cgroups/net_prio",
    "cgroups/perf_event",
    "disk/du",
    "disk/xfs",
    "network/ports",
    "docker/runtime",
    "volume/host_path",
    "volume/sandbox_path",
    "volume/secret",
    "environment_secret",
    "linux/devices",
    "linux/capabilities",
    "linux/nnp",
    "linux/seccomp",
    "namespaces/ipc",
    "namespaces/pid",
    "namespaces/uts",
    "namespaces/cgroup",
    "namespaces/net",
];

/// Names of Mesos that we have no isolator for yet.
const LATER: &[&str] =
    &["appc/runtime", "docker/volume", "network/cni", "network/port_mapping", "volume/csi", "volume/image"];

/// What `cgroups/all` means, as far as a machine has it.
pub(crate) fn of_cgroups() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().copied().filter(|name| name.starts_with("cgroups/"))
}

/// What a line of names asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    names: BTreeSet<&'static str>,
    /// `cgroups/all` was said: what the machine lacks is left out rather than refused.
    pub all_cgroups: bool,
}

impl Wanted {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// In the order of a launch.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static str> {
        KNOWN.iter().copied().filter(|name| self.has(name))
    }
}

/// Reads a line of names, with what Mesos adds to them.
///
/// Errors: a name nobody knows or that is not supported yet; two that exclude each other.
pub(crate) fn parse(line: &str) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    for name in line.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name {
            "process" => wanted.names.extend(["posix/cpu", "posix/mem"]),
            "cgroups" => wanted.names.extend(["cgroups/cpu", "cgroups/mem"]),
            "cgroups/all" => {
                wanted.all_cgroups = true;
                wanted.names.extend(of_cgroups());
            }
            // Sees what a container uses, whatever is asked for.
            "posix/disk" => drop(wanted.names.insert("disk/du")),
            _ => match KNOWN.iter().find(|known| **known == name) {
                Some(known) => drop(wanted.names.insert(*known)),
                None if LATER.contains(&name) => return Err(format!("'{name}' is not supported yet")),
                None if name.starts_with("windows/") || name == "filesystem/windows" => {
                    return Err(format!("'{name}' is for Windows"));
                }
                None => return Err(format!("there is no isolator '{name}'; there are {}", KNOWN.join(", "))),
            },
        }
    }
    let filesystems: Vec<_> =
        wanted.iter().filter(|name| matches!(*name, "filesystem/posix" | "filesystem/linux")).collect();
    match filesystems.len() {
        0 => drop(wanted.names.insert("filesystem/posix")),
        1 => {}
        _ => return Err(format!("only one of {} can be", filesystems.join(", "))),
    }
    if wanted.has("filesystem/linux") {
        wanted.names.extend(["volume/host_path", "volume/sandbox_path"]);
    }
    for name in ["volume/host_path", "volume/secret", "docker/runtime"] {
        if wanted.has(name) && !wanted.has("filesystem/linux") {
            return Err(format!("'{name}' needs 'filesystem/linux'"));
        }
    }
    for who in ["linux/devices", "gpu/nvidia"] {
        for name in ["filesystem/linux", "cgroups/devices"] {
            if wanted.has(who) && !wanted.has(name) {
                return Err(format!("'{who}' needs '{name}'"));
            }
        }
    }
    for [one, other] in [["filesystem/shared", "filesystem/linux"], ["disk/du", "disk/xfs"]] {
        if wanted.has(one) && wanted.has(other) {
            return Err(format!("'{one}' and '{other}' exclude each other"));
        }
    }
    wanted.names.insert("environment_secret");
    Ok(wanted)
}

/// Those that a process without root's rights cannot have.
pub(crate) fn needs_root(name: &str) -> bool {
    name.starts_with("cgroups/")
        || name.starts_with("namespaces/")
        || matches!(
            name,
            "disk/xfs"
                | "filesystem/linux"
                | "network/ports"
                | "filesystem/shared"
                | "linux/capabilities"
                | "volume/host_path"
                | "volume/secret"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<&'static str> {
        parse(line).unwrap().iter().collect()
    }

    #[test]
    fn older_names_stand_for_what_they_did() {
        assert_eq!(
            names("cgroups"),
            ["filesystem/posix", "cgroups/cpu", "cgroups/mem", "environment_secret"]
        );
        assert_eq!(
            names("process,posix/disk"),
            ["filesystem/posix", "posix/cpu", "posix/mem", "disk/du", "environment_secret"]
        );
    }

    #[test]
    fn a_mount_namespace_brings_its_volumes_and_the_order_is_ours() {
        assert_eq!(
            names("cgroups/mem,filesystem/linux"),
            [
                "filesystem/linux",
                "cgroups/mem",
                "volume/host_path",
                "volume/sandbox_path",
                "environment_secret"
            ]
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let error = |line: &str| parse(line).unwrap_err();
        assert_eq!(error("network/cni"), "'network/cni' is not supported yet");
        assert!(error("cgroups/cpus").starts_with("there is no isolator 'cgroups/cpus'; there are "));
        assert_eq!(
            error("filesystem/posix,filesystem/linux"),
            "only one of filesystem/posix, filesystem/linux can be"
        );
        assert_eq!(error("volume/secret"), "'volume/secret' needs 'filesystem/linux'");
        assert_eq!(error("filesystem/linux,gpu/nvidia"), "'gpu/nvidia' needs 'cgroups/devices'");
        assert_eq!(error("posix/disk,disk/xfs"), "'disk/du' and 'disk/xfs' exclude each other");
    }
}

//! Where a host keeps its control groups, from its own mount table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::controller::{Controller, Version};

/// The hierarchies of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchies {
    v1: BTreeMap<Controller, PathBuf>,
    unified: Option<PathBuf>,
    /// Names from the unified root's `cgroup.controllers`: what v1 has not taken.
    v2: BTreeSet<String>,
}

impl Hierarchies {
    /// Those of this machine. With `base`, v1 hierarchies mounted elsewhere do not count.
    ///
    /// Errors: the mount table cannot be read.
    pub fn find(base: Option<&Path>) -> io::Result<Self> {
        let table = fs::read_to_string("/proc/self/mountinfo")?;
        Ok(Self::parse(&table, base, |unified| {
            fs::read_to_string(unified.join("cgroup.controllers")).unwrap_or_default()
        }))
    }

    /// Reads a mount table; `controllers` tells what the unified root's `cgroup.controllers` says.
    ///
    /// Source: proc_pid_mountinfo(5).
    pub fn parse(table: &str, base: Option<&Path>, controllers: impl Fn(&Path) -> String) -> Self {
        let mut found = Self::default();
        for line in table.lines() {
            let Some((head, tail)) = line.split_once(" - ") else { continue };
            let Some(place) = head.split(' ').nth(4).map(unescape) else { continue };
            let mut tail = tail.split(' ');
            match tail.next() {
                // The first one is the host's; later ones may be another view of it.
                Some("cgroup2") if found.unified.is_none() => {
                    found.v2 = controllers(&place).split_whitespace().map(str::to_owned).collect();
                    found.unified = Some(place);
                }
                Some("cgroup") if base.is_none_or(|base| place.starts_with(base)) => {
                    let options = tail.nth(1).unwrap_or_default();
                    for controller in options.split(',').filter_map(Controller::from_name) {
                        found.v1.entry(controller).or_insert_with(|| place.clone());
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The same host as one that has no v2 at all.
    pub fn without_unified(mut self) -> Self {
        self.unified = None;
        self.v2.clear();
        self
    }

    /// Where a controller is mounted, and how it speaks; v1 comes first, since a controller it has, v2 lacks.
    pub fn place(&self, controller: Controller) -> Option<(&Path, Version)> {
        if let Some(place) = self.v1.get(&controller) {
            return Some((place, Version::V1));
        }
        let unified = self.unified.as_deref()?;
        // Parts of `cpu` and of every group follow it where it is; devices are for a program that a group is given.
        let there = match (controller, controller.v2_name()) {
            (_, Some(name)) => self.v2.contains(name),
            (Controller::NetCls | Controller::NetPrio, None) => false,
            (_, None) => true,
        };
        there.then_some((unified, Version::V2))
    }

    /// Whether groups below the root have a controller: on v2 they do once whoever runs the machine has said so there.
    pub fn hands_down(&self, controller: Controller) -> bool {
        match (self.place(controller), controller.v2_name()) {
            (Some((unified, Version::V2)), Some(name)) => {
                let said = fs::read_to_string(unified.join("cgroup.subtree_control")).unwrap_or_default();
                said.split_whitespace().any(|said| said == name)
            }
            (place, _) => place.is_some(),
        }
    }

    /// Where v2 is mounted, with or without controllers.
    pub fn unified(&self) -> Option<&Path> {
        self.unified.as_deref()
    }

    /// Whether this host has v2 alone.
    pub fn is_pure_v2(&self) -> bool {
        self.unified.is_some() && self.v1.is_empty()
    }

    /// `v1`, `hybrid`, `v2` or `none`.
    pub fn mode(&self) -> &'static str {
        match (self.v1.is_empty(), &self.unified) {
            (false, None) => "v1",
            (false, Some(_)) => "hybrid",
            (true, Some(_)) => "v2",
            (true, None) => "none",
        }
    }
}

/// Spaces and backslashes stand as octal numbers in the table.
fn unescape(text: &str) -> PathBuf {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let digits: Vec<u8> = bytes.by_ref().take(3).collect();
        let number = digits.iter().try_fold(0u32, |sum, digit| {
            matches!(digit, b'0'..=b'7').then(|| sum * 8 + u32::from(digit - b'0'))
        });
        match number.and_then(|number| u8::try_from(number).ok()) {
            Some(byte) => out.push(byte),
            None => out.extend([b'\\'].into_iter().chain(digits)),
        }
    }
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(out).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime - cgroup2 cgroup2 rw
42 31 0:29 / /elsewhere/pids rw,relatime - cgroup cgroup rw,pids";

    fn parse(table: &str, base: Option<&str>, controllers: &str) -> Hierarchies {
        Hierarchies::parse(table, base.map(Path::new), |_| controllers.to_owned())
    }

    #[test]
    fn a_hybrid_host_has_its_controllers_on_v1_and_the_rest_on_v2() {
        let found = parse(HYBRID, None, "io\n");
        assert_eq!(found.mode(), "hybrid");
        assert_eq!(
            found.place(Controller::Cpuacct),
            Some((Path::new("/sys/fs/cgroup/cpu,cpuacct"), Version::V1))
        );
        assert_eq!(found.place(Controller::Blkio), Some((Path::new("/sys/fs/cgroup/uni fied"), Version::V2)));
        assert_eq!(found.place(Controller::Hugetlb), None);
        assert_eq!(found.place(Controller::Pids), Some((Path::new("/elsewhere/pids"), Version::V1)));
    }

    #[test]
    fn what_v2_has_is_handed_down_once_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let table = format!("1 2 0:3 / {} rw - cgroup2 cgroup2 rw", dir.path().display());
        let found = parse(&table, None, "io hugetlb");
        fs::write(dir.path().join("cgroup.subtree_control"), "io\n").unwrap();
        let handed = |controller| found.hands_down(controller);
        assert!(handed(Controller::Blkio) && !handed(Controller::Hugetlb) && !handed(Controller::Memory));
        assert!(handed(Controller::Devices) && handed(Controller::Freezer) && !handed(Controller::NetCls));
    }

    #[test]
    fn a_base_excludes_hierarchies_mounted_elsewhere() {
        let found = parse(HYBRID, Some("/sys/fs/cgroup"), "");
        assert_eq!(found.place(Controller::Pids), None);
        assert!(found.place(Controller::Memory).is_some());
    }

    #[test]
    fn a_v2_host_has_what_its_root_offers() {
        let found = parse("1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", None, "cpu memory pids");
        assert!(found.is_pure_v2());
        assert_eq!(found.place(Controller::Cpuacct), Some((Path::new("/sys/fs/cgroup"), Version::V2)));
        assert_eq!(found.place(Controller::NetCls), None);
        assert_eq!(found.place(Controller::Cpuset), None);
        assert_eq!(found.place(Controller::Devices), Some((Path::new("/sys/fs/cgroup"), Version::V2)));
        assert_eq!(found.without_unified().mode(), "none");
    }
}

//! `cgroups/blkio`: what a container reads from and writes to disks.

use std::fs;
use std::path::Path;

use agent_cgroups::{Controller, Group, Setting, Version};
use model::ContainerId;

use super::shares::Share;
use super::subsystem::Subsystem;
use crate::containerizer::{BlockIo, Usage};

/// Counts; Mesos has no resource of a disk's speed.
#[derive(Debug)]
pub(super) struct Blkio;

impl Subsystem for Blkio {
    fn plan(&self, _: &ContainerId, _: &Share, _: &Group, _: bool) -> Result<Vec<Setting>, String> {
        Ok(Vec::new())
    }

    fn usage(&self, _: &ContainerId, group: &Group, _: &Share, usage: &mut Usage) {
        let Some((dir, version)) = group.dir(Controller::Blkio) else { return };
        let read = |name: &str| fs::read_to_string(Path::new(dir).join(name)).unwrap_or_default();
        usage.block_io = match version {
            Version::V1 => v1(
                &read("blkio.throttle.io_service_bytes_recursive"),
                &read("blkio.throttle.io_serviced_recursive"),
            ),
            Version::V2 => v2(&read("io.stat")),
        };
    }
}

/// Lines `major:minor Operation number`.
fn v1(bytes: &str, operations: &str) -> Vec<BlockIo> {
    let mut found: Vec<BlockIo> = Vec::new();
    for (text, is_bytes) in [(bytes, true), (operations, false)] {
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [device, operation, number] = words[..] else { continue };
            let (Some(device), Ok(number)) = (self::device(device), number.parse::<u64>()) else { continue };
            let at = found.iter().position(|io| io.device == device).unwrap_or_else(|| {
                found.push(BlockIo { device, ..BlockIo::default() });
                found.len() - 1
            });
            let io = &mut found[at];
            match (operation, is_bytes) {
                ("Read", true) => io.read_bytes = number,
                ("Write", true) => io.written_bytes = number,
                ("Read", false) => io.reads = number,
                ("Write", false) => io.writes = number,
                _ => {}
            }
        }
    }
    found
}

/// Lines `major:minor rbytes=… wbytes=… rios=… wios=…`.
fn v2(text: &str) -> Vec<BlockIo> {
    let line = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        let mut io = BlockIo { device: device(name)?, ..BlockIo::default() };
        for (key, value) in rest.split(' ').filter_map(|pair| pair.split_once('=')) {
            let Ok(number) = value.parse() else { continue };
            match key {
                "rbytes" => io.read_bytes = number,
                "wbytes" => io.written_bytes = number,
                "rios" => io.reads = number,
                "wios" => io.writes = number,
                _ => {}
            }
        }
        Some(io)
    };
    text.lines().filter_map(line).collect()
}

fn device(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_tell_the_same() {
        let expected =
            BlockIo { device: (254, 0), read_bytes: 4096, written_bytes: 8192, reads: 1, writes: 2 };
        let bytes = "254:0 Read 4096\n254:0 Write 8192\n254:0 Total 12288\nTotal 12288\n";
        assert_eq!(v1(bytes, "254:0 Read 1\n254:0 Write 2\n"), [expected]);
        assert_eq!(v2("254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n"), [expected]);
    }
}

//! `cgroups/mem`: how much memory a container may have, and what becomes of one that wants more.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use agent_cgroups::{Controller, Group, Setting, Version};
use agent_linux::pressure::Pressure;
use model::{ContainerId, Resource, Resources, Scalar};
use parking_lot::Mutex;

use super::shares::Share;
use super::subsystem::Subsystem;
use crate::containerizer::Usage;
use crate::isolators::isolator::{Limitation, LimitationKind};

/// Source: Mesos, cgroups/mem.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Swap counts too (v1 alone).
    limit_swap: bool,
    /// How often memory was short, where the kernel says so (v1 alone); `None` where it does not.
    pressure: Mutex<BTreeMap<ContainerId, Option<Pressure>>>,
}

/// What the kernel says now of a group that is to be changed.
#[derive(Clone, Copy, Debug, Default)]
struct Now {
    /// `None` is no limit.
    limit: Option<u64>,
    used: u64,
}

impl Memory {
    pub(super) fn new(limit_swap: bool) -> Self {
        Self { limit_swap, pressure: Mutex::default() }
    }

    /// How often memory was short in a group; from now on, if nobody has counted yet.
    fn pressure(&self, id: &ContainerId, group: &Group) -> Option<[u64; 3]> {
        let (dir, version) = group.dir(Controller::Memory)?;
        if version != Version::V1 {
            return None;
        }
        let watch = || {
            let watched = Pressure::watch(dir);
            watched
                .inspect_err(|error| tracing::warn!(container = %id, %error, "pressure is not counted"))
                .ok()
        };
        let mut known = self.pressure.lock();
        known.entry(id.clone()).or_insert_with(watch).as_ref().map(Pressure::counts)
    }

    /// A running container's limit only grows: v1 refuses a lower one that is exceeded, v2 would kill for it. What a
    /// container gave back it loses when others are short.
    fn settings(&self, share: &Share, version: Version, now: Option<Now>) -> Vec<Setting> {
        if share.memory == 0 && share.memory_limit.is_none() {
            return Vec::new();
        }
        let mut settings = vec![Setting::MemorySoft(share.memory)];
        let max = share.memory_max();
        let (grows, first) = match now {
            None => (true, true),
            Some(now) => (now.limit.is_some_and(|limit| max.is_none_or(|max| max > limit)), false),
        };
        let fits = version == Version::V2
            && now.is_some_and(|now| {
                max.is_some_and(|max| now.limit.is_none_or(|limit| max < limit) && now.used < max)
            });
        if grows || fits {
            let swap = (self.limit_swap && version == Version::V1).then_some(Setting::MemorySwapLimit(max));
            // The limit of both is never below that of memory alone, so which comes first depends on the direction.
            match swap {
                Some(swap) if first => settings.extend([Setting::MemoryLimit(max), swap]),
                Some(swap) => settings.extend([swap, Setting::MemoryLimit(max)]),
                None => settings.push(Setting::MemoryLimit(max)),
            }
        }
        if first && version == Version::V2 {
            let all = Setting::Value {
                controller: Controller::Memory,
                file: "memory.oom.group",
                text: "1".to_owned(),
            };
            settings.push(all);
        }
        settings
    }
}

impl Subsystem for Memory {
    fn plan(&self, _: &ContainerId, share: &Share, group: &Group, new: bool) -> Result<Vec<Setting>, String> {
        let version = group.dir(Controller::Memory).map_or(Version::V1, |(_, version)| version);
        let now = if new {
            None
        } else {
            let figures = group.memory().ok_or("the kernel does not say how much memory it uses")?;
            Some(Now { limit: figures.limit, used: figures.total })
        };
        Ok(self.settings(share, version, now))
    }

    fn equip(&self, id: &ContainerId, group: &Group, new: bool) -> Result<(), String> {
        if new {
            self.pressure(id, group);
        }
        Ok(())
    }

    fn usage(&self, id: &ContainerId, group: &Group, _: &Share, usage: &mut Usage) {
        let Some(mut figures) = group.memory() else { return };
        if !self.limit_swap {
            figures.total_and_swap = None;
        }
        usage.resident_bytes = figures.anon;
        usage.memory = Some(figures);
        usage.memory_pressure = self.pressure(id, group);
    }

    fn cleanup(&self, id: &ContainerId) {
        self.pressure.lock().remove(id);
    }

    fn limitation(&self, group: &Group) -> Option<Limitation> {
        if group.oom_kills() == 0 {
            return None;
        }
        let figures = group.memory()?;
        let (dir, _) = group.dir(Controller::Memory)?;
        let stat = fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
        Some(exceeded(figures.limit, figures.peak.unwrap_or(figures.total), &stat))
    }
}

/// What a container that was out of memory is told.
///
/// Source: Mesos, cgroups/mem: the message names what was asked for and the most that was used, in megabytes.
fn exceeded(limit: Option<u64>, peak: u64, stat: &str) -> Limitation {
    // An out-of-memory kill happens at the limit; the kernel's peak may miss the last pages.
    let used = limit.map_or(peak, |limit| if peak + (1 << 20) > limit { peak.max(limit) } else { peak });
    let megabytes = |bytes: u64| bytes >> 20;
    let mut message = "Memory limit exceeded: ".to_owned();
    if let Some(limit) = limit {
        let _ = write!(message, "Requested: {}MB ", megabytes(limit));
    }
    let _ = write!(message, "Maximum Used: {}MB\n\nMEMORY STATISTICS: \n", megabytes(used));
    for line in stat.lines().take(64) {
        let _ = writeln!(message, "{line}");
    }
    let amount = Scalar::from_thousandths(((u128::from(used) * 1000) >> 20) as i64);
    let resources: Resources = [Resource::scalar("mem", amount)].into_iter().collect();
    Limitation { kind: LimitationKind::Memory, message, resources }
}

#[cfg(test)]
mod tests {
    use super::super::shares::Bound;
    use super::*;

    const MIB: u64 = 1 << 20;

    fn share(mib: u64) -> Share {
        Share { memory: mib * MIB, ..Share::default() }
    }

    fn said(memory: &Memory, share: Share, version: Version, now: Option<Now>) -> Vec<String> {
        memory.settings(&share, version, now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_request_is_soft_and_hard_and_a_limit_is_hard_alone() {
        assert_eq!(
            said(&Memory::default(), share(64), Version::V1, None),
            ["memory soft limit 67108864", "memory limit 67108864"]
        );
        let limited = Share { memory_limit: Some(Bound::At(128 * MIB)), ..share(64) };
        assert_eq!(said(&Memory::default(), limited, Version::V1, None)[1], "memory limit 134217728");
        let unlimited = Share { memory_limit: Some(Bound::Infinite), ..share(64) };
        assert_eq!(said(&Memory::default(), unlimited, Version::V1, None)[1], "memory limit max");
        assert_eq!(said(&Memory::default(), share(64), Version::V2, None)[2], "memory.oom.group 1");
    }

    #[test]
    fn a_running_containers_limit_grows_and_does_not_shrink_below_what_it_uses() {
        let now = Some(Now { limit: Some(64 * MIB), used: 40 * MIB });
        assert_eq!(said(&Memory::default(), share(128), Version::V1, now).len(), 2);
        assert_eq!(said(&Memory::default(), share(32), Version::V1, now), ["memory soft limit 33554432"]);
        assert_eq!(said(&Memory::default(), share(32), Version::V2, now), ["memory soft limit 33554432"]);
        assert_eq!(said(&Memory::default(), share(48), Version::V2, now).len(), 2);
    }

    #[test]
    fn swap_is_limited_in_an_order_the_kernel_takes() {
        let both = Memory::new(true);
        let first = said(&both, share(64), Version::V1, None);
        assert!(first[1].starts_with("memory limit") && first[2].starts_with("memory and swap"), "{first:?}");
        let now = Some(Now { limit: Some(32 * MIB), used: 0 });
        let later = said(&both, share(64), Version::V1, now);
        assert!(later[1].starts_with("memory and swap") && later[2].starts_with("memory limit"), "{later:?}");
    }

    #[test]
    fn who_is_out_of_memory_is_told_the_figures() {
        let told = exceeded(Some(32 * MIB), 32 * MIB - 4096, "cache 0\nrss 33550336\n");
        assert!(
            told.message.starts_with("Memory limit exceeded: Requested: 32MB Maximum Used: 32MB\n\nMEMORY"),
            "{}",
            told.message
        );
        assert!(told.message.contains("rss 33550336"));
        assert_eq!(told.resources.to_string(), "mem:32");
    }
}

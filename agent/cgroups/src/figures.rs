//! What a container used, from the kernel's own counters.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cgroups_rs::pid::PidController;

use crate::controller::{Controller, Version};
use crate::group::Group;

/// Processor time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuFigures {
    /// Unit: microseconds.
    pub user_micros: u64,
    /// Unit: microseconds.
    pub system_micros: u64,
    /// Periods in which a quota was in force, and those in which it was used up.
    pub periods: Option<[u64; 2]>,
    /// How long the container stood still for want of quota. Unit: nanoseconds.
    pub throttled_nanos: Option<u64>,
}

/// Memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// Unit of all that follow: bytes. All that is charged, file cache included.
    pub total: u64,
    /// The most that ever was; `None` where the kernel does not keep it.
    pub peak: Option<u64>,
    /// Memory and swap, where v1 counts it.
    pub total_and_swap: Option<u64>,
    pub limit: Option<u64>,
    pub soft_limit: Option<u64>,
    pub file: u64,
    pub anon: u64,
    pub mapped_file: u64,
    pub swap: Option<u64>,
    pub unevictable: u64,
    pub kernel: Option<u64>,
    pub kernel_tcp: Option<u64>,
    /// How many processes were killed for want of memory.
    pub oom_kills: u64,
}

/// Processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PidsFigures {
    /// Processes and threads.
    pub current: u64,
    /// How often a fork was refused.
    pub refused: u64,
}

impl Group {
    /// What the container used of processors; `None` if it is not counted.
    pub fn cpu(&self) -> Option<CpuFigures> {
        let mut figures = CpuFigures::default();
        match self.dir(Controller::Cpuacct) {
            Some((dir, Version::V1)) => {
                let stat = keyed(&dir.join("cpuacct.stat"));
                // The kernel counts in hundredths of a second here, whatever its own tick is.
                figures.user_micros = stat.get("user")? * 10_000;
                figures.system_micros = stat.get("system")? * 10_000;
            }
            Some((dir, Version::V2)) => {
                let stat = keyed(&dir.join("cpu.stat"));
                figures.user_micros = *stat.get("user_usec")?;
                figures.system_micros = *stat.get("system_usec")?;
            }
            None => return None,
        }
        if let Some((dir, version)) = self.dir(Controller::Cpu) {
            let stat = keyed(&dir.join("cpu.stat"));
            let number = |name: &str| stat.get(name).copied();
            figures.periods = number("nr_periods").zip(number("nr_throttled")).map(|(all, used)| [all, used]);
            figures.throttled_nanos = match version {
                Version::V1 => number("throttled_time"),
                Version::V2 => number("throttled_usec").map(|micros| micros * 1000),
            };
        }
        Some(figures)
    }

    /// What the container uses of memory; `None` if it is not counted.
    pub fn memory(&self) -> Option<MemoryFigures> {
        let (dir, version) = self.dir(Controller::Memory)?;
        let number = |name: &str| number(&dir.join(name));
        let stat = keyed(&dir.join("memory.stat"));
        let of = |name: &str| stat.get(name).copied().unwrap_or_default();
        Some(match version {
            Version::V1 => MemoryFigures {
                total: number("memory.usage_in_bytes")?,
                peak: number("memory.max_usage_in_bytes"),
                total_and_swap: number("memory.memsw.usage_in_bytes"),
                limit: number("memory.limit_in_bytes"),
                soft_limit: number("memory.soft_limit_in_bytes"),
                file: of("total_cache"),
                anon: of("total_rss"),
                mapped_file: of("total_mapped_file"),
                swap: stat.get("total_swap").copied(),
                unevictable: of("total_unevictable"),
                kernel: number("memory.kmem.usage_in_bytes"),
                kernel_tcp: number("memory.kmem.tcp.usage_in_bytes"),
                oom_kills: self.oom_kills(),
            },
            Version::V2 => MemoryFigures {
                total: number("memory.current")?,
                peak: number("memory.peak"),
                total_and_swap: None,
                limit: number("memory.max"),
                soft_limit: number("memory.low"),
                file: of("file"),
                anon: of("anon"),
                mapped_file: of("file_mapped"),
                swap: number("memory.swap.current"),
                unevictable: of("unevictable"),
                kernel: stat.get("kernel").copied(),
                kernel_tcp: stat.get("sock").copied(),
                oom_kills: self.oom_kills(),
            },
        })
    }

    /// How many processes were killed because the container wanted more memory than it may have.
    pub fn oom_kills(&self) -> u64 {
        let Some((dir, version)) = self.dir(Controller::Memory) else { return 0 };
        let of = |file: &str, name: &str| keyed(&dir.join(file)).get(name).copied();
        match version {
            Version::V1 => of("memory.oom_control", "oom_kill").unwrap_or_default(),
            // Kills are counted in every group around whoever was killed; whose limit it was for, in that group's own
            // file alone (before Linux 5.2 there is none).
            Version::V2 if of("memory.events.local", "oom") == Some(0) => 0,
            Version::V2 => of("memory.events", "oom_kill").unwrap_or_default(),
        }
    }

    /// How many processes and threads the container has; `None` if they are not counted.
    pub fn pids(&self) -> Option<PidsFigures> {
        let (dir, version) = self.dir(Controller::Pids)?;
        let pids = PidController::new(dir.to_owned(), version == Version::V2);
        Some(PidsFigures {
            current: pids.get_pid_current().ok()?,
            refused: pids.get_pid_events().unwrap_or_default(),
        })
    }
}

/// A file of one number; `max`, and what v1 says for it, is no number.
pub(crate) fn number(file: &Path) -> Option<u64> {
    let number = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    // v1 rounds "no limit" down to whole pages of a signed number.
    (number < i64::MAX as u64 - (1 << 20)).then_some(number)
}

/// A file of lines `name number`; what is not understood is left out.
fn keyed(file: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let (name, number) = line.split_once(' ')?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn group(dir: &Path, version: Version) -> Group {
        let of = |controller| (controller, (dir.to_owned(), version));
        let places = BTreeMap::from([
            of(Controller::Cpu),
            of(Controller::Cpuacct),
            of(Controller::Memory),
            of(Controller::Pids),
        ]);
        Group::new(places, (dir.to_owned(), version))
    }

    #[test]
    fn figures_of_v2_come_from_its_own_files() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        put(
            "cpu.stat",
            "usage_usec 9\nuser_usec 7\nsystem_usec 2\nnr_periods 5\nnr_throttled 3\nthrottled_usec 4\n",
        );
        put("memory.current", "4096\n");
        put("memory.max", "max\n");
        put("memory.low", "33554432\n");
        put("memory.stat", "anon 1000\nfile 2000\nfile_mapped 500\nunevictable 0\n");
        put("memory.events", "low 0\nhigh 0\nmax 1\noom 1\noom_kill 2\n");
        let group = group(dir.path(), Version::V2);
        assert_eq!(group.oom_kills(), 2);
        put("memory.events.local", "oom 1\noom_kill 0\n");
        assert_eq!(group.oom_kills(), 2);

        let cpu = group.cpu().unwrap();
        assert_eq!((cpu.user_micros, cpu.system_micros), (7, 2));
        assert_eq!((cpu.periods, cpu.throttled_nanos), (Some([5, 3]), Some(4000)));
        let memory = group.memory().unwrap();
        assert_eq!((memory.total, memory.limit, memory.soft_limit), (4096, None, Some(33_554_432)));
        assert_eq!((memory.anon, memory.file, memory.oom_kills), (1000, 2000, 2));
        put("memory.events.local", "oom 0\noom_kill 0\n");
        assert_eq!(group.oom_kills(), 0, "it was a child that broke a limit of its own");
    }

    #[test]
    fn figures_of_v1_come_from_its_own_files() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        put("cpuacct.stat", "user 150\nsystem 25\n");
        put("cpu.stat", "nr_periods 5\nnr_throttled 3\nthrottled_time 4000\n");
        put("memory.usage_in_bytes", "4096\n");
        put("memory.limit_in_bytes", "9223372036854771712\n");
        put("memory.stat", "rss 1\ntotal_rss 1000\ntotal_cache 2000\n");
        put("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
        let group = group(dir.path(), Version::V1);

        let cpu = group.cpu().unwrap();
        assert_eq!((cpu.user_micros, cpu.system_micros), (1_500_000, 250_000));
        assert_eq!(cpu.throttled_nanos, Some(4000));
        let memory = group.memory().unwrap();
        assert_eq!((memory.limit, memory.anon, memory.file, memory.oom_kills), (None, 1000, 2000, 1));
    }
}

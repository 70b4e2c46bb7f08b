//! Who a process is beyond its number, and what it and its descendants use.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::sync::OnceLock;

use crate::pidfd::Pidfd;

/// A process that cannot be confused with a later bearer of its number during one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessId {
    /// Its number.
    pub pid: u32,
    /// Unit: clock ticks since boot.
    pub started: u64,
}

impl ProcessId {
    /// Who bears `pid` now.
    pub fn of(pid: u32) -> io::Result<Self> {
        Ok(Self { pid, started: Stat::read(pid)?.started })
    }

    /// Opens it, unless the number has passed to somebody else.
    ///
    /// Errors: it has ended, or the number is another's.
    pub fn open(self) -> io::Result<Pidfd> {
        let pidfd = Pidfd::open(self.pid)?;
        let now = Self::of(self.pid)?;
        if now.started == self.started {
            Ok(pidfd)
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("process {} is another one by now", self.pid),
            ))
        }
    }
}

/// The line of `/proc/<pid>/stat`, as far as we read it.
///
/// Source: proc(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub pid: u32,
    /// `R`, `S`, `D`, `Z`, …
    pub state: char,
    /// Who is told of its end.
    pub parent: u32,
    /// The session it belongs to.
    pub session: u32,
    /// Unit: clock ticks.
    pub user_ticks: u64,
    /// Unit: clock ticks.
    pub system_ticks: u64,
    /// How many threads it has.
    pub threads: u64,
    /// Unit: clock ticks since boot.
    pub started: u64,
    /// Unit: pages.
    pub resident_pages: u64,
}

impl Stat {
    /// Reads the line of one process.
    ///
    /// Errors: it is gone.
    pub fn read(pid: u32) -> io::Result<Self> {
        // One read gets the whole line; asking for its length first would be of no use.
        let mut line = [0; 1024];
        let length = fs::File::open(format!("/proc/{pid}/stat"))?.read(&mut line)?;
        Self::parse(&line[..length]).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat is not understood"))
        })
    }

    /// The name stands in parentheses and may hold any byte, so the last one closes it.
    fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let (head, tail) = line.rsplit_once(')')?;
        let pid = head.split_once(' ')?.0.parse().ok()?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            pid,
            state: fields.first()?.chars().next()?,
            parent: u32::try_from(number(1)?).ok()?,
            // A session outside our own pid namespace reads as -1 or 0.
            session: fields.get(3)?.parse::<i64>().ok()?.max(0) as u32,
            user_ticks: number(11)?,
            system_ticks: number(12)?,
            threads: number(17)?,
            started: number(19)?,
            resident_pages: number(21)?,
        })
    }
}

/// All processes of one moment.
#[derive(Clone, Debug, Default)]
pub struct Table {
    by_pid: BTreeMap<u32, Stat>,
}

impl Table {
    /// Reads `/proc` once; who ends meanwhile is left out.
    pub fn read() -> io::Result<Self> {
        let mut by_pid = BTreeMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Ok(stat) = Stat::read(pid) {
                by_pid.insert(pid, stat);
            }
        }
        Ok(Self { by_pid })
    }

    /// The process itself, if the number is still its own.
    pub fn get(&self, id: ProcessId) -> Option<&Stat> {
        self.by_pid.get(&id.pid).filter(|stat| stat.started == id.started)
    }

    /// Everything below `root`, parents before children, without `root`.
    pub fn descendants(&self, root: u32) -> Vec<&Stat> {
        let mut children: BTreeMap<u32, Vec<&Stat>> = BTreeMap::new();
        for stat in self.by_pid.values() {
            children.entry(stat.parent).or_default().push(stat);
        }
        let mut found = Vec::new();
        let mut next = vec![root];
        while let Some(pid) = next.pop() {
            for child in children.remove(&pid).unwrap_or_default() {
                found.push(child);
                next.push(child.pid);
            }
        }
        found
    }

    /// Everything in session `session`, its leader included.
    pub fn session(&self, session: u32) -> Vec<&Stat> {
        self.by_pid.values().filter(|stat| stat.session == session).collect()
    }

    /// What everything below `root` uses together; `root` itself is not counted.
    pub fn usage_below(&self, root: ProcessId) -> Option<TreeUsage> {
        self.get(root)?;
        let units = Units::get();
        let mut usage = TreeUsage::default();
        for stat in self.descendants(root.pid) {
            usage.processes += 1;
            usage.threads += stat.threads;
            usage.user_seconds += stat.user_ticks as f64 / units.ticks_per_second as f64;
            usage.system_seconds += stat.system_ticks as f64 / units.ticks_per_second as f64;
            usage.resident_bytes += stat.resident_pages * units.page_bytes;
        }
        Some(usage)
    }
}

/// What a tree of processes uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TreeUsage {
    /// How many processes.
    pub processes: u64,
    /// How many threads.
    pub threads: u64,
    /// Unit: seconds of processor time in user mode, of those still alive.
    pub user_seconds: f64,
    /// Unit: seconds of processor time in the kernel, of those still alive.
    pub system_seconds: f64,
    /// Unit: bytes; shared pages are counted once per process.
    pub resident_bytes: u64,
}

struct Units {
    ticks_per_second: u64,
    page_bytes: u64,
}

impl Units {
    fn get() -> Self {
        let of = |name, otherwise| {
            nix::unistd::sysconf(name).ok().flatten().and_then(|n| u64::try_from(n).ok()).unwrap_or(otherwise)
        };
        Self {
            ticks_per_second: of(nix::unistd::SysconfVar::CLK_TCK, 100).max(1),
            page_bytes: of(nix::unistd::SysconfVar::PAGE_SIZE, 4096),
        }
    }
}

/// Ends `root`, everything below it and everything in its session, until none is left.
///
/// For containers whose supervisor is gone, so that nobody is parent of all. Nothing is touched unless `root`'s number
/// is still its own or its session has members that began after it: a session keeps its number from reuse.
///
/// Returns how many processes were signalled.
pub fn end_tree(root: ProcessId) -> io::Result<usize> {
    let mut signalled = 0;
    // Each round kills all it sees; a round that sees nobody alive ends it. The bound keeps a tree that is
    // unkillable (state D) from holding the caller.
    for _ in 0..64 {
        let table = Table::read()?;
        let mut targets: Vec<ProcessId> = Vec::new();
        if let Some(stat) = table.get(root) {
            targets.push(ProcessId { pid: stat.pid, started: stat.started });
            targets.extend(
                table.descendants(root.pid).iter().map(|s| ProcessId { pid: s.pid, started: s.started }),
            );
        }
        targets.extend(
            table
                .session(root.pid)
                .iter()
                .filter(|s| s.started >= root.started)
                .map(|s| ProcessId { pid: s.pid, started: s.started }),
        );
        targets.retain(|id| table.get(*id).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X')));
        targets.sort_unstable();
        targets.dedup();
        if targets.is_empty() {
            break;
        }
        for id in targets {
            if id.open().and_then(|pidfd| pidfd.signal(libc::SIGKILL)).is_ok() {
                signalled += 1;
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    Ok(signalled)
}

/// The number of this boot: whoever bears another has been through a restart of the machine.
pub fn boot_id() -> io::Result<String> {
    static READ: OnceLock<String> = OnceLock::new();
    if let Some(read) = READ.get() {
        return Ok(read.clone());
    }
    let read = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(READ.get_or_init(|| read.trim().to_owned()).clone())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b (c)) S 7 42 40 0 -1 4194304 1 0 0 0 11 12 0 0 20 0 3 0 777 1000 55 18446744073709551615";
        let stat = Stat::parse(line).unwrap();

        assert_eq!((stat.pid, stat.state, stat.parent, stat.session), (42, 'S', 7, 40));
        assert_eq!((stat.user_ticks, stat.system_ticks), (11, 12));
        assert_eq!((stat.threads, stat.started, stat.resident_pages), (3, 777, 55));
    }

    #[test]
    fn a_start_time_tells_two_bearers_of_a_number_apart() {
        let me = ProcessId::of(std::process::id()).unwrap();
        assert!(me.open().is_ok());
        assert!(ProcessId { started: me.started + 1, ..me }.open().is_err());
    }

    #[test]
    fn a_tree_is_ended_with_everything_below_it() {
        let mut shell =
            Command::new("sh").args(["-c", "sleep 60 & sleep 60 & wait"]).process_group(0).spawn().unwrap();
        let root = ProcessId::of(shell.id()).unwrap();
        while Table::read().unwrap().descendants(root.pid).len() < 2 {
            std::thread::yield_now();
        }
        let usage = Table::read().unwrap().usage_below(root).unwrap();
        assert_eq!(usage.processes, 2);
        assert!(usage.resident_bytes > 0);

        // The children are given to init once the shell is gone, and may be zombies there for a while.
        assert!(end_tree(root).unwrap() >= 3);
        shell.wait().unwrap();
    }

    #[test]
    fn a_boot_has_a_number() {
        assert_eq!(boot_id().unwrap().len(), 36);
    }
}

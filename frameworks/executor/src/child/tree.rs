//! A child with all it has started, found in the kernel's table of processes.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::spawn::Child;

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    pid: i32,
    parent: i32,
    session: i32,
}

/// Signals a child, its descendants, and whatever shares their sessions. What is started while the
/// table is read is caught by the next look; a killing looks until nothing is left to kill.
pub(crate) fn signal_tree(root: Child, signal: Signal) {
    let root = root.pid.as_raw();
    let mut told = BTreeSet::new();
    let rounds = if signal == Signal::SIGKILL { 8 } else { 1 };
    for _ in 0..rounds {
        let fresh: Vec<i32> = members(root, &table()).into_iter().filter(|pid| told.insert(*pid)).collect();
        if fresh.is_empty() {
            return;
        }
        for pid in fresh {
            let _ = kill(Pid::from_raw(pid), signal); // it may have ended meanwhile
        }
    }
}

/// Kills what an ended child has left behind in its session, and what that has started.
pub(crate) fn kill_remains(ended: Child) {
    let table = table();
    let root = ended.pid.as_raw();
    let left = |entry: &&Entry| entry.session == root && entry.pid != root;
    let remains: Vec<i32> = table.iter().filter(left).map(|entry| entry.pid).collect();
    for pid in grown(remains, BTreeSet::from([root]), &table) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL); // it may have ended meanwhile
    }
}

/// The root first, then in order of the table.
fn members(root: i32, table: &[Entry]) -> Vec<i32> {
    grown(vec![root], BTreeSet::from([root]), table)
}

/// Adds descendants, and whoever shares a session that began among them.
fn grown(mut members: Vec<i32>, mut sessions: BTreeSet<i32>, table: &[Entry]) -> Vec<i32> {
    if members.is_empty() {
        return members;
    }
    loop {
        let before = members.len();
        for entry in table {
            let belongs = members.contains(&entry.parent) || sessions.contains(&entry.session);
            if belongs && !members.contains(&entry.pid) {
                members.push(entry.pid);
                if entry.session == entry.pid {
                    sessions.insert(entry.session); // a session it has begun
                }
            }
        }
        if members.len() == before {
            return members;
        }
    }
}

fn table() -> Vec<Entry> {
    let Ok(directory) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    directory
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(|entry| parse(&fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect()
}

/// Shape: `pid (name) state parent group session …`; the name may hold spaces and parentheses.
fn parse(stat: &str) -> Option<Entry> {
    let (front, rest) = stat.rsplit_once(')')?;
    let pid = front.split(' ').next()?.parse().ok()?;
    let mut fields = rest.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Entry { pid, parent, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_an_odd_name_is_read() {
        let entry = parse("42 (a) b (c) S 7 42 40 0 -1 4194560").unwrap();
        assert_eq!(entry, Entry { pid: 42, parent: 7, session: 40 });
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn descendants_and_their_sessions_belong_to_the_tree() {
        let entry = |pid, parent, session| Entry { pid, parent, session };
        let table = [
            entry(1, 0, 1),
            entry(10, 1, 10),  // the root
            entry(11, 10, 10), // its child
            entry(12, 11, 12), // which began a session
            entry(13, 1, 12),  // and left an orphan in it
            entry(20, 1, 20),  // a stranger
        ];
        assert_eq!(members(10, &table), [10, 11, 12, 13]);
    }
}

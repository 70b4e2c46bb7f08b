//! A process and all it started: found through `/proc`, stopped so that none slips away, then ended.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How often the table is read again for those who were started meanwhile.
const ROUNDS: usize = 64;

/// Ends the process `root` and its family. It must not have been reaped, so that its number is its own.
pub(super) fn kill(root: u32) {
    end(root, true);
}

/// Ends what a process that has ended left in its group and session.
pub(super) fn kill_rest(root: u32) {
    end(root, false);
}

fn end(root: u32, itself: bool) {
    // Shape: number → what holds it, whoever bears the number later.
    let mut stopped: BTreeMap<u32, OwnedFd> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut fresh = false;
        for member in family(root, &table()) {
            if stopped.contains_key(&member.id) || (member.id == root && !itself) {
                continue;
            }
            if let Some(held) = hold(&member) {
                let _ = pidfd_send_signal(&held, Signal::STOP);
                stopped.insert(member.id, held);
                fresh = true;
            }
        }
        if !fresh {
            break;
        }
    }
    for held in stopped.values() {
        let _ = pidfd_send_signal(held, Signal::KILL);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    id: u32,
    parent: u32,
    group: u32,
    session: u32,
    ended: bool,
    /// Unit: ticks since the machine started.
    started: u64,
}

/// Those of the table that descend from `root`, or are in its group or session.
fn family(root: u32, table: &[Entry]) -> Vec<Entry> {
    let mut members: Vec<Entry> = Vec::new();
    loop {
        let before = members.len();
        for entry in table {
            let belongs = entry.id == root
                || entry.group == root
                || entry.session == root
                || members.iter().any(|member| member.id == entry.parent);
            if belongs && !entry.ended && !members.contains(entry) {
                members.push(*entry);
            }
        }
        if members.len() == before {
            return members;
        }
    }
}

/// A hold on the process that was seen, unless it is gone.
fn hold(seen: &Entry) -> Option<OwnedFd> {
    let id = Pid::from_raw(i32::try_from(seen.id).ok()?)?;
    let held = pidfd_open(id, PidfdFlags::empty()).ok()?;
    // Held first, then looked at again: if it is still the one that was seen, it is the one held.
    (read(seen.id)?.started == seen.started).then_some(held)
}

/// All processes there are.
fn table() -> Vec<Entry> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(id: u32) -> Option<Entry> {
    parse(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Source: proc(5), `/proc/pid/stat`. The name, in parentheses, may hold anything.
fn parse(text: &str) -> Option<Entry> {
    let (id, rest) = text.split_once(' ')?;
    let fields: Vec<&str> = rest[rest.rfind(')')? + 1..].split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse().ok();
    Some(Entry {
        id: id.parse().ok()?,
        ended: matches!(*fields.first()?, "Z" | "X"),
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_whatever_the_name_is() {
        let line = "7 (a) b (c) S 1 2 3 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1";
        let entry = Entry { id: 7, parent: 1, group: 2, session: 3, ended: false, started: 4242 };
        assert_eq!(parse(line), Some(entry));
        assert_eq!(parse("7 (cut short"), None);
        assert_eq!(parse("7 (a) S 1 2"), None);
    }

    #[test]
    fn a_family_is_descent_group_and_session() {
        let entry =
            |id, parent, group, session| Entry { id, parent, group, session, ended: false, started: 0 };
        let table = [
            entry(9, 8, 8, 8), // a grandchild that comes first in the table
            entry(5, 1, 5, 5), // the root
            entry(8, 5, 8, 8), // a child in a session of its own
            entry(6, 1, 5, 1), // left in its group by a parent that is gone
            entry(7, 1, 1, 1), // a stranger
        ];
        let mut ids: Vec<u32> = family(5, &table).iter().map(|entry| entry.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [5, 6, 8, 9]);
    }
}

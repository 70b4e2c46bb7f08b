//! Who listens on which port, in the network this process is in.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// How a socket that waits for connections is marked in the kernel's tables.
const LISTENING: &str = "0A";

/// All TCP sockets that wait for connections. Shape: number of the socket's inode → port.
pub fn listening() -> io::Result<BTreeMap<u64, u16>> {
    let mut found = of_table(&fs::read_to_string("/proc/self/net/tcp")?);
    // A kernel without IPv6 has no such table.
    if let Ok(table) = fs::read_to_string("/proc/self/net/tcp6") {
        found.extend(of_table(&table));
    }
    Ok(found)
}

/// The sockets a process holds, by the numbers of their inodes; none of one in another network, or that is gone.
pub fn held_by(pid: u32) -> Vec<u64> {
    let process = Path::new("/proc").join(pid.to_string());
    let network = |process: &Path| fs::read_link(process.join("ns/net")).ok();
    if network(&process).is_none_or(|theirs| network(Path::new("/proc/self")) != Some(theirs)) {
        return Vec::new();
    }
    let entries = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let socket = |target: std::path::PathBuf| {
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
    };
    entries.filter_map(|entry| socket(fs::read_link(entry.path()).ok()?)).collect()
}

/// Shape of a line: number, local address `…:port` in hexadecimal digits, remote address, state, …, inode as the tenth.
fn of_table(table: &str) -> BTreeMap<u64, u16> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, port) = words.get(1)?.rsplit_once(':')?;
        let listens = words.get(3).is_some_and(|state| *state == LISTENING);
        listens.then_some((words.get(9)?.parse().ok()?, u16::from_str_radix(port, 16).ok()?))
    };
    table.lines().skip(1).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_of_this_process_is_found_by_its_socket() {
        let mine: Vec<TcpListener> = ["127.0.0.1:0", "[::1]:0"]
            .into_iter()
            .filter_map(|address| TcpListener::bind(address).ok())
            .collect();
        assert!(!mine.is_empty());
        let (held, listening) = (held_by(std::process::id()), listening().unwrap());
        let ports: Vec<u16> = held.iter().filter_map(|inode| listening.get(inode).copied()).collect();
        for listener in mine {
            assert!(ports.contains(&listener.local_addr().unwrap().port()), "{ports:?}");
        }
    }
}

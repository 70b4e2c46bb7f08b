//! The port of an agent that takes any free one: executors come back to the one they were launched with, so that the next
//! agent on the same work directory takes that again if it can.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn file(work_dir: &Path) -> PathBuf {
    work_dir.join("meta/port")
}

/// The port the last agent on this work directory listened on.
pub fn last(work_dir: &Path) -> Option<u16> {
    fs::read_to_string(file(work_dir)).ok()?.trim().parse().ok().filter(|port| *port != 0)
}

/// Keeps the port for the next one. Torn by a crash of the machine it is none, and executors have ended with that.
pub fn keep(work_dir: &Path, port: u16) -> io::Result<()> {
    let file = file(work_dir);
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(file, port.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_port_is_kept_and_nonsense_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last(dir.path()), None);
        keep(dir.path(), 4711).unwrap();
        assert_eq!(last(dir.path()), Some(4711));
        for nonsense in ["", "0", "70000", "x"] {
            fs::write(file(dir.path()), nonsense).unwrap();
            assert_eq!(last(dir.path()), None);
        }
    }
}

//! A file of output that is set aside when it has grown long.
//!
//! ```text
//! stdout  ──full──►  stdout.1  ──►  stdout.2  ──►  …  ──►  gone
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use agent_launch::{Credentials, Rotation};
use agent_linux::user;

/// Where output is appended to. What cannot be written is lost: a full disk stops no task.
pub(crate) struct Log {
    path: PathBuf,
    rotation: Rotation,
    /// With whose rights its files are touched: they lie in a directory that is theirs.
    owner: Option<(u32, u32)>,
    file: Option<File>,
    written: u64,
}

impl Log {
    /// Nothing is opened before something is written.
    pub(crate) fn new(path: &str, rotation: Rotation, owner: Option<&Credentials>) -> Self {
        let owner = owner.map(|owner| (owner.uid, owner.gid));
        Self { path: path.into(), rotation, owner, file: None, written: 0 }
    }

    pub(crate) fn write(&mut self, data: &[u8]) {
        let _ = match self.owner {
            Some((uid, gid)) => user::acting_as(uid, gid, || self.append(data)),
            None => self.append(data),
        };
    }

    /// Makes the file, so that it is there even if nothing is ever written.
    pub(crate) fn open(&mut self) {
        self.write(&[]);
    }

    fn append(&mut self, data: &[u8]) -> io::Result<()> {
        let max = self.rotation.bytes_max;
        if max > 0 && self.written > 0 && self.written + data.len() as u64 > max {
            self.set_aside()?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o644)
                    // As for the task itself: a link would have output written elsewhere.
                    .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                    .open(&self.path)?;
                self.written = file.metadata()?.len();
                self.file.insert(file)
            }
        };
        file.write_all(data)?;
        self.written += data.len() as u64;
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        self.file = None;
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..self.rotation.kept_max).rev() {
            // There are fewer at first.
            let _ = fs::rename(numbered(number), numbered(number + 1));
        }
        self.written = 0;
        match self.rotation.kept_max {
            0 => fs::remove_file(&self.path),
            _ => fs::rename(&self.path, numbered(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_set_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stdout");
        let rotation = Rotation { bytes_max: 8, kept_max: 2 };
        let mut log = Log::new(path.to_str().unwrap(), rotation, None);
        for line in ["one one\n", "two two\n", "3\n", "4\n", "five five five\n", "six\n"] {
            log.write(line.as_bytes());
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            [read("stdout"), read("stdout.1"), read("stdout.2")],
            ["six\n", "five five five\n", "3\n4\n"]
        );
        assert!(!dir.path().join("stdout.3").exists());

        // A supervisor's successor goes on where the file ends.
        let mut log = Log::new(path.to_str().unwrap(), rotation, None);
        log.write(b"7\n");
        assert_eq!(read("stdout"), "six\n7\n");
    }
}

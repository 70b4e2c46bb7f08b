//! A file of output that is set aside when it has grown long.
//!
//! ```text
//! stdout  ──full──►  stdout.1  ──►  stdout.2  ──►  …  ──►  gone
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use agent_launch::isolation::Place;
use agent_launch::{Credentials, Rotation};
use agent_linux::beneath::Directory;
use agent_linux::user;

/// Where output is appended to. What cannot be written is lost: a full disk stops no task.
pub(crate) struct Log {
    /// A directory nobody but us could have put elsewhere, and the file in there.
    within: PathBuf,
    name: PathBuf,
    rotation: Rotation,
    /// With whose rights its files are touched: they lie in a directory that is theirs.
    owner: Option<(u32, u32)>,
    file: Option<File>,
    written: u64,
}

impl Log {
    /// Nothing is opened before something is written.
    pub(crate) fn new(place: &Place, rotation: Rotation, owner: Option<&Credentials>) -> Self {
        let owner = owner.map(|owner| (owner.uid, owner.gid));
        let (within, name) = match place {
            Place::Trusted(path) => {
                let path = Path::new(path);
                (path.parent().unwrap_or(Path::new("/")), path.file_name().map_or(path, Path::new))
            }
            Place::Beneath { within, path } => (Path::new(within), Path::new(path)),
        };
        Self { within: within.to_owned(), name: name.to_owned(), rotation, owner, file: None, written: 0 }
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
                // As for the task itself: a link would have output written elsewhere.
                let file = Directory::open(&self.within)?.append(&self.name)?;
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
        let dir = Directory::open(&self.within)?;
        let numbered = |number: u32| {
            let mut name = self.name.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..self.rotation.kept_max).rev() {
            // There are fewer at first.
            let _ = dir.rename(&numbered(number), &numbered(number + 1));
        }
        self.written = 0;
        match self.rotation.kept_max {
            0 => dir.remove(&self.name),
            _ => dir.rename(&self.name, &numbered(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_full_file_is_set_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::Trusted(dir.path().join("stdout").display().to_string());
        let rotation = Rotation { bytes_max: 8, kept_max: 2 };
        let mut log = Log::new(&place, rotation, None);
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
        let mut log = Log::new(&place, rotation, None);
        log.write(b"7\n");
        assert_eq!(read("stdout"), "six\n7\n");
    }

    #[test]
    fn what_was_put_in_the_way_of_a_file_does_not_have_it_written_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let (sandbox, elsewhere) = (dir.path().join("sandbox"), dir.path().join("elsewhere"));
        fs::create_dir_all(sandbox.join("containers/c")).unwrap();
        fs::create_dir_all(&elsewhere).unwrap();
        fs::write(elsewhere.join("stdout"), "theirs").unwrap();
        let place =
            Place::Beneath { within: sandbox.display().to_string(), path: "containers/c/stdout".to_owned() };
        let mut log = Log::new(&place, Rotation { bytes_max: 8, kept_max: 1 }, None);
        log.write(b"one one\n");
        fs::rename(sandbox.join("containers/c"), sandbox.join("containers/d")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, sandbox.join("containers/c")).unwrap();
        // It is too long by now, and would be set aside.
        log.write(b"two two\n");
        Log::new(&place, Rotation { bytes_max: 0, kept_max: 0 }, None).write(b"three\n");
        assert_eq!(fs::read_to_string(elsewhere.join("stdout")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    }
}

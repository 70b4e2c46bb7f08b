//! The machine's file system.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::environment::{File, Locked, Open, Storage};

pub(super) struct Files;

impl Storage for Files {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true);
        match how {
            Open::Read => &mut options,
            Open::Write => options.write(true),
            Open::Create => options.write(true).create(true).truncate(false),
            Open::CreateNew => options.write(true).create_new(true),
        };
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Locked>> {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => Ok(Some(Locked::new(held))),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, other)) => Err(other.into()),
        }
    }
}

struct RealFile(fs::File);

impl File for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let end = self.len()?;
        self.0.write_all_at(bytes, end)?;
        Ok(end)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::read_all;

    #[test]
    fn a_file_reads_as_it_was_written() {
        let dir = std::env::temp_dir().join(format!("libprocess-files-{}", std::process::id()));
        Files.create_dir(&dir).unwrap();
        let (one, two) = (dir.join("one"), dir.join("two"));
        let mut file = Files.open(&one, Open::Create).unwrap();
        assert_eq!(file.append(b"abc").unwrap(), 0);
        assert_eq!(file.append(b"def").unwrap(), 3);
        file.write_at(b"X", 1).unwrap();
        file.sync_data().unwrap();
        Files.rename(&one, &two).unwrap();
        Files.sync_dir(&dir).unwrap();

        assert_eq!(read_all(&Files, &two).unwrap(), b"aXcdef");
        assert_eq!(Files.list(&dir).unwrap(), ["two"]);
        assert!(Files.open(&one, Open::Read).is_err());
        assert!(Files.open(&two, Open::CreateNew).is_err());
        Files.remove(&two).unwrap();
        fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn a_file_is_locked_by_one_at_a_time() {
        let path = std::env::temp_dir().join(format!("libprocess-lock-{}", std::process::id()));
        let held = Files.lock(&path).unwrap();
        assert!(held.is_some());
        assert!(Files.lock(&path).unwrap().is_none());
        drop(held);
        assert!(Files.lock(&path).unwrap().is_some());
        fs::remove_file(&path).unwrap();
    }
}

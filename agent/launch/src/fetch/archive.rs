//! Which format is opened how, and the rules every entry of every format obeys.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use agent_linux::beneath::{self, Directory};

use super::budget::Budget;
use super::{tar, zip};

/// The memory an xz stream may ask for. Unit: bytes.
const XZ_MEMORY: u64 = 256 << 20;

/// An archive in a sandbox, and what it may cost.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    pub(crate) sandbox: &'a Directory,
    pub(crate) name: &'a Path,
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    pub(crate) ratio: u64,
}

impl Archive<'_> {
    /// Opens it beside itself.
    pub(crate) fn open(&self, format: &str) -> io::Result<()> {
        let file = self.sandbox.open_read(self.name)?;
        let budget = Budget::of_archive(file.metadata()?.len(), self.bytes, self.entries, self.ratio);
        let into = Into { sandbox: self.sandbox, above: self.name.parent().unwrap_or(Path::new("")), budget };
        let plain = BufReader::new(&file);
        match format {
            "tar" => tar::unpack(plain, into),
            "tgz" => tar::unpack(flate2::bufread::MultiGzDecoder::new(plain), into),
            "tbz2" => tar::unpack(bzip2::bufread::MultiBzDecoder::new(plain), into),
            "txz" => tar::unpack(xz(plain)?, into),
            "zip" => zip::unpack(&file, into),
            "gz" => self.gunzip(flate2::bufread::MultiGzDecoder::new(plain), into),
            other => Err(io::Error::other(format!("the format '{other}' is not known"))),
        }
    }

    /// One compressed file becomes one file, without the suffix.
    fn gunzip(&self, from: impl Read, mut into: Into<'_>) -> io::Result<()> {
        let name = PathBuf::from(self.name.file_stem().ok_or_else(|| io::Error::other("it has no name"))?);
        into.file(&name, 0o644, from)
    }
}

fn xz<R: io::BufRead>(from: R) -> io::Result<impl Read> {
    let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
    Ok(liblzma::bufread::XzDecoder::new_stream(from, stream))
}

/// Where entries go.
#[derive(Debug)]
pub(crate) struct Into<'a> {
    sandbox: &'a Directory,
    /// The directory of the archive, beneath the sandbox.
    above: &'a Path,
    budget: Budget,
}

impl Into<'_> {
    /// A file with its content.
    pub(crate) fn file(&mut self, name: &Path, mode: u32, content: impl Read) -> io::Result<()> {
        self.budget.enter()?;
        let file: File = self.sandbox.create(&self.beneath(name)?, 0o600)?;
        self.budget.copy(content, &file)?;
        beneath::set_mode(&file, (mode & 0o777) | 0o600)
    }

    /// A directory.
    pub(crate) fn directory(&mut self, name: &Path) -> io::Result<()> {
        self.budget.enter()?;
        self.sandbox.create_dir(&self.beneath(name)?).map(drop)
    }

    /// A symbolic link, wherever it leads: a task could make the same, and no entry is written through one.
    pub(crate) fn link(&mut self, name: &Path, target: &Path) -> io::Result<()> {
        self.budget.enter()?;
        self.sandbox.create_link(&self.beneath(name)?, target)
    }

    /// A second name of an earlier entry.
    pub(crate) fn hard_link(&mut self, name: &Path, earlier: &Path) -> io::Result<()> {
        self.budget.enter()?;
        let (name, earlier) = (self.beneath(name)?, self.beneath(earlier)?);
        self.sandbox.create_hard_link(&name, &earlier)
    }

    fn beneath(&self, name: &Path) -> io::Result<PathBuf> {
        if name.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(io::Error::other("its name leads out"));
        }
        Ok(self.above.join(name))
    }
}

//! What lies in sandboxes, and the agent's log: listed and read piece by piece.
//!
//! A path is taken apart before anything is opened, and what it names is opened beneath its sandbox by the kernel, so
//! no link a task plants leads out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use agent_linux::beneath::Directory;
use agent_linux::user;
use api::classic::files;
use api::v1;
use libprocess::http::StatusCode;
use security::{Action, Object, Rights};

use super::Wrong;
use crate::authorization;
use crate::layout::Inside;
use crate::state::State;

/// The agent's own log, where it is written to a file.
pub(super) const LOG: &str = "/slave/log";

/// The most of a directory that is listed: the first ones by name. A task may have made a million.
pub(super) const LIST_MAX: usize = 10_000;

/// Why a file cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("no such file")]
    NotFound,
    #[error("403 Forbidden.")]
    Forbidden,
    #[error("Cannot {0} a directory.\n")]
    Directory(&'static str),
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// What is not there has an empty body, as in the original.
    pub(super) fn wrong(self) -> Wrong {
        match self {
            Failure::NotFound => Wrong::new(StatusCode::NOT_FOUND, ""),
            Failure::Forbidden => Wrong::new(StatusCode::FORBIDDEN, self.to_string()),
            Failure::Directory(_) => Wrong::bad_request(self.to_string()),
            Failure::Other(_) => Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, self.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    /// What leads out of a sandbox, or may not be opened, is as good as not there.
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{CrossesDevices, InvalidInput, NotADirectory, NotFound, PermissionDenied};
        match error.kind() {
            NotFound | NotADirectory | CrossesDevices | PermissionDenied | InvalidInput => Failure::NotFound,
            _ if error.raw_os_error() == Some(LOOP) => Failure::NotFound,
            _ => Failure::Other(error.to_string()),
        }
    }
}

/// Links that lead in a circle.
const LOOP: i32 = 40;

/// One file as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Its whole virtual path.
    pub path: String,
    pub nlink: u64,
    pub size: u64,
    /// Unit: seconds since the epoch.
    pub mtime: i64,
    pub mode: u32,
    pub uid: String,
    pub gid: String,
}

impl From<&Entry> for v1::FileInfo {
    fn from(entry: &Entry) -> Self {
        v1::FileInfo {
            path: entry.path.clone(),
            nlink: i32::try_from(entry.nlink).ok(),
            size: Some(entry.size),
            mtime: Some(v1::TimeInfo { nanoseconds: entry.mtime.saturating_mul(1_000_000_000) }),
            mode: Some(entry.mode),
            uid: Some(entry.uid.clone()),
            gid: Some(entry.gid.clone()),
        }
    }
}

/// What a directory holds, as far as it is listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Listing {
    /// By path.
    pub entries: Vec<Entry>,
    /// How many there are.
    pub total: usize,
}

/// The files one state lets somebody see.
pub(super) struct Files<'a>(&'a State, &'a Rights);

impl<'a> Files<'a> {
    pub(super) fn new(state: &'a State, rights: &'a Rights) -> Self {
        Self(state, rights)
    }

    /// What a directory holds; nothing for a file. Blocks: it may hold much.
    pub(super) fn list(&self, path: &str) -> Result<Listing, Failure> {
        if let Some(log) = self.log(path) {
            return log.map(|_| Listing::default());
        }
        let (sandbox, file) = self.find(path)?;
        if !file.metadata()?.is_dir() {
            return Ok(Listing::default());
        }
        let inside = self.inside(path)?.rest;
        let base = path.trim_end_matches('/');
        let here = PathBuf::from(format!("/proc/self/fd/{}", fd(&file)));
        let (names, total) = first_names(&here)?;
        let mut users = Names::new(user::name);
        let mut groups = Names::new(user::group_name);
        let mut entries = Vec::new();
        for name in names {
            // Links are followed as far as the sandbox goes; others are shown as what they are.
            let metadata = match sandbox.open_read(&inside.join(&name)) {
                Ok(file) => file.metadata()?,
                Err(_) => match std::fs::symlink_metadata(here.join(&name)) {
                    Ok(metadata) => metadata,
                    // Gone since.
                    Err(_) => continue,
                },
            };
            entries.push(Entry {
                path: format!("{base}/{name}"),
                nlink: metadata.nlink(),
                size: metadata.size(),
                mtime: metadata.mtime(),
                mode: metadata.mode(),
                uid: users.of(metadata.uid()),
                gid: groups.of(metadata.gid()),
            });
        }
        Ok(Listing { entries, total })
    }

    /// The size of a file, and a piece of it, as [`files::read`] reads them.
    pub(super) fn read(
        &self,
        path: &str,
        offset: Option<u64>,
        length: Option<u64>,
    ) -> Result<(u64, Vec<u8>), Failure> {
        Ok(files::read(&mut self.file(path, "read")?, offset, length)?)
    }

    /// A whole file.
    pub(super) fn open(&self, path: &str) -> Result<File, Failure> {
        self.file(path, "download")
    }

    /// Opens a file, to do something with it.
    fn file(&self, path: &str, what: &'static str) -> Result<File, Failure> {
        let file = match self.log(path) {
            Some(log) => log?,
            None => self.find(path)?.1,
        };
        if file.metadata()?.is_dir() { Err(Failure::Directory(what)) } else { Ok(file) }
    }

    /// The agent's log, if that is meant.
    fn log(&self, path: &str) -> Option<Result<File, Failure>> {
        let log = self.0.settings.log.as_ref().filter(|_| path == LOG)?;
        Some(match self.1.may(Action::AccessMesosLog, Object::ANY) {
            true => File::open(log).map_err(Failure::from),
            false => Err(Failure::Forbidden),
        })
    }

    /// Opens what a virtual path names, and the sandbox around it.
    fn find(&self, path: &str) -> Result<(Directory, File), Failure> {
        let inside = self.inside(path)?;
        let run = self.real(&inside.sandbox)?;
        if !self.may(&run) {
            return Err(Failure::Forbidden);
        }
        let sandbox = Directory::open(&run)?;
        let file = sandbox.open_read(&inside.rest)?;
        Ok((sandbox, file))
    }

    /// The run a sandbox's path leads to. Where tasks are run as the agent's own user, one could have made `latest` lead
    /// anywhere; only a run is followed.
    fn real(&self, sandbox: &Path) -> Result<PathBuf, Failure> {
        let agents = self.0.settings.layout.agents().canonicalize()?;
        let real = sandbox.canonicalize()?;
        let below = real.strip_prefix(&agents).map_err(|_| Failure::NotFound)?;
        match below.components().count() {
            // agent, "frameworks", framework, "executors", executor, "runs", run
            7 => Ok(real),
            _ => Err(Failure::NotFound),
        }
    }

    /// Whether the run of this executor may be looked into. One that nobody remembers is for those who may see any.
    fn may(&self, run: &Path) -> bool {
        if self.1.are_unlimited() {
            return true;
        }
        let names: Vec<&str> = run.iter().rev().take(5).filter_map(|name| name.to_str()).collect();
        let [_, _, executor, _, framework] = names[..] else { return false };
        let known = self.0.frameworks.values().chain(&self.0.completed);
        let framework = known.into_iter().find(|known| known.id.as_str() == framework);
        let found = framework.and_then(|framework| {
            let executors = framework.executors.values().chain(&framework.completed);
            let executor = executors.into_iter().find(|known| known.id.as_str() == executor)?;
            Some((framework, executor))
        });
        match found {
            Some((framework, executor)) => authorization::sandbox(self.1, &framework.info, executor),
            None => self.1.may(Action::AccessSandbox, Object::ANY),
        }
    }

    fn inside(&self, path: &str) -> Result<Inside, Failure> {
        self.0.settings.layout.inside(self.0.id.as_ref(), path).ok_or(Failure::NotFound)
    }
}

/// The first names of a directory, in order, and how many it has. No more than that is kept of it at any time.
fn first_names(dir: &Path) -> io::Result<(BTreeSet<String>, usize)> {
    let (mut names, mut total) = (BTreeSet::new(), 0);
    for found in std::fs::read_dir(dir)? {
        let Ok(name) = found?.file_name().into_string() else { continue };
        total += 1;
        names.insert(name);
        if names.len() > LIST_MAX {
            names.pop_last();
        }
    }
    Ok((names, total))
}

/// What numbers are called, each looked up once: a sandbox has few owners and many files.
struct Names {
    known: BTreeMap<u32, String>,
    look: fn(u32) -> Option<String>,
}

impl Names {
    fn new(look: fn(u32) -> Option<String>) -> Self {
        Self { known: BTreeMap::new(), look }
    }

    fn of(&mut self, number: u32) -> String {
        let look = self.look;
        let name = || look(number).unwrap_or_else(|| number.to_string());
        self.known.entry(number).or_insert_with(name).clone()
    }
}

fn fd(file: &File) -> i32 {
    std::os::fd::AsRawFd::as_raw_fd(file)
}

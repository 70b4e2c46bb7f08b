//! Steps of fetching, with the rights of the task's user: a local file or a URL into a sandbox, an archive opened there.
//!
//! An archive is hostile until shown otherwise: its entries can lead nowhere but below the sandbox, gain no set-user bit,
//! and cost no more than they were given. The first entry that tries ends it, and is named.

mod archive;
pub(crate) mod budget;
mod download;
mod tar;
mod zip;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agent_linux::beneath::{self, Directory};
use agent_linux::{child, user};

use archive::Archive;
use budget::Budget;

/// The number of the descriptor that is the sandbox.
const SANDBOX: i32 = 3;

/// The address space of a helper: more than any honest archive needs. Unit: bytes.
pub(crate) const MEMORY: u64 = 512 << 20;

/// Does the step that `words` name; on failure one line goes to standard error.
pub(crate) fn run(words: Vec<std::ffi::OsString>) -> ExitCode {
    say(step(words))
}

/// Puts one line on standard error if something failed.
pub(crate) fn say(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            use io::Write;
            let line: String =
                message.chars().map(|c| if c.is_control() { '?' } else { c }).take(1000).collect();
            // Nobody may be listening any more.
            let _ = writeln!(io::stderr(), "{line}");
            ExitCode::from(1)
        }
    }
}

fn step(words: Vec<std::ffi::OsString>) -> Result<(), String> {
    let mut words = words.into_iter();
    let mut next = || words.next().ok_or("a word is missing");
    let verb = next()?;
    let sandbox = Directory::from_owned(child::inherited(SANDBOX).ok_or("the sandbox is missing")?);
    child::close_from(SANDBOX as u32 + 1).map_err(|error| error.to_string())?;
    child::limit_memory(MEMORY).map_err(|error| error.to_string())?;
    child::set_umask(0o022);
    match verb.to_str() {
        Some("copy") => {
            let from = PathBuf::from(next()?);
            let name = PathBuf::from(next()?);
            let executable = next()? == "executable";
            let bytes = number(&next()?)?;
            become_user(&next()?)?;
            copy(&from, &sandbox, &name, executable, Budget::new(bytes, 1)).map_err(|error| error.to_string())
        }
        Some("download") => {
            let url = text(next()?)?;
            let name = PathBuf::from(next()?);
            let executable = next()? == "executable";
            let (stall, redirects) = two_numbers(&next()?)?;
            let bytes = number(&next()?)?;
            become_user(&next()?)?;
            let download = download::Download { url: &url, name: &name, executable, stall, redirects, bytes };
            download.run(&sandbox)
        }
        Some("unpack") => {
            let format = text(next()?)?;
            let name = PathBuf::from(next()?);
            let bounds = text(next()?)?;
            let (entries, ratio) = bounds.split_once(',').ok_or("bounds are missing")?;
            let (entries, ratio) = (entries.parse::<u64>(), ratio.parse::<u64>());
            let (Ok(entries), Ok(ratio)) = (entries, ratio) else {
                return Err("bounds are no numbers".into());
            };
            let bytes = number(&next()?)?;
            become_user(&next()?)?;
            let archive = Archive { sandbox: &sandbox, name: &name, bytes, entries, ratio };
            archive.open(&format).map_err(|error| error.to_string())
        }
        _ => Err("the step is not known".into()),
    }
}

fn text(word: std::ffi::OsString) -> Result<String, String> {
    String::from_utf8(word.into_vec()).map_err(|_| "a word is not text".into())
}

fn number(word: &std::ffi::OsStr) -> Result<u64, String> {
    word.to_str().and_then(|word| word.parse().ok()).ok_or_else(|| "a word is no number".into())
}

fn two_numbers(word: &std::ffi::OsStr) -> Result<(u64, u64), String> {
    let missing = "a pair of numbers is missing";
    let (first, second) = word.to_str().and_then(|word| word.split_once(',')).ok_or(missing)?;
    Ok((first.parse().map_err(|_| missing)?, second.parse().map_err(|_| missing)?))
}

/// Becomes `user,group,groups…`; `-` stays who it is.
fn become_user(word: &std::ffi::OsStr) -> Result<(), String> {
    if word == "-" {
        return Ok(());
    }
    let ids: Option<Vec<u32>> =
        word.to_str().and_then(|word| word.split(',').map(|id| id.parse().ok()).collect());
    let Some([uid, gid, groups @ ..]) = ids.as_deref() else {
        return Err("the user is not understood".into());
    };
    let who = user::Credentials { uid: *uid, gid: *gid, groups: groups.to_vec() };
    user::become_user(&who).map_err(|error| format!("failed to become user {uid}: {error}"))
}

/// Copies a local file that the user can read.
fn copy(
    from: &Path,
    sandbox: &Directory,
    name: &Path,
    executable: bool,
    mut budget: Budget,
) -> io::Result<()> {
    // Opening a pipe would wait for a writer, and a device may do anything.
    let source = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(from)?;
    let metadata = source.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let target = sandbox.create(name, 0o644)?;
    budget.copy(source, &target)?;
    let mode = if executable { metadata.mode() | 0o755 } else { metadata.mode() | 0o600 };
    beneath::set_mode(&target, mode & 0o777)
}

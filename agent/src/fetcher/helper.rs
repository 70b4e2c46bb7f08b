//! Steps done by `hectare-launch`, with the rights of the task's user.

use std::ffi::{CStr, CString};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_launch::Credentials;
use agent_linux::beneath::Directory;
use agent_linux::packet::{wait_readable, wait_readable_within};

use super::Limits;
use crate::containerizer::launcher::Launcher;

/// One step.
#[derive(Debug)]
pub(crate) enum Step {
    /// A local file into the sandbox.
    Copy { from: PathBuf, name: PathBuf, executable: bool },
    /// A URL into the sandbox, by the machine's own curl.
    Download { url: String, name: PathBuf, executable: bool },
    /// An archive in the sandbox, opened there.
    Unpack { format: &'static str, name: PathBuf },
}

/// Does the step and waits for it.
///
/// Errors: what the helper said, in one line.
pub(crate) fn run(
    launcher: &Launcher,
    step: &Step,
    sandbox: &Path,
    who: Option<&Credentials>,
    limits: &Limits,
) -> Result<(), String> {
    let words = words(step, who, limits).map_err(|error| error.to_string())?;
    let sandbox = Directory::open(sandbox).map_err(|error| format!("the sandbox: {error}"))?;
    help(launcher, &words, &[sandbox.as_fd()], limits.step, None)
}

/// Runs `hectare-launch` with these words and descriptors, at most so long and not beyond the moment `stopped` becomes
/// readable.
///
/// Errors: what it said, in one line.
pub(crate) fn help(
    launcher: &Launcher,
    words: &[CString],
    handed: &[BorrowedFd<'_>],
    within: Duration,
    stopped: Option<BorrowedFd<'_>>,
) -> Result<(), String> {
    let words: Vec<&CStr> = words.iter().map(CString::as_c_str).collect();
    let help = || -> io::Result<(i32, String)> {
        let (mut said, errors) = io::pipe()?;
        let started = launcher.fetch(&words, handed, errors.as_fd())?;
        drop(errors);
        let watched: Vec<BorrowedFd<'_>> = [started.pidfd.as_fd()].into_iter().chain(stopped).collect();
        let ready = wait_readable(&watched, Some(within))?;
        if !ready[0] {
            // Held by descriptor and not yet collected, so this reaches the helper and nobody else.
            started.pidfd.signal(9)?;
            wait_readable_within(&started.pidfd, within)?;
            started.pidfd.reap()?;
            let stopped = ready.get(1).copied().unwrap_or(false);
            let why =
                if stopped { "it was stopped".to_owned() } else { format!("it took longer than {within:?}") };
            return Ok((1, why));
        }
        let status = started.pidfd.reap()?.unwrap_or(1);
        let mut message = String::new();
        // It says one line, which fits the pipe, so it never waited for us to read.
        said.by_ref().take(4096).read_to_string(&mut message)?;
        Ok((status, message.trim_end().to_owned()))
    };
    match help() {
        Ok((0, _)) => Ok(()),
        Ok((status, message)) if message.is_empty() => {
            Err(format!("the helper ended with status {status:#x}"))
        }
        Ok((_, message)) => Err(message),
        Err(error) => Err(format!("the helper could not be run: {error}")),
    }
}

/// The helper's command line: what to do, its bounds, whom to become.
fn words(step: &Step, who: Option<&Credentials>, limits: &Limits) -> io::Result<Vec<CString>> {
    let word = |bytes: &[u8]| {
        CString::new(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a name holds a zero byte"))
    };
    let who = who.map_or_else(
        || "-".to_owned(),
        |who| {
            let ids: Vec<String> =
                [who.uid, who.gid].iter().chain(&who.groups).map(ToString::to_string).collect();
            ids.join(",")
        },
    );
    let mut words = match step {
        Step::Copy { from, name, executable } => vec![
            c"copy".to_owned(),
            word(from.as_os_str().as_bytes())?,
            word(name.as_os_str().as_bytes())?,
            if *executable { c"executable" } else { c"plain" }.to_owned(),
        ],
        Step::Download { url, name, executable } => vec![
            c"download".to_owned(),
            word(url.as_bytes())?,
            word(name.as_os_str().as_bytes())?,
            if *executable { c"executable" } else { c"plain" }.to_owned(),
            word(format!("{},{}", limits.stall.as_secs().max(1), limits.redirects).as_bytes())?,
        ],
        Step::Unpack { format, name } => vec![
            c"unpack".to_owned(),
            word(format.as_bytes())?,
            word(name.as_os_str().as_bytes())?,
            word(format!("{},{}", limits.entries, limits.ratio).as_bytes())?,
        ],
    };
    words.push(word(limits.bytes.to_string().as_bytes())?);
    words.push(word(who.as_bytes())?);
    Ok(words)
}

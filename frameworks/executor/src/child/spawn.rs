//! How a child starts: in a session of its own, or in front of the executor's terminal, with every signal at its
//! default.

use std::ffi::CString;
use std::io::{self, IsTerminal, stdin};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getpid, getsid, tcsetpgrp};

use super::command::Command;

/// A child that was started; it is the leader of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Child {
    pub(crate) pid: Pid,
}

/// Starts `command`, with its output appended to `stdout` and `stderr` of its directory if it has
/// one, else where the executor's goes.
///
/// Errors: when the program cannot be executed.
pub(crate) fn spawn(command: &Command) -> io::Result<Child> {
    let mut attributes = PosixSpawnAttr::init()?;
    // nix does not name POSIX_SPAWN_SETSID.
    let session = PosixSpawnFlags::from_bits_retain(libc::POSIX_SPAWN_SETSID.into());
    let signals = PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK;
    // Only of a terminal that was made for this executor: then it leads the session.
    let leads = getsid(None).is_ok_and(|session| session == getpid());
    let foreground = command.foreground && leads && stdin().is_terminal();
    if foreground {
        // The terminal belongs to the executor's session, so its task stays in that, as a group of its own.
        attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETPGROUP | signals)?;
        attributes.set_pgroup(Pid::from_raw(0))?;
    } else {
        attributes.set_flags(session | signals)?;
    }
    attributes.set_sigdefault(&SigSet::all())?;
    attributes.set_sigmask(&SigSet::empty())?;
    let mut files = PosixSpawnFileActions::init()?;
    if !foreground {
        files.add_open(0, Path::new("/dev/null"), OFlag::O_RDONLY, Mode::empty())?;
    }
    if let Some(directory) = &command.directory {
        let append = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND;
        for (descriptor, name) in [(1, "stdout"), (2, "stderr")] {
            files.add_open(descriptor, &directory.join(name), append, Mode::from_bits_truncate(0o644))?;
        }
    }
    let _inside = command.directory.as_deref().map(Inside::enter).transpose()?;
    let (arguments, variables) = (command.arguments(), command.variables());
    let mut last = Errno::ENOENT;
    for candidate in command.candidates() {
        match posix_spawn(path(&candidate).as_c_str(), &files, &attributes, &arguments, &variables) {
            Ok(pid) => {
                if foreground {
                    give_terminal(pid);
                }
                return Ok(Child { pid });
            }
            // A text without an interpreter line is a script for the shell.
            Err(Errno::ENOEXEC) => {
                let mut script = vec![c"sh".to_owned(), path(&candidate)];
                script.extend(arguments.into_iter().skip(1));
                let pid = posix_spawn(c"/bin/sh", &files, &attributes, &script, &variables)?;
                return Ok(Child { pid });
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(Errno::EACCES) => last = Errno::EACCES, // a later one may be executable
            Err(other) => return Err(other.into()),
        }
    }
    Err(last.into())
}

/// Has a child be the one who is typed at.
fn give_terminal(pid: Pid) {
    // One that has ended already needs no terminal.
    let _ = tcsetpgrp(stdin(), pid);
    // It may have tried to read before, and been stopped for it.
    let _ = kill(pid, Signal::SIGCONT);
}

fn path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// The working directory is the OS process's; children are started one at a time.
struct Inside {
    before: std::path::PathBuf,
    _alone: std::sync::MutexGuard<'static, ()>,
}

static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

impl Inside {
    fn enter(directory: &Path) -> io::Result<Inside> {
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = std::env::current_dir()?;
        std::env::set_current_dir(directory)?;
        Ok(Inside { before, _alone: alone })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = std::env::set_current_dir(&self.before);
    }
}

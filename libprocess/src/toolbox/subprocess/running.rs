//! A program that runs, and the task that waits for its end.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ExitStatus};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Program, SubprocessError, tree};

/// A program that was started. Dropping it ends the program with all it started; see
/// [`Subprocess::detach`].
#[derive(Debug)]
pub struct Subprocess {
    /// Where it reads from, if [`Io::Pipe`](super::Io::Pipe) was asked for.
    pub stdin: Option<pipe::Sender>,
    pub stdout: Option<pipe::Receiver>,
    pub stderr: Option<pipe::Receiver>,
    family: Arc<Family>,
    ended: watch::Receiver<Option<ExitStatus>>,
    detached: bool,
}

/// The program and its offspring, until it is reaped.
#[derive(Debug)]
struct Family {
    id: u32,
    ends_group: bool,
    /// Until it is reaped, its number means it and nothing else.
    child: Mutex<Option<Child>>,
}

impl Program {
    /// Starts it. The thread's reactor watches it from then on.
    ///
    /// Errors: when it cannot be started or watched, and outside of a runtime's threads.
    pub fn start(self) -> Result<Subprocess, SubprocessError> {
        let reactor = Handle::try_current().map_err(|_| SubprocessError::NoReactor)?;
        let (path, ends_group) = (self.path.clone(), self.ends_group);
        let mut child = self.command().spawn().map_err(|source| SubprocessError::Start { path, source })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let family = Family { id: child.id(), ends_group, child: Mutex::new(Some(child)) };
        let watched = || {
            let pidfd = watch_over(family.pidfd()?)?;
            let stdin = stdin.map(|pipe| pipe::Sender::from_owned_fd(pipe.into())).transpose()?;
            let stdout = stdout.map(|pipe| pipe::Receiver::from_owned_fd(pipe.into())).transpose()?;
            let stderr = stderr.map(|pipe| pipe::Receiver::from_owned_fd(pipe.into())).transpose()?;
            Ok((pidfd, stdin, stdout, stderr))
        };
        let (pidfd, stdin, stdout, stderr) = watched().map_err(SubprocessError::Watch)?;
        let (sender, ended) = watch::channel(None);
        let family = Arc::new(family);
        reactor.spawn(reap(pidfd, family.clone(), sender));
        Ok(Subprocess { stdin, stdout, stderr, family, ended, detached: false })
    }
}

impl Subprocess {
    /// The number the system gave it. Once it has ended, another may bear it.
    pub fn id(&self) -> u32 {
        self.family.id
    }

    /// Waits for its end.
    ///
    /// Errors: when the runtime that watched it has shut down; the program was ended with it.
    pub async fn wait(&self) -> Result<ExitStatus, SubprocessError> {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await.map_err(|_| SubprocessError::Unwatched)?;
        Ok(status.expect("waited for"))
    }

    /// Ends it and all it started, by SIGKILL: its descendants, and whoever is in its process group
    /// or session. Who left all three, by a second fork into a session of its own, escapes.
    ///
    /// Reads `/proc`, which takes some milliseconds on a busy machine. Nothing happens once it has ended.
    pub fn kill_tree(&self) {
        self.family.kill();
    }

    /// Lets it live on when this value is dropped, but not beyond the runtime that watches it.
    pub fn detach(mut self) {
        self.detached = true;
    }
}

impl Drop for Subprocess {
    fn drop(&mut self) {
        if !self.detached {
            self.kill_tree();
        }
    }
}

impl Family {
    fn pidfd(&self) -> std::io::Result<OwnedFd> {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw).expect("the number of a process");
        Ok(pidfd_open(id, PidfdFlags::NONBLOCK)?)
    }

    fn kill(&self) {
        let child = self.child.lock();
        if child.is_some() {
            tree::kill(self.id);
        }
    }

    /// Its status, if it has ended; from then on its number is free.
    fn reap(&self, pidfd: &OwnedFd) -> Option<std::io::Result<ExitStatus>> {
        let mut child = self.child.lock();
        let running = child.as_mut()?;
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if matches!(waitid(WaitId::PidFd(pidfd.as_fd()), look), Ok(None)) {
            return None;
        }
        if self.ends_group {
            // Whoever is left in the group keeps its number from being given to another.
            tree::kill_rest(self.id);
        }
        let status = running.try_wait().transpose()?;
        *child = None;
        Some(status)
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.get_mut().take() {
            tree::kill(self.id);
            // It was killed: this takes no longer than the kernel needs to take it apart.
            let _ = child.wait();
        }
    }
}

#[expect(
    deprecated,
    reason = "what it warns of, a descriptor closed behind its back, an owned one rules out"
)]
fn watch_over(pidfd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

/// Waits for the end, and for nothing else.
async fn reap(pidfd: AsyncFd<OwnedFd>, family: Arc<Family>, ended: watch::Sender<Option<ExitStatus>>) {
    while let Ok(mut ready) = pidfd.readable().await {
        match family.reap(pidfd.get_ref()) {
            Some(Ok(status)) => {
                ended.send_replace(Some(status));
                return;
            }
            Some(Err(error)) => {
                tracing::error!(id = family.id, %error, "a program's status is lost");
                return;
            }
            None => ready.clear_ready(),
        }
    }
}

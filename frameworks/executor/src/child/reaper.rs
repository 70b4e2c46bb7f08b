//! Notices that children have ended.

use model::task::Ended;
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::spawn::Child;

/// Hears of ended children. Made before the first child, so that none ends unheard.
pub(crate) struct Reaper {
    news: Signal,
}

impl Reaper {
    pub(crate) fn new() -> std::io::Result<Reaper> {
        Ok(Reaper { news: signal(SignalKind::child())? })
    }

    /// Completes when some child may have ended.
    pub(crate) async fn wait(&mut self) {
        self.news.recv().await;
    }
}

impl Child {
    /// How it ended, if it has. Asked again afterwards, nobody knows.
    pub(crate) fn try_reap(self) -> Option<Ended> {
        loop {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(_, status)) => return Some(Ended::Exited(status)),
                Ok(WaitStatus::Signaled(_, signal, core)) => {
                    return Some(Ended::Killed { signal: signal as i32, core });
                }
                Ok(_) => return None,
                Err(Errno::EINTR) => {}
                // Somebody else has reaped it: that it ended is all that is left to know.
                Err(_) => return Some(Ended::Exited(255)),
            }
        }
    }
}

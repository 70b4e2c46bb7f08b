//! How a process learns that another is gone: links, and what an end is called.
//!
//! A link is a one-way monitor: `ctx.link(&upid)`, and [`Process::exited`](crate::Process::exited)
//! is called exactly once. Dying together is the linker's own choice.

use std::fmt;
use std::sync::Arc;

use libprocess_wire as wire;

use crate::Upid;
use crate::mailbox::AnyCell;

/// What became of a linked process.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It ended.
    Ended(Reason),
    /// The way to it broke; whether it lives is unknown.
    LinkBroken,
    /// Nobody bears that id, or no longer that life of it.
    NoSuchProcess,
}

/// Why a process ended.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// By its own `ctx.stop()`.
    Stopped,
    /// By [`Pid::terminate`](crate::Pid::terminate).
    Terminated,
    /// A handler panicked; `input` is the type it was handling.
    Panicked { message: String, input: String, backtrace: String },
    /// Its runtime shut down.
    NodeDown,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Stopped => f.write_str("stopped"),
            Reason::Terminated => f.write_str("terminated"),
            Reason::Panicked { message, input, .. } => {
                write!(f, "panicked while handling {input}: {message}")
            }
            Reason::NodeDown => f.write_str("its node went down"),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Ended(reason) => reason.fmt(f),
            Exit::LinkBroken => f.write_str("link broken"),
            Exit::NoSuchProcess => f.write_str("no such process"),
        }
    }
}

/// Who wants to hear of an end.
pub(crate) enum Watcher {
    /// A process of this runtime, and the address it linked.
    Local { linker: Arc<dyn AnyCell>, linked: Upid },
    /// A process of another node: `tell` carries the word over its link.
    Remote { linker: Upid, linked: Upid, tell: Arc<dyn RemoteWatch> },
    /// Somebody outside, who awaits the reason.
    Waiter(tokio::sync::oneshot::Sender<Reason>),
}

/// The way by which remote linkers hear of an end.
pub(crate) trait RemoteWatch: Send + Sync {
    fn ended(&self, linker: &Upid, linked: &Upid, exit: &Exit);
}

impl Watcher {
    /// Who linked whom.
    pub(crate) fn pair(&self) -> Option<(&Upid, &Upid)> {
        match self {
            Watcher::Local { linker, linked } => Some((linker.upid(), linked)),
            Watcher::Remote { linker, linked, .. } => Some((linker, linked)),
            Watcher::Waiter(_) => None,
        }
    }

    /// Whether nobody is there any more to be told.
    pub(crate) fn gave_up(&self) -> bool {
        matches!(self, Watcher::Waiter(waiter) if waiter.is_closed())
    }

    /// Says that the watched process ended.
    pub(crate) fn notify(self, reason: &Reason) {
        match self {
            Watcher::Local { linker, linked } => linker.exited(linked, Exit::Ended(reason.clone())),
            Watcher::Remote { linker, linked, tell } => {
                tell.ended(&linker, &linked, &Exit::Ended(reason.clone()));
            }
            Watcher::Waiter(waiter) => drop(waiter.send(reason.clone())),
        }
    }
}

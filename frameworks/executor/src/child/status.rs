//! How a child ended, in words.

use std::fmt;

use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

/// The end of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Exited(i32),
    /// By a signal, with or without a core.
    Killed {
        signal: i32,
        core: bool,
    },
}

impl Ended {
    pub(crate) fn of(status: WaitStatus) -> Option<Ended> {
        match status {
            WaitStatus::Exited(_, code) => Some(Ended::Exited(code)),
            WaitStatus::Signaled(_, signal, core) => Some(Ended::Killed { signal: signal as i32, core }),
            _ => None,
        }
    }

    /// A raw wait status.
    pub(crate) fn of_status(status: i32) -> Option<Ended> {
        Ended::of(WaitStatus::from_raw(Pid::from_raw(1), status).ok()?)
    }

    pub(crate) fn is_success(self) -> bool {
        self == Ended::Exited(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Exited(code) => write!(f, "exited with status {code}"),
            Ended::Killed { signal, core } => {
                write!(f, "terminated with signal {}", name(*signal))?;
                if *core { f.write_str(" (core dumped)") } else { Ok(()) }
            }
        }
    }
}

/// A signal's name for people, as the C library has it.
fn name(signal: i32) -> &'static str {
    const NAMES: [&str; 31] = [
        "Hangup",
        "Interrupt",
        "Quit",
        "Illegal instruction",
        "Trace/breakpoint trap",
        "Aborted",
        "Bus error",
        "Floating point exception",
        "Killed",
        "User defined signal 1",
        "Segmentation fault",
        "User defined signal 2",
        "Broken pipe",
        "Alarm clock",
        "Terminated",
        "Stack fault",
        "Child exited",
        "Continued",
        "Stopped (signal)",
        "Stopped",
        "Stopped (tty input)",
        "Stopped (tty output)",
        "Urgent I/O condition",
        "CPU time limit exceeded",
        "File size limit exceeded",
        "Virtual timer expired",
        "Profiling timer expired",
        "Window changed",
        "I/O possible",
        "Power failure",
        "Bad system call",
    ];
    usize::try_from(signal - 1).ok().and_then(|place| NAMES.get(place)).copied().unwrap_or("Real-time signal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_the_words_clients_know() {
        assert_eq!(Ended::Exited(3).to_string(), "exited with status 3");
        assert_eq!(Ended::Killed { signal: 9, core: false }.to_string(), "terminated with signal Killed");
        assert_eq!(
            Ended::Killed { signal: 15, core: false }.to_string(),
            "terminated with signal Terminated"
        );
        let crash = Ended::Killed { signal: 11, core: true };
        assert_eq!(crash.to_string(), "terminated with signal Segmentation fault (core dumped)");
    }
}

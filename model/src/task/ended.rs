//! How a program ended, in words that clients know.

use std::fmt;

/// The end of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By a signal, with or without a core.
    Killed {
        /// Its number.
        signal: i32,
        /// Whether memory was written to a file.
        core: bool,
    },
}

impl Ended {
    /// A raw wait status; nothing where it tells of no end.
    ///
    /// Source: wait(2).
    pub fn of_status(status: i32) -> Option<Ended> {
        match status & 0x7f {
            0 => Some(Ended::Exited((status >> 8) & 0xff)),
            // Stopped or continued.
            0x7f => None,
            signal => Some(Ended::Killed { signal, core: status & 0x80 != 0 }),
        }
    }

    /// Whether it ended as it should.
    pub fn is_success(self) -> bool {
        self == Ended::Exited(0)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Exited(status) => write!(f, "exited with status {status}"),
            Ended::Killed { signal, core } => {
                let core = if *core { " (core dumped)" } else { "" };
                f.write_str("terminated with signal ")?;
                match usize::try_from(signal - 1).ok().and_then(|place| SIGNALS.get(place)) {
                    Some(words) => write!(f, "{words}{core}"),
                    None if (34..=64).contains(signal) => write!(f, "Real-time signal {}{core}", signal - 34),
                    None => write!(f, "Unknown signal {signal}{core}"),
                }
            }
        }
    }
}

/// The words of the signals from 1 on.
///
/// Source: strsignal(3).
const SIGNALS: [&str; 31] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_the_words_clients_know() {
        assert_eq!(Ended::Exited(3).to_string(), "exited with status 3");
        let told = |signal| Ended::Killed { signal, core: false }.to_string();
        assert_eq!(told(9), "terminated with signal Killed");
        assert_eq!(told(15), "terminated with signal Terminated");
        assert_eq!(told(0), "terminated with signal Unknown signal 0");
        assert_eq!(told(40), "terminated with signal Real-time signal 6");
        assert_eq!(told(99), "terminated with signal Unknown signal 99");
        let crash = Ended::Killed { signal: 11, core: true };
        assert_eq!(crash.to_string(), "terminated with signal Segmentation fault (core dumped)");
    }

    #[test]
    fn a_wait_status_is_an_end_unless_the_program_goes_on() {
        assert_eq!(Ended::of_status(0x0300), Some(Ended::Exited(3)));
        assert_eq!(Ended::of_status(9), Some(Ended::Killed { signal: 9, core: false }));
        assert_eq!(Ended::of_status(0x8b), Some(Ended::Killed { signal: 11, core: true }));
        assert_eq!(Ended::of_status(0x137f), None, "stopped");
        assert_eq!(Ended::of_status(0xffff), None, "continued");
    }
}

//! Supervisors come from a process that has started already and splits: starting a program takes several times the processor time.
//!
//! ```text
//! agent ── spawn, line ──► nursery ── split ──► supervisor, a child of the agent's as well
//!   │ ── Birth ───────────────► │               (with it lock, spec and channel)
//!   │ ◄──────────────── Born ───┤
//! ```
//!
//! The agent and its nursery are of one version, and end together; supervisors run on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use agent_linux::packet::{Packets, wait_readable_within};
use agent_linux::pidfd::Pidfd;
use agent_linux::program::{Program, Started};
use libprocess_wire as wire;

/// How long a nursery may take to answer, or to end. It takes less than a thousandth of that.
const ANSWER: Duration = Duration::from_secs(10);

/// The descriptor number on which a nursery hears of births.
pub const LINE: i32 = 3;

/// A supervisor is wanted; lock, description and channel come with it, in this order.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The file by which one enters the control group of supervisors.
    pub group: Option<String>,
}

/// What became of it.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Born {
    /// It bears this number.
    As(u32),
    /// Nobody was born.
    Not(String),
}

/// A nursery, as its agent holds it. It ends with this value.
#[derive(Debug)]
pub struct Nursery {
    /// `None` once it is to end.
    line: Option<Packets>,
    process: Started,
}

/// Why there is no supervisor.
#[derive(Debug, thiserror::Error)]
pub enum BirthError {
    /// It has ended, and none of it was begun: another can be asked.
    #[error("the nursery has ended")]
    Ended,
    #[error(transparent)]
    Failed(#[from] io::Error),
}

impl Nursery {
    /// Starts one of the program `hectare-launch`.
    pub fn begin(program: &Program) -> io::Result<Self> {
        let (line, theirs) = Packets::pair()?;
        let process = program.start(&[c"hectare-launch", c"supervise"], &[theirs.as_fd()], None, true)?;
        Ok(Self { line: Some(line), process })
    }

    /// Has it bear a supervisor that is handed lock, description and channel. Blocks for as long as a split takes; one at a time
    /// may ask.
    pub fn bear(&self, handed: &[BorrowedFd<'_>; 3], group: Option<&str>) -> Result<Started, BirthError> {
        let line = self.line.as_ref().ok_or(BirthError::Ended)?;
        let birth = Birth { group: group.map(str::to_owned) };
        line.send_with(&wire::encode(&birth), handed).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => BirthError::Ended,
            _ => error.into(),
        })?;
        // From here on it may have begun: another must not be asked with the same descriptors.
        if !wait_readable_within(line, ANSWER)? {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the nursery does not answer").into());
        }
        match wire::decode(&line.receive()?) {
            // It is our child, which keeps its number until we wait for it.
            Ok(Born::As(pid)) => Ok(Started { pid, pidfd: Pidfd::open(pid)? }),
            Ok(Born::Not(why)) => Err(io::Error::other(why).into()),
            Err(_) => Err(io::Error::other("the nursery ended before it answered").into()),
        }
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        self.line = None;
        let ended = || wait_readable_within(&self.process.pidfd, ANSWER).unwrap_or(false);
        if !ended() {
            let _ = self.process.pidfd.signal(libc::SIGKILL);
            ended();
        }
        // Its status is of no interest, its entry in the process table is.
        let _ = self.process.pidfd.reap();
    }
}

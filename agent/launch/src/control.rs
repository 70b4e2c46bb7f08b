//! What an agent and a supervisor say while a container runs: on the channel it was started with, or later on the
//! socket `control` in its runtime directory.
//!
//! New requests and reports are added at the end of their enums; an agent asks a supervisor only for what its protocol
//! number knows.

use libprocess_wire as wire;

use crate::spec::Window;
use crate::status::StatusRecord;

/// The version of these words.
pub const PROTOCOL: u16 = 2;

/// From which version on one may attach.
pub const ATTACHES: u16 = 2;

/// The most that one [`Request::Input`] or [`Report::Output`] carries. Unit: bytes.
pub const PIECE_MAX: usize = 8 * 1024;

/// What an agent asks for.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// First on the control socket; answered by [`Report::Welcome`], after which ends are told here.
    Hello {
        /// What the agent speaks.
        protocol: u16,
    },
    /// The task may leave the gate.
    Go,
    /// Sends a signal to the task's first process.
    Signal(i32),
    /// Ends every process of the container, at once.
    Destroy,
    /// The end that was told is written down elsewhere: nothing needs to be left behind.
    Forget,
    /// From now on this connection carries output and, if `input`, input; ends are not told on it. Answered by
    /// [`Report::Attached`], [`Report::Busy`], or [`Report::Refused`].
    Attach {
        /// Whether it writes to the task's input. One at a time may.
        input: bool,
        /// Whether it reads the task's output.
        output: bool,
    },
    /// For the task's input.
    Input(Vec<u8>),
    /// Nothing more comes for the task's input. A terminal has no such end.
    InputEnds,
    /// The terminal is so large now.
    Resize(Window),
}

/// What a supervisor tells.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The answer to [`Request::Hello`].
    Welcome(Welcome),
    /// The task exists and waits at the gate.
    Held(Identity),
    /// The task executes its program.
    Running,
    /// The container has no process left. The supervisor waits a while to hear [`Request::Forget`], and otherwise
    /// leaves this record behind; then it goes.
    Ended(StatusRecord),
    /// A request was understood and not done.
    Refused(String),
    /// The answer to [`Request::Attach`].
    Attached,
    /// Somebody else writes to the task's input.
    Busy,
    /// What the task wrote.
    Output {
        /// To its standard errors; a terminal has but one output.
        errors: bool,
        /// At most [`PIECE_MAX`] bytes.
        data: Vec<u8>,
    },
}

/// How a supervisor introduces itself.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// What the supervisor speaks.
    pub protocol: u16,
    /// Whose supervisor it is.
    pub container: String,
    /// Who it is, and who its task is.
    pub identity: Identity,
    /// Whether the task has left the gate.
    pub running: bool,
}

/// Who a supervisor and its task are: enough to find them again, and never to mistake another for them.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The boot during which all these numbers mean something.
    pub boot_id: String,
    /// The supervisor's number.
    pub supervisor: u32,
    /// Unit: clock ticks since boot.
    pub supervisor_started: u64,
    /// The number of the task's first process, which leads a session.
    pub task: u32,
    /// Unit: clock ticks since boot.
    pub task_started: u64,
}

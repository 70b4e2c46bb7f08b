//! What waits in the two lanes.

use std::any::Any;
use std::time::Duration;

use tokio::sync::oneshot;

use super::any::Inside;
use crate::ask::AskError;
use crate::doors::Letter;
use crate::lane::Entry;
use crate::link::{Exit, Reason};
use crate::span::Part;
use crate::{Process, Upid};

/// One entry of the user lane.
pub(crate) enum Envelope<A: Process> {
    Input(A::Input),
    /// Came in so many bytes that they count.
    Heavy(Box<(usize, A::Input)>),
    /// Not run once its asker has given up. Unit: time since the runtime started.
    Expiring(Box<(Duration, A::Input)>),
    /// Any other message the actor handles, in actix's own envelope.
    Stock(actix::dev::Envelope<A>),
    /// Came before the doors were open.
    Letter(Box<Letter>),
    /// Any of these, as part of a trace.
    Traced(Box<(Part, Envelope<A>)>),
    Terminate,
}

/// Below this, the bytes a message came in are not counted.
const HEAVY: usize = 1 << 10;

impl<A: Process> Envelope<A> {
    /// The same, known to have come in so many bytes.
    #[inline]
    pub(crate) fn of_bytes(self, bytes: usize) -> Envelope<A> {
        match self {
            Envelope::Input(input) if bytes >= HEAVY => Envelope::Heavy(Box::new((bytes, input))),
            light => light,
        }
    }
}

impl<A: Process> Entry for Envelope<A> {
    #[inline]
    fn weight(&self) -> usize {
        match self {
            Envelope::Input(input) => A::weight(input),
            Envelope::Heavy(heavy) => heavy.0,
            Envelope::Expiring(expiring) => A::weight(&expiring.1),
            Envelope::Letter(letter) => bytes_of(letter),
            Envelope::Traced(traced) => traced.1.weight(),
            Envelope::Stock(_) | Envelope::Terminate => 0,
        }
    }

    fn key(&self) -> Option<u64> {
        match self {
            Envelope::Input(input) => A::key(input),
            Envelope::Heavy(heavy) => A::key(&heavy.1),
            Envelope::Expiring(expiring) => A::key(&expiring.1),
            Envelope::Traced(traced) => traced.1.key(),
            Envelope::Letter(_) | Envelope::Stock(_) | Envelope::Terminate => None,
        }
    }
}

/// How many bytes a letter came in.
pub(super) fn bytes_of(letter: &Letter) -> usize {
    match letter {
        Letter::Frame(frame) => frame.said.iter().map(|(_, body)| body.len()).sum(),
        Letter::Moved { .. } => 0,
    }
}

/// One entry of the system lane.
pub(crate) enum System<A: Process> {
    Input(A::Input),
    /// A task of the process is done, with this input.
    Done(u64, A::Input),
    Exited(Upid, Exit),
    Answer(u64, Result<Box<dyn Any + Send>, AskError>),
    /// Something of the process panicked outside a turn.
    Panicked(Box<Reason>),
    Terminate(Reason),
    /// Was held back by a filter, and is let go.
    #[cfg(feature = "testing")]
    Passed(Box<crate::testing::Passed<A>>),
    /// Somebody looks at this process.
    Probe(oneshot::Sender<Inside>),
}

impl<A: Process> Envelope<A> {
    pub(super) fn sort(&self) -> &'static str {
        match self {
            Envelope::Input(_) | Envelope::Heavy(_) => "message",
            Envelope::Expiring(_) => "question",
            Envelope::Stock(_) => "stock message",
            Envelope::Letter(_) => "letter",
            Envelope::Traced(traced) => traced.1.sort(),
            Envelope::Terminate => "terminate",
        }
    }
}

impl<A: Process> System<A> {
    pub(super) fn sort(&self) -> &'static str {
        match self {
            System::Input(_) | System::Done(..) => "result",
            System::Exited(..) => "exited",
            System::Answer(..) => "answer",
            System::Panicked(_) => "panicked",
            System::Terminate(_) => "terminate",
            System::Probe(_) => "probe",
            #[cfg(feature = "testing")]
            System::Passed(_) => "passed",
        }
    }
}

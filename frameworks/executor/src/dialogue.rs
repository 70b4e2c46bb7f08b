//! What a session hears, and what it asks for.

use std::time::Duration;

use model::TaskStatus;
use model::executor_call::ExecutorCallKind;
use model::executor_event::ExecutorEvent;

/// All that can happen to a session.
#[derive(Debug)]
pub(crate) enum Happening {
    Started,
    /// The answer to SUBSCRIBE began: the events follow.
    Accepted,
    /// SUBSCRIBE had another answer, or none.
    Refused {
        why: String,
        for_good: bool,
    },
    /// The stream ended.
    Lost {
        why: String,
    },
    Event(ExecutorEvent),
    /// The executor has an update with this uuid to send.
    Update(Box<TaskStatus>),
    Message(Vec<u8>),
    /// The call under way was answered.
    Called(Outcome),
    Woke(Alarm),
}

/// How a call was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 2xx.
    Heard,
    /// The agent never wants to hear this.
    Rejected(String),
    /// No answer, or one that says to try again.
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    Connect,
    CallAgain,
    Heartbeat,
}

/// All it may ask of its shell.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// Open the stream with this call.
    Subscribe(ExecutorCallKind),
    /// Drop the stream, if there is one.
    Disconnect,
    Call(ExecutorCallKind),
    /// Wake with `alarm` after `delay`, or at random before it.
    Alarm {
        delay: Duration,
        at_random: bool,
        alarm: Alarm,
    },
    /// Hand an event to the executor.
    Deliver(ExecutorEvent),
    /// Tell the executor that this update is safe with the agent.
    Acknowledged(TaskStatus),
    /// Tell the executor that the agent is away.
    Disconnected,
    /// The agent will not come back: the executor is to shut down.
    GiveUp {
        why: String,
    },
}

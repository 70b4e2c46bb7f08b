//! All that may leave a master: every effect prints in one line, so that a test reads like a transcript.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use libprocess::Upid;
use model::event::Event;
use model::{AgentId, FrameworkCapabilities, FrameworkId, Offer, Resources, StreamId};

use crate::alarms::{Alarm, Slot};
use crate::allocator;
use crate::http::Rejected;
use crate::messages::{Asker, Outlet, ToAgent, Watching};
use crate::registrar::Delta;
use crate::state::{Agent, Framework, Happening};

/// One thing the shell is asked to do.
#[derive(Debug)]
pub(crate) enum Effect {
    /// From now on this stream leads to that session.
    Open { stream: StreamId, outlet: Outlet },
    /// An event for whoever reads the stream.
    Event { stream: StreamId, event: Event },
    /// Events on this stream are spelled for these capabilities from now on.
    Learn { stream: StreamId, capabilities: FrameworkCapabilities },
    /// Ends the stream in an orderly way, after what was sent before.
    Close { stream: StreamId },
    /// From now on that process is told what happens, and first what there is.
    Watch { stream: StreamId, watcher: Watching },
    /// What happened, for all who watch.
    Happened(Arc<[Happening]>),
    /// Sends one who watches away.
    Unwatch(StreamId),
    /// A message to an agent.
    ToAgent { upid: Upid, message: ToAgent },
    /// Wants to hear when the agent's link breaks.
    Link(Upid),
    /// No longer wants to hear it.
    Unlink(Upid),
    /// Tells the allocator.
    Allocator(allocator::Input),
    /// Has a registrar read the registry, and write it in this epoch.
    ReadRegistry { epoch: u64 },
    /// Asks the registrar to write.
    Record(Delta),
    /// Answers a call.
    Answer { asker: Asker, answer: Result<(), Rejected> },
    /// Wakes the master later.
    Alarm { after: Duration, alarm: Alarm },
    /// Does not: whoever was awaited is there, or will never be.
    Disarm(Slot),
    /// Ends this master, and says why: going on would do harm.
    End(String),
}

impl Effect {
    /// Gives resources back to the allocator; with `refuse`, the framework does not want them for that long.
    pub(crate) fn recover(
        framework: &FrameworkId,
        agent: &AgentId,
        resources: Resources,
        refuse: Option<Duration>,
    ) -> Self {
        Effect::Allocator(allocator::Input::Recover {
            framework: framework.clone(),
            agent: agent.clone(),
            resources,
            refuse,
        })
    }

    /// Gives a whole offer back.
    pub(crate) fn recover_offer(offer: &Offer, refuse: Option<Duration>) -> Self {
        Effect::recover(&offer.framework_id, &offer.agent_id, offer.resources.clone(), refuse)
    }
}

/// What one decision asks for, in order.
#[derive(Debug, Default)]
pub(crate) struct Effects(Vec<Effect>);

impl Effects {
    /// Nothing to do.
    pub(crate) fn none() -> Self {
        Effects::default()
    }

    /// Adds one more.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }

    /// Tells the framework, if it is there to hear it. Who is away hears nothing: it asks when it returns.
    pub(crate) fn tell(&mut self, framework: &Framework, event: Event) {
        if let Some(stream) = framework.stream() {
            self.push(Effect::Event { stream, event });
        }
    }

    /// Tells the agent, if its link stands.
    pub(crate) fn send(&mut self, agent: &Agent, message: impl Into<ToAgent>) {
        if agent.connected() {
            self.push(Effect::ToAgent { upid: agent.upid.clone(), message: message.into() });
        }
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Effect> {
        self.0.iter()
    }
}

impl Extend<Effect> for Effects {
    fn extend<T: IntoIterator<Item = Effect>>(&mut self, effects: T) {
        self.0.extend(effects);
    }
}

impl FromIterator<Effect> for Effects {
    fn from_iter<T: IntoIterator<Item = Effect>>(effects: T) -> Self {
        Effects(effects.into_iter().collect())
    }
}

impl From<Effect> for Effects {
    fn from(effect: Effect) -> Self {
        Effects(vec![effect])
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::vec::IntoIter<Effect>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|effect| writeln!(f, "{effect}"))
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Open { stream, .. } => write!(f, "open {stream}"),
            Effect::Event { stream, event } => write!(f, "{stream} <- {}", Told(event)),
            Effect::Learn { stream, .. } => write!(f, "{stream} learns its framework's capabilities"),
            Effect::Close { stream } => write!(f, "close {stream}"),
            Effect::Watch { stream, .. } => write!(f, "{stream} watches"),
            Effect::Happened(all) => write!(f, "{} happenings", all.len()),
            Effect::Unwatch(stream) => write!(f, "{stream} closes"),
            Effect::ToAgent { upid, message } => write!(f, "{upid} <- {message}"),
            Effect::Link(upid) => write!(f, "link {upid}"),
            Effect::Unlink(upid) => write!(f, "unlink {upid}"),
            Effect::Allocator(input) => input.fmt(f),
            Effect::ReadRegistry { epoch } => write!(f, "read the registry in epoch {epoch}"),
            Effect::Record(delta) => write!(f, "record: {delta}"),
            Effect::Answer { answer: Ok(()), .. } => f.write_str("answer: accepted"),
            Effect::Answer { answer: Err(rejected), .. } => {
                write!(f, "answer: {} {rejected}", rejected.status())
            }
            Effect::Alarm { after, alarm } => write!(f, "in {after:?}: {alarm}"),
            Effect::End(why) => write!(f, "end: {why}"),
            Effect::Disarm(slot) => write!(f, "no longer: {slot:?}"),
        }
    }
}

/// An event in one line.
struct Told<'a>(&'a Event);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())?;
        match self.0 {
            Event::Subscribed { framework_id, .. } => write!(f, " {framework_id}"),
            Event::Offers(offers) => offers
                .iter()
                .try_for_each(|offer| write!(f, " {} of {}: {}", offer.id, offer.agent_id, offer.resources)),
            Event::Rescind { offer_id } => write!(f, " {offer_id}"),
            Event::Update(status) => {
                write!(f, " {} {}", status.task_id, status.state)?;
                status.reason.iter().try_for_each(|reason| write!(f, " {reason}"))?;
                status.message.iter().try_for_each(|message| write!(f, ": {message}"))
            }
            Event::UpdateOperationStatus(status) => {
                status.operation_id.iter().try_for_each(|id| write!(f, " {id}"))?;
                write!(f, " {}", status.state)?;
                status.message.iter().try_for_each(|message| write!(f, ": {message}"))
            }
            Event::Message { executor_id, data, .. } => {
                write!(f, " from {executor_id}, {} bytes", data.len())
            }
            Event::Failure { agent_id, executor_id, status } => {
                executor_id.iter().try_for_each(|id| write!(f, " of {id}"))?;
                agent_id.iter().try_for_each(|id| write!(f, " on {id}"))?;
                status.iter().try_for_each(|status| write!(f, ", status {status}"))
            }
            Event::Error { message } => write!(f, ": {message}"),
            Event::InverseOffers(offers) => offers.iter().try_for_each(|offer| {
                write!(f, " {}", offer.id)?;
                offer.agent_id.iter().try_for_each(|id| write!(f, " of {id}"))
            }),
            Event::RescindInverseOffer { inverse_offer_id } => write!(f, " {inverse_offer_id}"),
            Event::Heartbeat => Ok(()),
        }
    }
}

//! The doors of a process: which messages, questions and requests reach it from outside.
//!
//! A door turns bytes, or a moved value, into the process' own input. It is a function without
//! state, found by name and version once per connection and by number from then on.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use libprocess_wire as wire;

use crate::ask::{AskError, Reply, SendError};
use crate::http;
use crate::mailbox::Envelope;
use crate::{Edge, Pid, Process, Upid};

/// A message that came through a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<M> {
    /// Who sent it; its node is the one the link leads to.
    pub from: Upid,
    pub body: M,
}

/// A question that came through a door.
#[derive(Debug)]
pub struct Asked<Q: wire::Question> {
    pub from: Upid,
    pub body: Q,
    /// Where the answer goes.
    pub reply: Reply<Q::Reply>,
}

/// What a process hears from outside; filled in [`Process::doors`].
pub struct Doors<A: Process> {
    /// Until the doors are open: kept longer, the process would hold itself.
    pid: Option<Pid<A>>,
    doors: Vec<Door<A>>,
    by_name: BTreeMap<&'static str, usize>,
    by_type: BTreeMap<TypeId, usize>,
    routes: Vec<(http::Route, http::Handler)>,
}

struct Door<A: Process> {
    version: u32,
    decode: fn(&Upid, &[u8]) -> Decoded<A>,
    ask: fn(Upid, &[u8], AskPath) -> Decoded<A>,
    moved: Moved<A>,
}

type Decoded<A> = Result<Envelope<A>, wire::DecodeError>;
type Moved<A> = fn(Box<dyn Any + Send>, Option<Duration>) -> Option<Envelope<A>>;

/// A message on its way to a door that has still to be found.
pub(crate) enum Letter {
    /// From a process of the same runtime: a `Received<M>` or an `Asked<Q>`.
    Moved { message: Box<dyn Any + Send>, kind: TypeId, deadline: Option<Duration> },
    /// From another node.
    Frame { name: Box<str>, version: u32, from: Upid, body: Box<[u8]>, ask: Option<AskPath> },
}

/// The way back to whoever asked from another node.
pub(crate) struct AskPath {
    /// Carries the encoded answer, or why there is none.
    pub(crate) answer: Box<dyn FnOnce(Result<Vec<u8>, AskError>) + Send>,
    /// When the asker gives up. Unit: time since this runtime started.
    pub(crate) deadline: Duration,
}

impl<A: Process> Doors<A> {
    pub(crate) fn new(pid: Pid<A>) -> Doors<A> {
        Doors {
            pid: Some(pid),
            doors: Vec::new(),
            by_name: BTreeMap::new(),
            by_type: BTreeMap::new(),
            routes: Vec::new(),
        }
    }

    /// Takes messages `M` from anybody.
    pub fn message<M: wire::Message>(&mut self) -> &mut Self
    where
        A::Input: From<Received<M>>,
    {
        self.add::<M, Received<M>>(Door {
            version: M::VERSION,
            decode: |from, bytes| {
                let body = wire::decode::<M>(bytes)?;
                Ok(Envelope::Input(Received { from: from.clone(), body }.into()))
            },
            ask: |from, bytes, _dropped| {
                let body = wire::decode::<M>(bytes)?;
                Ok(Envelope::Input(Received { from, body }.into()))
            },
            moved: |any, _| Some(Envelope::Input((*any.downcast::<Received<M>>().ok()?).into())),
        })
    }

    /// Takes questions `Q` from anybody.
    pub fn question<Q: wire::Question>(&mut self) -> &mut Self
    where
        A::Input: From<Asked<Q>>,
    {
        self.add::<Q, Asked<Q>>(Door {
            version: Q::VERSION,
            decode: |from, bytes| {
                let body = wire::decode::<Q>(bytes)?;
                let reply = Reply::by(|_| {});
                Ok(Envelope::Input(Asked { from: from.clone(), body, reply }.into()))
            },
            ask: |from, bytes, path| {
                let AskPath { answer, deadline } = path;
                let body = match wire::decode::<Q>(bytes) {
                    Ok(body) => body,
                    Err(error) => {
                        answer(Err(AskError::Rejected));
                        return Err(error);
                    }
                };
                let reply = Reply::by(move |reply: Result<Q::Reply, AskError>| {
                    answer(reply.map(|reply| wire::encode(&reply)));
                });
                Ok(Envelope::Expiring(Box::new((deadline, Asked { from, body, reply }.into()))))
            },
            moved: |any, deadline| {
                let asked: A::Input = (*any.downcast::<Asked<Q>>().ok()?).into();
                Some(match deadline {
                    Some(deadline) => Envelope::Expiring(Box::new((deadline, asked))),
                    None => Envelope::Input(asked),
                })
            },
        })
    }

    /// Answers HTTP requests under `/<id>/<path>`; the handler runs on an HTTP arbiter.
    pub fn route<F, R>(&mut self, route: http::Route, handler: F) -> &mut Self
    where
        F: Fn(http::Request, Edge<A>) -> R + Send + Sync + 'static,
        R: Future<Output = http::Response> + 'static,
    {
        let edge = Edge::new(self.pid().clone());
        self.routes
            .push((route, std::sync::Arc::new(move |request| handler(request, edge.clone()).boxed_local())));
        self
    }

    /// The process these doors belong to, for handlers that want its address.
    pub fn pid(&self) -> &Pid<A> {
        self.pid.as_ref().expect("doors are filled before they open")
    }

    fn add<M: wire::Message, D: 'static>(&mut self, door: Door<A>) -> &mut Self {
        let number = self.doors.len();
        self.doors.push(door);
        assert!(self.by_name.insert(M::NAME, number).is_none(), "two doors named `{}`", M::NAME);
        self.by_type.insert(TypeId::of::<D>(), number);
        self
    }

    /// No more will be added: hands out the routes, and lets go of the process.
    pub(crate) fn finish(&mut self) -> Vec<(http::Route, http::Handler)> {
        self.pid = None;
        std::mem::take(&mut self.routes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.doors.is_empty()
    }

    /// The number of the door for a name and version.
    pub(crate) fn find(&self, name: &str, version: u32) -> Option<usize> {
        self.by_name.get(name).copied().filter(|&number| self.doors[number].version == version)
    }

    pub(crate) fn decode(&self, door: usize, from: &Upid, body: &[u8]) -> Result<Envelope<A>, SendError> {
        let door = self.doors.get(door).ok_or(SendError::Refused)?;
        (door.decode)(from, body).map_err(|error| refused::<A>(&error))
    }

    /// Opens a letter: finds its door and lets it become an input.
    pub(crate) fn open(&self, letter: Letter) -> Result<Envelope<A>, SendError> {
        match letter {
            Letter::Moved { message, kind, deadline } => {
                let door = self.by_type.get(&kind).ok_or(SendError::Refused)?;
                (self.doors[*door].moved)(message, deadline).ok_or(SendError::Refused)
            }
            Letter::Frame { name, version, from, body, ask } => match (self.find(&name, version), ask) {
                (Some(door), None) => self.decode(door, &from, &body),
                (Some(door), Some(path)) => {
                    (self.doors[door].ask)(from, &body, path).map_err(|error| refused::<A>(&error))
                }
                (None, Some(path)) => {
                    (path.answer)(Err(AskError::Rejected));
                    Err(SendError::Refused)
                }
                (None, None) => Err(SendError::Refused),
            },
        }
    }
}

fn refused<A: Process>(error: &wire::DecodeError) -> SendError {
    tracing::debug!(kind = A::KIND, %error, "message refused at the door");
    SendError::Refused
}

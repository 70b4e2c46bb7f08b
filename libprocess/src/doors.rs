//! The doors of a process: which messages, questions and requests reach it from outside.
//!
//! A door turns bytes, or a moved value, into the process' own input. It is a function without
//! state, found by name and version once per connection and by number from then on.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use libprocess_wire as wire;

use crate::ask::{AskError, Reply, SendError};
use crate::http;
use crate::mailbox::Envelope;
use crate::transport::legacy;
use crate::{Edge, Pid, Principal, Process, Upid, span};

/// A message that came through a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<M> {
    /// Who sent it; its node is the one the link leads to.
    pub from: Upid,
    /// Who its link proved to be at the other end. A process of this node is as the node itself.
    pub principal: Option<Principal>,
    pub body: M,
}

/// A question that came through a door.
#[derive(Debug)]
pub struct Asked<Q: wire::Question> {
    pub from: Upid,
    /// Who its link proved to be at the other end.
    pub principal: Option<Principal>,
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
    legacy: Vec<(&'static str, legacy::Handler)>,
    /// Asked before the routes that are opened after it.
    guard: Option<std::sync::Arc<Guard>>,
}

/// Answers a request in the place of its route, or lets it pass.
type Guard = dyn Fn(&http::Request) -> Option<http::Response> + Send + Sync;

struct Door<A: Process> {
    name: &'static str,
    understands: fn(u32) -> bool,
    decode: fn(&Origin<'_>, u32, &[u8]) -> Decoded<A>,
    several: Several<A>,
    ask: fn(&Origin<'_>, u32, &[u8], AskPath) -> Decoded<A>,
    moved: Moved<A>,
}

/// Where a message comes from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) from: &'a Upid,
    pub(crate) principal: Option<&'a Principal>,
}

/// Why there is no door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDoor {
    /// None is open yet.
    NotYet,
    /// None has that name.
    Name,
    /// The one of that name does not read that version.
    Version,
}

/// Decodes several of one version, and says how many are not what the door reads. One function for each
/// type of message: each is built where it will wait.
type Several<A> = fn(&Origin<'_>, u32, &[&[u8]], &mut VecDeque<Envelope<A>>) -> usize;
type Decoded<A> = Result<Envelope<A>, wire::DecodeError>;
type Moved<A> = fn(Box<dyn Any + Send>, Option<Duration>) -> Option<Envelope<A>>;

/// A message on its way to a door that has still to be found.
pub(crate) enum Letter {
    /// From a process of the same runtime: a `Received<M>` or an `Asked<Q>`.
    Moved { message: Box<dyn Any + Send>, kind: TypeId, deadline: Option<Duration> },
    /// From another node.
    Frame(Box<Frame>),
}

/// A message as it came from another node.
pub(crate) struct Frame {
    pub(crate) name: Box<str>,
    pub(crate) from: Upid,
    pub(crate) principal: Option<Principal>,
    /// What was said, in which version; the newest first.
    pub(crate) said: Vec<(u32, Box<[u8]>)>,
    pub(crate) ask: Option<AskPath>,
}

type WayBack = Box<dyn FnOnce(Result<Vec<u8>, AskError>, u32) + Send>;

/// The way back to whoever asked from another node.
pub(crate) struct AskPath {
    /// Carries the encoded answer, or why there is none; and in which version the question was read.
    pub(crate) answer: WayBack,
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
            legacy: Vec::new(),
            guard: None,
        }
    }

    /// Takes messages `M` from anybody.
    pub fn message<M: wire::Message>(&mut self) -> &mut Self
    where
        A::Input: From<Received<M>>,
    {
        self.add::<M, Received<M>>(Door {
            name: M::NAME,
            understands: wire::understands::<M>,
            decode: |origin, version, bytes| {
                let body = read::<M>(version, bytes)?;
                Ok(Envelope::Input(origin.received(body).into()))
            },
            several: |origin, version, bodies, several| {
                decode_into::<A, M>(version, bodies, several, |body| origin.received(body).into())
            },
            ask: |origin, version, bytes, _dropped| {
                let body = read::<M>(version, bytes)?;
                Ok(Envelope::Input(origin.received(body).into()))
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
            name: Q::NAME,
            understands: wire::understands::<Q>,
            decode: |origin, version, bytes| {
                let body = read::<Q>(version, bytes)?;
                Ok(Envelope::Input(origin.asked(body, Reply::by(|_| {})).into()))
            },
            several: |origin, version, bodies, several| {
                decode_into::<A, Q>(version, bodies, several, |body| {
                    origin.asked(body, Reply::by(|_| {})).into()
                })
            },
            ask: |origin, version, bytes, path| {
                let AskPath { answer, deadline } = path;
                let body = match read::<Q>(version, bytes) {
                    Ok(body) => body,
                    Err(error) => {
                        answer(Err(AskError::Rejected), version);
                        return Err(error);
                    }
                };
                let reply = Reply::by(move |reply: Result<Q::Reply, AskError>| {
                    answer(reply.map(|reply| Q::encode_reply(reply, version)), version);
                });
                Ok(Envelope::Expiring(Box::new((deadline, origin.asked(body, reply).into()))))
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

    /// Asks `guard` first, for every route opened from here on; a request it answers goes no further.
    pub fn before(
        &mut self,
        guard: impl Fn(&http::Request) -> Option<http::Response> + Send + Sync + 'static,
    ) -> &mut Self {
        self.guard = Some(std::sync::Arc::new(guard));
        self
    }

    /// Answers HTTP requests under `/<id>/<path>`; the handler runs on an HTTP arbiter.
    pub fn route<F, R>(&mut self, route: http::Route, handler: F) -> &mut Self
    where
        F: Fn(http::Request, Edge<A>) -> R + Send + Sync + 'static,
        R: Future<Output = http::Response> + 'static,
    {
        let edge = Edge::new(self.pid().clone());
        let guard = self.guard.clone();
        let handler = move |request: http::Request| match guard.as_ref().and_then(|guard| guard(&request)) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => {
                let asked = edge.of(&request);
                span::around_request(&edge.runtime, edge.pid.upid(), request, |request| {
                    handler(request, asked)
                })
            }
        };
        self.routes.push((route, std::sync::Arc::new(handler)));
        self
    }

    /// Takes messages of this name from those who speak the [old wire](legacy); the handler runs on an HTTP arbiter. The
    /// next message of the same connection comes when it has returned.
    pub fn legacy<F, R>(&mut self, name: &'static str, handler: F) -> &mut Self
    where
        F: Fn(legacy::Heard, Edge<A>) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + 'static,
    {
        let edge = Edge::new(self.pid().clone());
        let handler = move |heard: legacy::Heard| handler(heard, edge.clone()).boxed_local();
        self.legacy.push((name, std::sync::Arc::new(handler)));
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

    /// No more will be added: opens at the edge what is asked for there, and lets go of the process.
    pub(crate) fn finish(&mut self, router: &http::Router) {
        if let Some(pid) = self.pid.take() {
            router.mount(pid.upid().id(), std::mem::take(&mut self.routes));
            router.listen(pid.upid().id(), std::mem::take(&mut self.legacy));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.doors.is_empty()
    }

    /// The number of the door for a name and version.
    pub(crate) fn find(&self, name: &str, version: u32) -> Result<usize, NoDoor> {
        let number = *self.by_name.get(name).ok_or(NoDoor::Name)?;
        let door = &self.doors[number];
        debug_assert_eq!(door.name, name);
        (door.understands)(version).then_some(number).ok_or(NoDoor::Version)
    }

    /// What has come to a door, as a letter that filters of tests can read.
    pub(crate) fn letter(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        body: &[u8],
        ask: Option<AskPath>,
    ) -> Result<Letter, SendError> {
        let name = self.doors.get(door).ok_or(SendError::Refused)?.name.into();
        let (from, principal) = (origin.from.clone(), origin.principal.cloned());
        Ok(Letter::Frame(Box::new(Frame { name, from, principal, said: vec![(version, body.into())], ask })))
    }

    #[inline]
    pub(crate) fn decode(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        body: &[u8],
    ) -> Result<Envelope<A>, SendError> {
        let door = self.doors.get(door).ok_or(SendError::Refused)?;
        (door.decode)(origin, version, body).map_err(|error| refused::<A>(&error))
    }

    /// Decodes several of one version behind what is in `several`; says how many are not what the door
    /// reads.
    pub(crate) fn decode_all(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        bodies: &[&[u8]],
        several: &mut VecDeque<Envelope<A>>,
    ) -> usize {
        let Some(door) = self.doors.get(door) else { return bodies.len() };
        (door.several)(origin, version, bodies, several)
    }

    pub(crate) fn ask(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        body: &[u8],
        path: AskPath,
    ) -> Result<Envelope<A>, SendError> {
        let door = self.doors.get(door).ok_or(SendError::Refused)?;
        (door.ask)(origin, version, body, path).map_err(|error| refused::<A>(&error))
    }

    /// Opens a letter: finds its door and lets it become an input.
    pub(crate) fn open(&self, letter: Letter) -> Result<Envelope<A>, SendError> {
        match letter {
            Letter::Moved { message, kind, deadline } => {
                let door = self.by_type.get(&kind).ok_or(SendError::Refused)?;
                (self.doors[*door].moved)(message, deadline).ok_or(SendError::Refused)
            }
            Letter::Frame(frame) => {
                let Frame { name, from, principal, said, ask } = *frame;
                let origin = Origin { from: &from, principal: principal.as_ref() };
                let found = said
                    .iter()
                    .find_map(|(version, body)| Some((self.find(&name, *version).ok()?, *version, body)));
                match (found, ask) {
                    (Some((door, version, body)), None) => self.decode(door, version, &origin, body),
                    (Some((door, version, body)), Some(path)) => self.ask(door, version, &origin, body, path),
                    (None, Some(path)) => {
                        (path.answer)(Err(AskError::Rejected), 0);
                        Err(SendError::Refused)
                    }
                    (None, None) => Err(SendError::Refused),
                }
            }
        }
    }
}

impl Origin<'_> {
    #[inline]
    fn received<M>(&self, body: M) -> Received<M> {
        Received { from: self.from.clone(), principal: self.principal.cloned(), body }
    }

    fn asked<Q: wire::Question>(&self, body: Q, reply: Reply<Q::Reply>) -> Asked<Q> {
        Asked { from: self.from.clone(), principal: self.principal.cloned(), body, reply }
    }
}

#[inline]
fn read<M: wire::Message>(version: u32, bytes: &[u8]) -> Result<M, wire::DecodeError> {
    wire::decode_version(version, bytes).expect("a door is found for versions it understands")
}

#[inline]
fn decode_into<A: Process, M: wire::Message>(
    version: u32,
    bodies: &[&[u8]],
    several: &mut VecDeque<Envelope<A>>,
    input: impl Fn(M) -> A::Input,
) -> usize {
    let before = several.len();
    for body in bodies {
        match read::<M>(version, body) {
            Ok(message) => several.push_back(Envelope::Input(input(message)).of_bytes(body.len())),
            Err(error) => {
                refused::<A>(&error);
            }
        }
    }
    bodies.len() - (several.len() - before)
}

fn refused<A: Process>(error: &wire::DecodeError) -> SendError {
    tracing::debug!(kind = A::KIND, %error, "message refused at the door");
    SendError::Refused
}

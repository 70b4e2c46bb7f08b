//! What lies between nodes: how long a packet takes, which ways are closed, who listens where.
//!
//! A connection is TCP as its users see it: bytes in order, a window, and a break; never a hole.
//!
//! | what happens | what the two ends see |
//! |---|---|
//! | latency | each packet takes its own time, but none overtakes another of its connection |
//! | a way is closed | what is sent waits and arrives when it opens, like a retransmission |
//! | a connection is cut | both ends fail at once |
//! | an end is dropped, its node killed | the other reads to the end, then the end; its writes fail |
//! | the power goes | the other hears nothing; once there is power again, its next packet is reset |

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use slab::Slab;
use smallvec::SmallVec;

use super::pipe::End;
use super::trace::{digest, mix};
use crate::Runtime;

/// How much may be on its way and unread in one direction.
///
/// Unit: bytes.
pub(super) const WINDOW: usize = 256 << 10;

/// From here to there.
pub(super) type Way = (SocketAddr, SocketAddr);

pub(super) struct Network {
    /// Shape: address → the life of the node there.
    up: BTreeMap<SocketAddr, u32>,
    /// Machines that answer nobody.
    dark: BTreeSet<SocketAddr>,
    latency: BTreeMap<Way, RangeInclusive<Duration>>,
    /// How much a way carries, if not all that comes. Unit: bytes a second.
    narrow: BTreeMap<Way, u64>,
    closed: BTreeSet<Way>,
    connections: Slab<Box<Connection>>,
    /// The same connections by the two addresses between which they are, the smaller first.
    between: BTreeSet<(Way, Line)>,
    /// Which ends each node has or had. Shape: (life, connection, side).
    ends: BTreeSet<(u32, Line, usize)>,
    /// How many connections there have been.
    last: u64,
    chance: ChaCha8Rng,
}

/// What a node does with who knocks.
pub(super) type Accept = Box<dyn FnOnce(Runtime, End) -> LocalBoxFuture<'static, ()> + Send>;

/// A connection's name. Those that were dialled earlier are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    /// The how-manieth.
    pub(super) number: u64,
    /// Where it lies, and after its end another.
    place: usize,
}

impl Line {
    const FIRST: Line = Line { number: 0, place: 0 };
    const LAST: Line = Line { number: u64::MAX, place: usize::MAX };
}

/// Two sides: 0 dialled, 1 was dialled.
pub(super) struct Connection {
    number: u64,
    pub(super) sides: [Side; 2],
    accept: Option<Accept>,
}

pub(super) struct Side {
    pub(super) address: SocketAddr,
    /// The node that holds this end; nobody before it is accepted.
    life: Option<u32>,
    pub(super) held: Held,
    /// Whether the other end has answered the knock.
    pub(super) welcome: bool,
    /// It waits for what follows the welcome, which alone is no reason to look.
    pub(super) patient: bool,
    pub(super) unread: VecDeque<Bytes>,
    /// What follows what is unread.
    pub(super) end: Option<Ended>,
    /// Nobody reads any more what this side writes.
    pub(super) unheard: bool,
    /// This side writes no more.
    pub(super) finished: bool,
    /// How much this side has written that is unread. Unit: bytes.
    pub(super) window: usize,
    /// When the last packet of this side arrives.
    latest: Duration,
    /// Until when a narrow way is taken by what this side has sent.
    busy: Duration,
    /// What has come to this side through a way that is closed.
    waiting: VecDeque<Packet>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// Who has one end of a connection in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nobody yet.
    Unborn,
    Open,
    /// It was let go: the machine says so to whoever writes to it.
    Dropped,
    /// The machine lost its power, and knows of nothing.
    Vanished,
}

/// How reading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Properly,
    /// Let go by the other end, which may not have said all.
    Left,
    Reset,
}

/// What travels.
#[derive(Debug)]
pub(super) enum Packet {
    Knock,
    Welcome,
    Bytes(Bytes),
    /// All there was to say: the end is let go behind it.
    Last(Bytes),
    /// This way is done.
    Finish,
    /// The end was let go.
    Leave,
    Reset,
}

/// Whoever waits at one side: mostly that is all who are woken.
type Wakers = SmallVec<[Waker; 2]>;

/// What is to be done when the network has been unlocked.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) wakers: Wakers,
    /// Packets to be sent in turn: connection, the side that sends, what.
    pub(super) replies: Vec<(Line, usize, Packet)>,
    /// Somebody was let in: to which life, and who greets them.
    pub(super) accepted: Option<(u32, Accept)>,
    /// Dropped without the lock held.
    pub(super) gone: Vec<Connection>,
}

impl Packet {
    /// What the trace knows of it.
    pub(super) fn digest(&self) -> u64 {
        match self {
            Packet::Knock => 1,
            Packet::Welcome => 2,
            Packet::Bytes(bytes) => mix(digest(bytes)),
            Packet::Last(bytes) => mix(digest(bytes) ^ 6),
            Packet::Finish => 3,
            Packet::Leave => 4,
            Packet::Reset => 5,
        }
    }
}

impl Packet {
    /// Unit: bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Packet::Bytes(bytes) | Packet::Last(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

impl Side {
    fn new(address: SocketAddr, life: Option<u32>, held: Held) -> Side {
        Side {
            address,
            life,
            held,
            welcome: false,
            patient: false,
            unread: VecDeque::new(),
            end: None,
            unheard: false,
            finished: false,
            window: 0,
            latest: Duration::ZERO,
            busy: Duration::ZERO,
            waiting: VecDeque::new(),
            reader: None,
            writer: None,
        }
    }

    fn wake(&mut self, wakers: &mut Wakers) {
        wakers.extend(self.reader.take());
        wakers.extend(self.writer.take());
    }

    fn is_gone(&self) -> bool {
        matches!(self.held, Held::Dropped | Held::Vanished)
    }
}

impl Network {
    pub(super) fn new(chance: ChaCha8Rng) -> Network {
        Network {
            up: BTreeMap::new(),
            dark: BTreeSet::new(),
            latency: BTreeMap::new(),
            narrow: BTreeMap::new(),
            closed: BTreeSet::new(),
            connections: Slab::new(),
            between: BTreeSet::new(),
            ends: BTreeSet::new(),
            last: 0,
            chance,
        }
    }

    /// A node lives at an address from now on.
    pub(super) fn start(&mut self, address: SocketAddr, life: u32) {
        self.dark.remove(&address);
        self.up.insert(address, life);
    }

    /// A node lives no longer: its ends are let go, or are gone with the power.
    pub(super) fn stop(&mut self, address: SocketAddr, life: u32, power: bool) -> Outcome {
        let mut outcome = Outcome::default();
        if self.up.get(&address) == Some(&life) {
            self.up.remove(&address);
            if !power {
                self.dark.insert(address);
            }
        }
        let ends: Vec<_> = self.ends.range((life, Line::FIRST, 0)..=(life, Line::LAST, 1)).copied().collect();
        for (_, line, side) in ends {
            let held = if power { Held::Dropped } else { Held::Vanished };
            self.leave(line, side, held, &mut outcome);
        }
        outcome
    }

    /// `None` is as usual.
    pub(super) fn latency(&mut self, way: Way, latency: Option<RangeInclusive<Duration>>) {
        match latency {
            Some(latency) => drop(self.latency.insert(way, latency)),
            None => drop(self.latency.remove(&way)),
        }
    }

    pub(super) fn narrow(&mut self, way: Way, rate: Option<u64>) {
        match rate {
            Some(rate) => drop(self.narrow.insert(way, rate.max(1))),
            None => drop(self.narrow.remove(&way)),
        }
    }

    pub(super) fn close(&mut self, way: Way) {
        self.closed.insert(way);
    }

    /// Opens a way, and hands out what waited for it, in the order it arrived.
    pub(super) fn open(&mut self, way: Way) -> Vec<(Line, usize, Packet)> {
        self.closed.remove(&way);
        let mut late = Vec::new();
        for line in self.between(way) {
            let Some(connection) = at(&mut self.connections, line) else { continue };
            for side in [0, 1] {
                if (connection.sides[1 - side].address, connection.sides[side].address) == way {
                    let waiting = std::mem::take(&mut connection.sides[side].waiting);
                    late.extend(waiting.into_iter().map(|packet| (line, side, packet)));
                }
            }
        }
        late
    }

    pub(super) fn closed_ways(&self) -> Vec<Way> {
        self.closed.iter().copied().collect()
    }

    /// Breaks every connection between two addresses.
    pub(super) fn cut(&mut self, one: SocketAddr, other: SocketAddr) -> Outcome {
        let mut outcome = Outcome::default();
        for line in self.between((one, other)) {
            let Some(mut connection) = self.remove(line) else { continue };
            connection.sides.iter_mut().for_each(|side| side.wake(&mut outcome.wakers));
            outcome.gone.push(*connection);
        }
        outcome
    }

    /// The connections between two addresses, whoever dialled, the oldest first.
    fn between(&self, way: Way) -> Vec<Line> {
        let way = ordered(way);
        self.between.range((way, Line::FIRST)..=(way, Line::LAST)).map(|(_, line)| *line).collect()
    }

    /// Lets go of a connection, wherever it is listed.
    fn remove(&mut self, line: Line) -> Option<Box<Connection>> {
        self.get(line)?;
        let connection = self.connections.remove(line.place);
        let [dialled, was_dialled] = [0, 1].map(|side| connection.sides[side].address);
        self.between.remove(&(ordered((dialled, was_dialled)), line));
        for (at, side) in connection.sides.iter().enumerate() {
            side.life.map(|life| self.ends.remove(&(life, line, at)));
        }
        Some(connection)
    }

    /// A new connection, on which nothing has been said. `None` if the node that dials lives no longer.
    pub(super) fn connect(
        &mut self,
        from: SocketAddr,
        life: u32,
        to: SocketAddr,
        accept: Accept,
    ) -> Option<Line> {
        if self.up.get(&from) != Some(&life) {
            return None;
        }
        self.last += 1;
        let sides = [Side::new(from, Some(life), Held::Open), Side::new(to, None, Held::Unborn)];
        let connection = Box::new(Connection { number: self.last, sides, accept: Some(accept) });
        let line = Line { number: self.last, place: self.connections.insert(connection) };
        self.between.insert((ordered((from, to)), line));
        self.ends.insert((life, line, 0));
        Some(line)
    }

    pub(super) fn get(&mut self, line: Line) -> Option<&mut Connection> {
        at(&mut self.connections, line)
    }

    /// When a packet of so many bytes that is sent now will arrive; never before one sent earlier.
    pub(super) fn arrival(
        &mut self,
        now: Duration,
        line: Line,
        side: usize,
        bytes: usize,
    ) -> Option<Duration> {
        let connection = at(&mut self.connections, line)?;
        let way = (connection.sides[side].address, connection.sides[1 - side].address);
        let usual = match way.0 == way.1 {
            true => Duration::from_micros(10)..=Duration::from_micros(20),
            false => Duration::from_micros(200)..=Duration::from_micros(500),
        };
        let latency = self.latency.get(&way).cloned().unwrap_or(usual);
        let drawn =
            *latency.start() + latency.end().saturating_sub(*latency.start()).mul_f64(self.chance.random());
        let sender = &mut connection.sides[side];
        let mut sent = now;
        if let Some(rate) = self.narrow.get(&way) {
            sender.busy = sender.busy.max(now) + Duration::from_secs_f64(bytes as f64 / *rate as f64);
            sent = sender.busy;
        }
        sender.latest = (sent + drawn).max(sender.latest);
        Some(sender.latest)
    }

    /// A packet is there. If its way is closed, it waits for the opening.
    pub(super) fn arrive(&mut self, line: Line, to: usize, packet: Packet) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(connection) = at(&mut self.connections, line) else { return outcome };
        let way = (connection.sides[1 - to].address, connection.sides[to].address);
        if self.closed.contains(&way) {
            connection.sides[to].waiting.push_back(packet);
            return outcome;
        }
        if let Packet::Knock = packet {
            self.knock(line, &mut outcome);
            return outcome;
        }
        let side = &mut connection.sides[to];
        match (side.held, packet) {
            (Held::Open, Packet::Bytes(bytes)) => side.unread.push_back(bytes),
            (Held::Open, Packet::Welcome) => {
                side.welcome = true;
                if side.patient {
                    return outcome;
                }
            }
            (Held::Open, Packet::Last(bytes)) => {
                side.unread.push_back(bytes);
                side.end = side.end.or(Some(Ended::Properly));
                side.unheard = true;
            }
            (Held::Open, Packet::Finish) => side.end = side.end.or(Some(Ended::Properly)),
            (Held::Open, Packet::Leave) => {
                side.end = side.end.or(Some(Ended::Left));
                side.unheard = true;
            }
            (Held::Open, Packet::Reset) => {
                side.unread.clear();
                side.end = Some(Ended::Reset);
                side.unheard = true;
            }
            (Held::Dropped | Held::Vanished, Packet::Bytes(_)) if !self.dark.contains(&side.address) => {
                outcome.replies.push((line, to, Packet::Reset));
            }
            _ => {}
        }
        side.wake(&mut outcome.wakers);
        outcome
    }

    fn knock(&mut self, line: Line, outcome: &mut Outcome) {
        let Some(connection) = at(&mut self.connections, line) else { return };
        let side = &mut connection.sides[1];
        match self.up.get(&side.address) {
            Some(life) => {
                side.life = Some(*life);
                self.ends.insert((*life, line, 1));
                side.held = Held::Open;
                side.welcome = true;
                outcome.accepted = connection.accept.take().map(|accept| (*life, accept));
                outcome.replies.push((line, 1, Packet::Welcome));
            }
            None if self.dark.contains(&side.address) => {}
            None => outcome.replies.push((line, 1, Packet::Reset)),
        }
    }

    /// An end is let go. The connection goes with its second one.
    pub(super) fn leave(&mut self, line: Line, side: usize, held: Held, outcome: &mut Outcome) {
        let Some(connection) = at(&mut self.connections, line) else { return };
        let [here, there] = [side, 1 - side];
        if connection.sides[here].is_gone() {
            return;
        }
        connection.sides[here].held = held;
        connection.sides[here].unread.clear();
        connection.sides[here].wake(&mut outcome.wakers);
        let other = &connection.sides[there];
        if other.is_gone() || other.held == Held::Unborn {
            outcome.gone.extend(self.remove(line).map(|connection| *connection));
        } else if held == Held::Dropped {
            outcome.replies.push((line, here, Packet::Leave));
        }
    }

    pub(super) fn clear(&mut self) -> Slab<Box<Connection>> {
        self.between.clear();
        self.ends.clear();
        std::mem::take(&mut self.connections)
    }
}

/// A connection, unless it has ended and another lies there.
fn at(connections: &mut Slab<Box<Connection>>, line: Line) -> Option<&mut Connection> {
    connections
        .get_mut(line.place)
        .filter(|connection| connection.number == line.number)
        .map(|connection| &mut **connection)
}

/// The same pair whichever way it is meant.
fn ordered((one, other): Way) -> Way {
    if one <= other { (one, other) } else { (other, one) }
}

//! Names that travel once: types, receivers and senders become numbers for the rest of a connection.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use libprocess_wire as wire;

use super::frame::{self, Broken, Kind};
use crate::Upid;
use crate::mailbox::AnyCell;
use crate::upid::Epoch;

/// How many names of a sort one connection numbers; then their numbers are given anew.
const NAMES_MAX: usize = 65_536;

/// What a number will mean from now on, whatever it meant before.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Definition {
    /// `older`: the version before, in which the message may be said too.
    Type {
        number: u32,
        name: String,
        version: u32,
        older: Option<u32>,
    },
    To {
        number: u32,
        id: String,
        epoch: Option<u64>,
    },
    From {
        number: u32,
        id: String,
        epoch: Option<u64>,
    },
}

/// The numbers we gave on an outgoing connection.
#[derive(Default)]
pub(crate) struct Given {
    /// Shape: (name, version) → number.
    types: BTreeMap<(&'static str, u32), u32>,
    to: BTreeMap<Upid, u32>,
    from: BTreeMap<Upid, u32>,
    /// Which version a receiver reads, of types that have an older one. Shape: (type, to) → say.
    says: BTreeMap<(u64, u64), Say>,
    /// We are of the version before, and know no newer one.
    older: bool,
    /// What the last message had: mostly the next has the same.
    last: Option<Last>,
}

struct Last {
    message: TypeId,
    to: Upid,
    from: Upid,
    numbers: Numbers,
}

/// How a message is said to one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Say {
    /// In the newest version.
    Newest,
    /// In the version before.
    Older,
    /// In both, until the receiver has said which it reads.
    Both,
}

/// Type, receiver and sender of a message as numbers, and how it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) kind: u64,
    pub(crate) to: u64,
    pub(crate) from: u64,
    pub(crate) say: Say,
}

impl Given {
    /// On a connection of a node that is of the version before, or not.
    pub(crate) fn by(older: bool) -> Given {
        Given { older, ..Given::default() }
    }

    /// Type, receiver and sender of a message.
    #[inline]
    pub(crate) fn message<M: wire::Message>(
        &mut self,
        from: &Upid,
        to: &Upid,
        buffer: &mut Vec<u8>,
    ) -> Numbers {
        if let Some(last) = &self.last
            && last.to.same(to)
            && last.from.same(from)
            && last.message == TypeId::of::<M>()
        {
            return last.numbers;
        }
        self.looked_up::<M>(from, to, buffer)
    }

    fn looked_up<M: wire::Message>(&mut self, from: &Upid, to: &Upid, buffer: &mut Vec<u8>) -> Numbers {
        let older = M::OLDER.map(|older| older.version);
        let newest = self.kind(M::NAME, M::VERSION, older, buffer);
        let (to_number, from_number) = (self.to(to, buffer), self.from(from, buffer));
        let say = match older {
            None => Say::Newest,
            Some(_) if self.older => Say::Older,
            Some(_) => self.says.get(&(newest, to_number)).copied().unwrap_or(Say::Both),
        };
        let kind = match (say, older) {
            (Say::Older, Some(version)) => self.kind(M::NAME, version, None, buffer),
            _ => newest,
        };
        let numbers = Numbers { kind, to: to_number, from: from_number, say };
        let (to, from) = (to.clone(), from.clone());
        self.last = Some(Last { message: TypeId::of::<M>(), to, from, numbers });
        numbers
    }

    /// A receiver reads the newest version of a type, or only the one before.
    pub(crate) fn speaks(&mut self, kind: u64, to: u64, newest: bool) {
        if self.types.values().any(|number| u64::from(*number) == kind) && to < self.to.len() as u64 {
            self.says.insert((kind, to), if newest { Say::Newest } else { Say::Older });
            self.last = None;
        }
    }

    /// The number of a version of a type; defines it in `buffer` the first time.
    fn kind(&mut self, name: &'static str, version: u32, older: Option<u32>, buffer: &mut Vec<u8>) -> u64 {
        if let Some(number) = self.types.get(&(name, version)) {
            return (*number).into();
        }
        let number = next(&mut self.types);
        self.forget_if(number == 0);
        self.types.insert((name, version), number);
        define(buffer, &Definition::Type { number, name: name.to_owned(), version, older });
        number.into()
    }

    /// The number of a receiver.
    pub(crate) fn to(&mut self, to: &Upid, buffer: &mut Vec<u8>) -> u64 {
        let defined = |number, id, epoch| Definition::To { number, id, epoch };
        let (number, anew) = numbered(&mut self.to, to, buffer, defined);
        self.forget_if(anew);
        number
    }

    /// The number of a sender.
    pub(crate) fn from(&mut self, from: &Upid, buffer: &mut Vec<u8>) -> u64 {
        let defined = |number, id, epoch| Definition::From { number, id, epoch };
        let (number, anew) = numbered(&mut self.from, from, buffer, defined);
        self.forget_if(anew);
        number
    }

    /// When numbers are given anew, those remembered are worth nothing.
    fn forget_if(&mut self, anew: bool) {
        if anew {
            self.last = None;
            self.says.clear();
        }
    }
}

/// The number of a name, and whether numbers begin anew with it.
fn numbered(
    known: &mut BTreeMap<Upid, u32>,
    upid: &Upid,
    buffer: &mut Vec<u8>,
    defined: fn(u32, String, Option<u64>) -> Definition,
) -> (u64, bool) {
    if let Some(number) = known.get(upid) {
        return ((*number).into(), false);
    }
    let number = next(known);
    known.insert(upid.clone(), number);
    define(buffer, &defined(number, upid.id().to_owned(), upid.epoch().map(|epoch| epoch.0)));
    (number.into(), number == 0)
}

/// A number nobody bears; when there is none left, all are forgotten and defined again as needed.
fn next<K>(known: &mut BTreeMap<K, u32>) -> u32 {
    if known.len() >= NAMES_MAX {
        known.clear();
    }
    u32::try_from(known.len()).expect("no more than NAMES_MAX")
}

fn define(buffer: &mut Vec<u8>, definition: &Definition) {
    frame::write(buffer, Kind::Define, &[], |body| wire::encode_into(definition, body))
        .expect("ids and names are short");
}

impl Receiver {
    /// The door remembered for a type.
    #[inline]
    pub(crate) fn door(&self, kind: u64) -> Option<Door> {
        self.doors.get(usize::try_from(kind).ok()?).copied()?
    }

    /// `kind` is a number that was defined, hence small.
    pub(crate) fn remember(&mut self, kind: u64, door: Door) {
        let kind = usize::try_from(kind).expect("no more than NAMES_MAX");
        if self.doors.len() <= kind {
            self.doors.resize(kind + 1, None);
        }
        self.doors[kind] = Some(door);
    }
}

/// The numbers we were given on an incoming connection.
#[derive(Default)]
pub(crate) struct Taken {
    types: Vec<Option<Type>>,
    to: Vec<Option<Receiver>>,
    from: Vec<Option<Upid>>,
}

/// A message's name and version, and the version it may be said in as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) name: Box<str>,
    pub(crate) version: u32,
    pub(crate) older: Option<u32>,
}

/// A door that was found, and in which version messages of a type go through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) number: usize,
    pub(crate) version: u32,
    /// Of a message that is said in two versions, it is the older that is read.
    pub(crate) older: bool,
}

/// A process of ours that is sent to.
pub(crate) struct Receiver {
    pub(crate) id: Box<str>,
    pub(crate) epoch: Option<Epoch>,
    /// The process as it was found last.
    pub(crate) cell: Option<Arc<dyn AnyCell>>,
    /// Shape: by number of a type, its door.
    pub(crate) doors: Vec<Option<Door>>,
}

impl Taken {
    /// Remembers what a number means. `node` is where the senders live: the connection's other end.
    ///
    /// Errors: when the number is beyond what one connection may define.
    pub(crate) fn define(&mut self, body: &[u8], node: SocketAddr) -> Result<(), Broken> {
        match wire::decode(body).map_err(|_| Broken::Body)? {
            Definition::Type { number, name, version, older } => {
                put(&mut self.types, number, Type { name: name.into_boxed_str(), version, older })?;
                // Doors were remembered by the number's old meaning.
                self.to.iter_mut().flatten().for_each(|receiver| {
                    if let Some(door) = receiver.doors.get_mut(number as usize) {
                        *door = None;
                    }
                });
                Ok(())
            }
            Definition::To { number, id, epoch } => {
                let id = id.into_boxed_str();
                let receiver = Receiver { id, epoch: epoch.map(Epoch), cell: None, doors: Vec::new() };
                put(&mut self.to, number, receiver)
            }
            Definition::From { number, id, epoch } => {
                let upid = match epoch {
                    Some(epoch) => Upid::with_epoch(id, node, Epoch(epoch)),
                    None => Upid::new(id, node),
                };
                put(&mut self.from, number, upid)
            }
        }
    }

    pub(crate) fn to(&mut self, number: u64) -> Result<&mut Receiver, Broken> {
        let slot = usize::try_from(number).ok().and_then(|number| self.to.get_mut(number));
        slot.and_then(Option::as_mut).ok_or(Broken::Undefined)
    }

    pub(crate) fn from(&self, number: u64) -> Result<&Upid, Broken> {
        get(&self.from, number)
    }

    /// A receiver and a sender.
    #[inline]
    pub(crate) fn pair(&self, to: u64, from: u64) -> Result<(&Receiver, &Upid), Broken> {
        Ok((get(&self.to, to)?, get(&self.from, from)?))
    }

    pub(crate) fn kind(&self, number: u64) -> Result<&Type, Broken> {
        get(&self.types, number)
    }

    /// A message's type, receiver and sender together.
    pub(crate) fn message(
        &mut self,
        kind: u64,
        to: u64,
        from: u64,
    ) -> Result<(&Type, &mut Receiver, &Upid), Broken> {
        let kind = get(&self.types, kind)?;
        let from = get(&self.from, from)?;
        let slot = usize::try_from(to).ok().and_then(|number| self.to.get_mut(number));
        let receiver = slot.and_then(Option::as_mut).ok_or(Broken::Undefined)?;
        Ok((kind, receiver, from))
    }
}

#[inline]
fn get<T>(known: &[Option<T>], number: u64) -> Result<&T, Broken> {
    let slot = usize::try_from(number).ok().and_then(|number| known.get(number));
    slot.and_then(Option::as_ref).ok_or(Broken::Undefined)
}

fn put<T>(known: &mut Vec<Option<T>>, number: u32, value: T) -> Result<(), Broken> {
    let number = number as usize;
    if number >= NAMES_MAX || number > known.len() {
        return Err(Broken::Undefined);
    }
    if number == known.len() {
        known.push(None);
    }
    known[number] = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::*;

    #[test]
    fn a_name_travels_once_and_is_a_number_from_then_on() {
        let here = "127.0.0.1:1".parse().unwrap();
        let (mut given, mut buffer) = (Given::default(), Vec::new());
        let to = Upid::new("master", here);
        assert_eq!(given.to(&to, &mut buffer), 0);
        let (frame, length) = Frame::first(&buffer).unwrap().unwrap();
        assert_eq!((frame.kind, length), (Kind::Define, buffer.len()));

        let mut taken = Taken::default();
        taken.define(frame.rest, here).unwrap();
        assert_eq!(&*taken.to(0).unwrap().id, "master");
        assert!(taken.to(1).is_err() && taken.from(0).is_err());

        buffer.clear();
        assert_eq!(given.to(&to, &mut buffer), 0);
        assert!(buffer.is_empty());
    }

    #[wire::message(name = "test.said", version = 1)]
    struct SaidV1 {}

    #[wire::message(name = "test.said", version = 2, was = SaidV1)]
    struct Said {
        loudly: bool,
    }

    impl From<SaidV1> for Said {
        fn from(_: SaidV1) -> Said {
            Said { loudly: false }
        }
    }
    impl From<&Said> for SaidV1 {
        fn from(_: &Said) -> SaidV1 {
            SaidV1 {}
        }
    }

    #[test]
    fn a_message_is_said_in_both_versions_until_it_is_known_which_is_read() {
        let here = "127.0.0.1:1".parse().unwrap();
        let (mut given, mut buffer) = (Given::default(), Vec::new());
        let [a, b, c] = ["a", "b", "c"].map(|id| Upid::new(id, here));
        let mut say = |given: &mut Given, to: &Upid| given.message::<Said>(&a, to, &mut buffer);

        let first = say(&mut given, &b);
        assert_eq!((first.say, say(&mut given, &b)), (Say::Both, first));
        given.speaks(first.kind, first.to, true);
        assert_eq!(say(&mut given, &b), Numbers { say: Say::Newest, ..first });
        given.speaks(first.kind, first.to, false);
        let older = say(&mut given, &b);
        assert_eq!(older.say, Say::Older);
        assert_ne!(older.kind, first.kind);
        assert_eq!(say(&mut given, &c).say, Say::Both, "each receiver speaks for itself");
        given.speaks(99, 99, true);
    }

    #[test]
    fn numbers_are_given_in_order_and_not_beyond_the_bound() {
        let mut known = Vec::new();
        assert_eq!(put(&mut known, 1, "skips one"), Err(Broken::Undefined));
        assert_eq!(put(&mut known, 0, "first"), Ok(()));
        assert_eq!(put(&mut known, 0, "again"), Ok(()));
        assert_eq!(put(&mut known, u32::MAX, "too many"), Err(Broken::Undefined));
    }
}

//! Names that travel once: types, receivers and senders become numbers for the rest of a connection.

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
    Type { number: u32, name: String, version: u32 },
    To { number: u32, id: String, epoch: Option<u64> },
    From { number: u32, id: String, epoch: Option<u64> },
}

/// The numbers we gave on an outgoing connection.
#[derive(Default)]
pub(crate) struct Given {
    types: BTreeMap<&'static str, u32>,
    to: BTreeMap<Upid, u32>,
    from: BTreeMap<Upid, u32>,
    /// What the last message had: mostly the next has the same.
    last: Option<Last>,
}

struct Last {
    name: &'static str,
    to: Upid,
    from: Upid,
    numbers: [u64; 3],
}

impl Given {
    /// Type, receiver and sender of a message.
    pub(crate) fn message<M: wire::Message>(
        &mut self,
        from: &Upid,
        to: &Upid,
        buffer: &mut Vec<u8>,
    ) -> [u64; 3] {
        if let Some(last) = &self.last
            && last.to.same(to)
            && last.from.same(from)
            && std::ptr::eq(last.name, M::NAME)
        {
            return last.numbers;
        }
        let numbers = [self.kind::<M>(buffer), self.to(to, buffer), self.from(from, buffer)];
        self.last = Some(Last { name: M::NAME, to: to.clone(), from: from.clone(), numbers });
        numbers
    }

    /// The number of a type; defines it in `buffer` the first time.
    pub(crate) fn kind<M: wire::Message>(&mut self, buffer: &mut Vec<u8>) -> u64 {
        if let Some(number) = self.types.get(M::NAME) {
            return (*number).into();
        }
        let number = next(&mut self.types);
        self.types.insert(M::NAME, number);
        define(buffer, &Definition::Type { number, name: M::NAME.to_owned(), version: M::VERSION });
        number.into()
    }

    /// The number of a receiver.
    pub(crate) fn to(&mut self, to: &Upid, buffer: &mut Vec<u8>) -> u64 {
        let defined = |number, id, epoch| Definition::To { number, id, epoch };
        let number = numbered(&mut self.to, to, buffer, defined);
        self.forget_last_if(number == 0);
        number
    }

    /// The number of a sender.
    pub(crate) fn from(&mut self, from: &Upid, buffer: &mut Vec<u8>) -> u64 {
        let defined = |number, id, epoch| Definition::From { number, id, epoch };
        let number = numbered(&mut self.from, from, buffer, defined);
        self.forget_last_if(number == 0);
        number
    }

    /// Number 0 may mean that all numbers are given anew: those remembered are worth nothing.
    fn forget_last_if(&mut self, anew: bool) {
        if anew {
            self.last = None;
        }
    }
}

fn numbered(
    known: &mut BTreeMap<Upid, u32>,
    upid: &Upid,
    buffer: &mut Vec<u8>,
    defined: fn(u32, String, Option<u64>) -> Definition,
) -> u64 {
    if let Some(number) = known.get(upid) {
        return (*number).into();
    }
    let number = next(known);
    known.insert(upid.clone(), number);
    define(buffer, &defined(number, upid.id().to_owned(), upid.epoch().map(|epoch| epoch.0)));
    number.into()
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
    pub(crate) fn door(&self, kind: u64) -> Option<usize> {
        self.doors.get(usize::try_from(kind).ok()?).copied()?
    }

    /// `kind` is a number that was defined, hence small.
    pub(crate) fn remember(&mut self, kind: u64, door: usize) {
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
    types: Vec<Option<(Box<str>, u32)>>,
    to: Vec<Option<Receiver>>,
    from: Vec<Option<Upid>>,
}

/// A process of ours that is sent to.
pub(crate) struct Receiver {
    pub(crate) id: Box<str>,
    pub(crate) epoch: Option<Epoch>,
    /// The process as it was found last.
    pub(crate) cell: Option<Arc<dyn AnyCell>>,
    /// Shape: by number of a type, the number of its door.
    pub(crate) doors: Vec<Option<usize>>,
}

impl Taken {
    /// Remembers what a number means. `node` is where the senders live: the connection's other end.
    ///
    /// Errors: when the number is beyond what one connection may define.
    pub(crate) fn define(&mut self, body: &[u8], node: SocketAddr) -> Result<(), Broken> {
        match wire::decode(body).map_err(|_| Broken::Body)? {
            Definition::Type { number, name, version } => {
                put(&mut self.types, number, (name.into_boxed_str(), version))?;
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

    /// A message's type, receiver and sender together.
    pub(crate) fn message(
        &mut self,
        kind: u64,
        to: u64,
        from: u64,
    ) -> Result<((&str, u32), &mut Receiver, &Upid), Broken> {
        let (name, version) = get(&self.types, kind)?;
        let from = get(&self.from, from)?;
        let slot = usize::try_from(to).ok().and_then(|number| self.to.get_mut(number));
        let receiver = slot.and_then(Option::as_mut).ok_or(Broken::Undefined)?;
        Ok(((name, *version), receiver, from))
    }
}

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

    #[test]
    fn numbers_are_given_in_order_and_not_beyond_the_bound() {
        let mut known = Vec::new();
        assert_eq!(put(&mut known, 1, "skips one"), Err(Broken::Undefined));
        assert_eq!(put(&mut known, 0, "first"), Ok(()));
        assert_eq!(put(&mut known, 0, "again"), Ok(()));
        assert_eq!(put(&mut known, u32::MAX, "too many"), Err(Broken::Undefined));
    }
}

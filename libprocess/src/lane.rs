//! The user lane: what waits for a process, how much that may be, and who waits for room in it.
//!
//! | when it is full | the newcomer | for |
//! |---|---|---|
//! | [`Overflow::Reject`] | is refused: its sender hears [`SendError::Full`](crate::SendError::Full) | what must not be lost silently |
//! | [`Overflow::DropOldest`] | takes the place of the oldest | what only counts while it is new |
//! | [`Overflow::Coalesce`] | takes the place of one with its [key](crate::Process::key), full or not | states, of which the latest counts |
//! | whatever it says | waits, with [`Pid::tell_when_room`](crate::Pid::tell_when_room) | senders that are no processes |

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

/// How much a user lane holds, and what happens to more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub messages: usize,
    /// What messages weigh together, as far as that is known: those that came in many bytes weigh so
    /// many, others what [`Process::weight`](crate::Process::weight) says.
    pub bytes: usize,
    pub overflow: Overflow,
}

/// What a full user lane does with one more message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Refuses it: the sender hears [`SendError::Full`](crate::SendError::Full).
    Reject,
    /// Takes it and drops the oldest that nobody began to handle.
    DropOldest,
    /// Lets a message take the place, and the turn, of one that waits and has the same
    /// [key](crate::Process::key); refuses one without, or with a new one, when it is full.
    Coalesce,
}

/// What messages may weigh together if nothing is said.
const BYTES: usize = 64 << 20;

impl Bound {
    /// At most so many messages, and 64 MiB; more are refused.
    pub const fn messages(messages: usize) -> Bound {
        Bound { messages, bytes: BYTES, overflow: Overflow::Reject }
    }

    /// At most so many bytes, beside the bound on messages.
    pub const fn bytes(self, bytes: usize) -> Bound {
        Bound { bytes, ..self }
    }

    /// Makes room by dropping the oldest.
    pub const fn drop_oldest(self) -> Bound {
        Bound { overflow: Overflow::DropOldest, ..self }
    }

    /// Keeps the latest of each key.
    pub const fn coalesce(self) -> Bound {
        Bound { overflow: Overflow::Coalesce, ..self }
    }
}

impl Default for Bound {
    fn default() -> Bound {
        Bound::messages(65_536)
    }
}

/// What a lane asks of what waits in it.
pub(crate) trait Entry {
    /// How much it holds beside its place in the lane. Unit: bytes.
    fn weight(&self) -> usize;
    /// What it is about, if what comes later about the same may take its place.
    fn key(&self) -> Option<u64>;
}

/// What waits, in order. Most lanes never weigh anything and nobody waits for room in them.
pub(crate) struct UserLane<E> {
    entries: VecDeque<E>,
    rare: Option<Box<Rare>>,
}

struct Rare {
    bytes_max: usize,
    bytes: usize,
    /// How many entries have left at the front.
    left: u64,
    /// Shape: key → number of the entry, counted from the lane's beginning; those that left may linger.
    keys: BTreeMap<u64, u64>,
    /// Who waits for room, in order of arrival.
    waiting: BTreeMap<u64, Waker>,
    last: u64,
}

/// How an entry was taken in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed<E> {
    /// Behind the others.
    Queued,
    /// In the place of these, to be dropped where no lock is held.
    Instead(Vec<E>),
}

impl Rare {
    fn new(bytes_max: usize) -> Box<Rare> {
        Box::new(Rare {
            bytes_max,
            bytes: 0,
            left: 0,
            keys: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last: 0,
        })
    }
}

impl<E: Entry> UserLane<E> {
    pub(crate) fn new(bound: &Bound) -> UserLane<E> {
        let plain = bound.bytes == BYTES && bound.overflow != Overflow::Coalesce;
        UserLane { entries: VecDeque::new(), rare: (!plain).then(|| Rare::new(bound.bytes)) }
    }

    /// What waits, in order.
    pub(crate) fn iter(&self) -> std::collections::vec_deque::Iter<'_, E> {
        self.entries.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes an entry in if that is as simple as for most.
    #[inline]
    pub(crate) fn push_plain(&mut self, entry: E, room: usize) -> Result<(), E> {
        if self.rare.is_some() || self.entries.len() >= room || entry.weight() > 0 {
            return Err(entry);
        }
        self.entries.push_back(entry);
        Ok(())
    }

    /// Takes several in, in order, if that is as simple as for most and there is room for all.
    pub(crate) fn append_plain(&mut self, several: &mut VecDeque<E>, room: usize) -> bool {
        let fits = self.rare.is_none() && self.entries.len() + several.len() <= room;
        if !fits || several.iter().any(|entry| entry.weight() > 0) {
            return false;
        }
        match self.entries.is_empty() {
            true => std::mem::swap(&mut self.entries, several),
            false => self.entries.append(several),
        }
        true
    }

    /// Takes an entry in, or gives it back if there is no room.
    pub(crate) fn push(&mut self, entry: E, room: usize, overflow: Overflow) -> Result<Pushed<E>, E> {
        let (entry, key) = match self.replace(entry, overflow) {
            Ok(replaced) => return Ok(Pushed::Instead(vec![replaced])),
            Err(unreplaced) => unreplaced,
        };
        let weight = entry.weight();
        let mut dropped = Vec::new();
        while !self.fits(weight, room) {
            match overflow {
                Overflow::DropOldest if self.bytes_max() >= weight && !self.entries.is_empty() => {
                    dropped.extend(self.pop());
                }
                _ => return Err(entry),
            }
        }
        self.push_always(entry);
        if let (Some(key), Some(rare)) = (key, &mut self.rare) {
            rare.keys.insert(key, rare.left + self.entries.len() as u64 - 1);
        }
        Ok(if dropped.is_empty() { Pushed::Queued } else { Pushed::Instead(dropped) })
    }

    /// Takes an entry in, room or not.
    pub(crate) fn push_always(&mut self, entry: E) {
        let weight = entry.weight();
        if weight > 0 {
            self.rare.get_or_insert_with(|| Rare::new(BYTES)).bytes += weight;
        }
        self.entries.push_back(entry);
    }

    /// Takes an entry in if there is room for it and for all who came before its sender; else the
    /// sender is noted, under `ticket`, to be woken once there is. `None` if there never will be.
    pub(crate) fn push_or_wait(
        &mut self,
        entry: &mut Option<E>,
        ticket: &mut Option<u64>,
        (room, overflow): (usize, Overflow),
        waker: &Waker,
    ) -> Option<Result<Pushed<E>, ()>> {
        let weight = entry.as_ref().map_or(0, E::weight);
        if weight > self.bytes_max() || room == 0 {
            return None;
        }
        let free = room.saturating_sub(self.entries.len());
        let rare = self.rare.get_or_insert_with(|| Rare::new(BYTES));
        let before = match *ticket {
            Some(ticket) => rare.waiting.range(..ticket).take(free).count(),
            None => rare.waiting.len(),
        };
        if before < free && rare.bytes + weight <= rare.bytes_max {
            let mine = ticket.take();
            mine.into_iter().for_each(|ticket| drop(rare.waiting.remove(&ticket)));
            return Some(Ok(self.push(entry.take()?, room, overflow).ok()?));
        }
        rare.last += u64::from(ticket.is_none());
        rare.waiting.insert(*ticket.get_or_insert(rare.last), waker.clone());
        Some(Err(()))
    }

    /// Somebody waits no more.
    pub(crate) fn leave(&mut self, ticket: u64) {
        if let Some(rare) = &mut self.rare {
            rare.waiting.remove(&ticket);
        }
    }

    /// Those for whom there may be room now.
    pub(crate) fn to_wake(&self, room: usize) -> Vec<Waker> {
        match &self.rare {
            Some(rare) if !rare.waiting.is_empty() => {
                rare.waiting.values().take(room.saturating_sub(self.entries.len())).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Moves what waits, but at most `budget`, into `taken`, which is empty; says whether more is left.
    #[inline]
    pub(crate) fn take(&mut self, taken: &mut VecDeque<E>, budget: usize) -> bool {
        if self.entries.len() <= budget {
            std::mem::swap(&mut self.entries, taken);
        } else {
            taken.extend(self.entries.drain(..budget));
        }
        if let Some(rare) = &mut self.rare {
            rare.left += taken.len() as u64;
            if self.entries.is_empty() {
                rare.bytes = 0;
                rare.keys.clear();
            } else {
                rare.bytes -= taken.iter().map(E::weight).sum::<usize>();
                if rare.keys.len() > 2 * self.entries.len() + 64 {
                    rare.keys.retain(|_, number| *number >= rare.left);
                }
            }
        }
        !self.entries.is_empty()
    }

    /// All that waits, and all who wait for room: nobody will come for it any more.
    pub(crate) fn close(&mut self) -> (VecDeque<E>, Vec<Waker>) {
        let rare = self.rare.take().map_or_else(BTreeMap::new, |rare| rare.waiting);
        (std::mem::take(&mut self.entries), rare.into_values().collect())
    }

    /// Puts the entry where one with its key waits, if it is that kind of lane and one does; else
    /// gives it back, with its key.
    fn replace(&mut self, entry: E, overflow: Overflow) -> Result<E, (E, Option<u64>)> {
        if overflow != Overflow::Coalesce {
            return Err((entry, None));
        }
        let (Some(key), Some(rare)) = (entry.key(), &mut self.rare) else { return Err((entry, None)) };
        let at = rare.keys.get(&key).and_then(|number| number.checked_sub(rare.left));
        let waits = at.and_then(|at| self.entries.get_mut(usize::try_from(at).ok()?));
        let weight = entry.weight();
        match waits {
            Some(waits) if rare.bytes - waits.weight() + weight <= rare.bytes_max => {
                rare.bytes = rare.bytes - waits.weight() + weight;
                Ok(std::mem::replace(waits, entry))
            }
            _ => Err((entry, Some(key))),
        }
    }

    fn pop(&mut self) -> Option<E> {
        let entry = self.entries.pop_front()?;
        if let Some(rare) = &mut self.rare {
            rare.left += 1;
            rare.bytes -= entry.weight();
        }
        Some(entry)
    }

    fn fits(&self, weight: usize, room: usize) -> bool {
        let bytes = self.rare.as_ref().map_or(0, |rare| rare.bytes);
        self.entries.len() < room && bytes + weight <= self.bytes_max()
    }

    fn bytes_max(&self) -> usize {
        self.rare.as_ref().map_or(BYTES, |rare| rare.bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Item {
        name: u32,
        weight: usize,
        key: Option<u64>,
    }

    impl Entry for Item {
        fn weight(&self) -> usize {
            self.weight
        }

        fn key(&self) -> Option<u64> {
            self.key
        }
    }

    fn item(name: u32, weight: usize, key: Option<u64>) -> Item {
        Item { name, weight, key }
    }

    fn names(lane: &mut UserLane<Item>) -> Vec<u32> {
        let mut taken = VecDeque::new();
        lane.take(&mut taken, usize::MAX);
        taken.iter().map(|item| item.name).collect()
    }

    fn push(lane: &mut UserLane<Item>, bound: &Bound, item: Item) -> Result<Pushed<Item>, Item> {
        lane.push(item, bound.messages, bound.overflow)
    }

    #[test]
    fn a_full_lane_refuses_drops_the_oldest_or_keeps_the_latest() {
        let bound = Bound::messages(2);
        let mut lane = UserLane::new(&bound);
        (1..=2).for_each(|name| drop(push(&mut lane, &bound, item(name, 0, None))));
        assert_eq!(push(&mut lane, &bound, item(3, 0, None)), Err(item(3, 0, None)));
        let dropping = bound.drop_oldest();
        let third = push(&mut lane, &dropping, item(3, 0, None));
        assert_eq!(third, Ok(Pushed::Instead(vec![item(1, 0, None)])));
        assert_eq!(names(&mut lane), [2, 3]);

        let bound = bound.coalesce();
        let mut lane = UserLane::new(&bound);
        (1..=2).for_each(|name| drop(push(&mut lane, &bound, item(name, 0, Some(name.into())))));
        let newer = push(&mut lane, &bound, item(9, 0, Some(1)));
        assert_eq!(newer, Ok(Pushed::Instead(vec![item(1, 0, Some(1))])));
        assert_eq!(push(&mut lane, &bound, item(3, 0, Some(3))), Err(item(3, 0, Some(3))));
        assert_eq!(names(&mut lane), [9, 2], "the newer has the older one's turn");
        assert_eq!(push(&mut lane, &bound, item(4, 0, Some(1))), Ok(Pushed::Queued));
    }

    #[test]
    fn what_is_heavy_fills_a_lane_too() {
        let bound = Bound::messages(100).bytes(10);
        let mut lane = UserLane::new(&bound);
        assert_eq!(push(&mut lane, &bound, item(1, 6, None)), Ok(Pushed::Queued));
        assert!(push(&mut lane, &bound, item(2, 5, None)).is_err());
        assert_eq!(push(&mut lane, &bound, item(3, 4, None)), Ok(Pushed::Queued));
        let dropping = bound.drop_oldest();
        assert!(push(&mut lane, &dropping, item(4, 11, None)).is_err(), "no lane is large enough for it");
        let fifth = push(&mut lane, &dropping, item(5, 6, None));
        assert_eq!(fifth, Ok(Pushed::Instead(vec![item(1, 6, None)])));
        assert_eq!(names(&mut lane), [3, 5]);
        assert_eq!(push(&mut lane, &bound, item(6, 10, None)), Ok(Pushed::Queued));
    }

    #[test]
    fn those_who_wait_for_room_have_it_in_turn() {
        let bound = Bound::messages(1);
        let mut lane = UserLane::new(&bound);
        drop(push(&mut lane, &bound, item(1, 0, None)));
        let waker = Waker::noop();
        let wait = |lane: &mut UserLane<Item>, name, ticket: &mut Option<u64>| {
            let entry = &mut Some(item(name, 0, None));
            lane.push_or_wait(entry, ticket, (1, Overflow::Reject), waker).expect("it may fit")
        };
        let (mut first, mut second) = (None, None);
        assert_eq!(wait(&mut lane, 2, &mut first), Err(()));
        assert_eq!(wait(&mut lane, 3, &mut second), Err(()));
        assert_eq!(names(&mut lane), [1]);
        assert_eq!(lane.to_wake(1).len(), 1);
        assert_eq!(wait(&mut lane, 3, &mut second), Err(()), "another is before it");
        assert_eq!(wait(&mut lane, 2, &mut first), Ok(Pushed::Queued));
        assert_eq!(names(&mut lane), [2]);
        assert_eq!(wait(&mut lane, 3, &mut second), Ok(Pushed::Queued));
        assert!(lane.to_wake(1).is_empty());
    }

    proptest! {
        /// Whatever comes and goes: the bounds hold, the weight is that of what waits, nothing is
        /// lost but what was given back or named, and no two that wait have one key.
        #[test]
        fn no_history_breaks_a_lane(
            overflow in 0u8..3,
            history in proptest::collection::vec((0usize..40, 0u64..6, 0u8..5), 0..300),
        ) {
            let bound = Bound::messages(8).bytes(100);
            let bound = match overflow {
                0 => bound,
                1 => bound.drop_oldest(),
                _ => bound.coalesce(),
            };
            let mut lane = UserLane::new(&bound);
            let (mut came, mut went) = (0, 0);
            for (name, (weight, key, what)) in history.into_iter().enumerate() {
                if what == 0 {
                    let mut taken = VecDeque::new();
                    lane.take(&mut taken, 3);
                    went += taken.len();
                } else {
                    came += 1;
                    let key = (key > 0).then_some(key);
                    went += match push(&mut lane, &bound, item(name as u32, weight, key)) {
                        Ok(Pushed::Queued) => 0,
                        Ok(Pushed::Instead(dropped)) => dropped.len(),
                        Err(_) => 1,
                    };
                }
                prop_assert_eq!(came - went, lane.entries.len());
                prop_assert!(lane.entries.len() <= 8);
                let weight: usize = lane.entries.iter().map(|item| item.weight).sum();
                let rare = lane.rare.as_ref().expect("the bytes are not as usual");
                prop_assert_eq!(rare.bytes, weight);
                prop_assert!(weight <= 100);
                if overflow == 2 {
                    let keys: Vec<u64> = lane.entries.iter().filter_map(|item| item.key).collect();
                    let distinct: std::collections::BTreeSet<u64> = keys.iter().copied().collect();
                    prop_assert_eq!(keys.len(), distinct.len());
                }
            }
        }
    }
}

//! Large messages in pieces: what waits to be sent of them, and what has come.
//!
//! ```text
//!  one queue a pair of processes     in turn, a piece each          assembled, then heard
//!   a → x  ▒▒▒▒ ▒▒  ─┐
//!   b → y  ▒▒▒▒▒▒▒  ─┼──► Chunk Chunk Chunk … as credit lasts ──► ▒▒▒▒ ──► a message
//!   c → x  ▒        ─┘◄────────────────────────────────── Credit ┘
//! ```
//!
//! What a pair sends arrives in order; a small one of another pair need not wait for a large one.
//! The receiver gives credit for what it has taken in, so that what is on its way has a bound.

use std::collections::{BTreeMap, VecDeque};

use super::frame::{self, Broken, Kind};

/// Unit: bytes.
const CHUNK: usize = 64 << 10;
/// What may come before the first has been taken in. Unit: bytes.
pub(super) const WINDOW: u64 = 1 << 20;
/// The largest message in pieces. Unit: bytes.
pub(super) const LARGE_MAX: usize = libprocess_wire::MAX_DECODED;
/// What one link may hold of messages that are not whole. Unit: bytes.
const HELD_MAX: usize = 2 * LARGE_MAX;
/// How many messages of one link may be begun.
const BEGUN_MAX: usize = 4_096;

/// What waits to be sent in pieces.
#[derive(Default)]
pub(super) struct Outbox {
    /// Pairs with something to send, whose turn it is first.
    lanes: VecDeque<Lane>,
    /// Unit: bytes.
    waiting: usize,
    messages: u64,
    credit: u64,
    last: u64,
}

struct Lane {
    /// Receiver and sender, as numbers.
    pair: [u64; 2],
    messages: VecDeque<Leaving>,
}

struct Leaving {
    number: u64,
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// How much waits. Unit: bytes.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// One more message, spelled as a frame without its length.
    pub(super) fn push(&mut self, pair: [u64; 2], bytes: Vec<u8>) {
        self.last += 1;
        self.waiting += bytes.len();
        self.messages += 1;
        let leaving = Leaving { number: self.last, bytes, sent: 0 };
        match self.lanes.iter_mut().find(|lane| lane.pair == pair) {
            Some(lane) => lane.messages.push_back(leaving),
            None => self.lanes.push_back(Lane { pair, messages: VecDeque::from([leaving]) }),
        }
    }

    /// So much more may be sent.
    pub(super) fn grant(&mut self, bytes: u64) {
        self.credit = self.credit.saturating_add(bytes);
    }

    pub(super) fn may_send(&self) -> bool {
        self.credit > 0 && !self.lanes.is_empty()
    }

    /// Appends the next piece; says how many messages are thereby all sent.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>) -> u64 {
        if self.credit == 0 {
            return 0;
        }
        let Some(mut lane) = self.lanes.pop_front() else { return 0 };
        let leaving = lane.messages.front_mut().expect("a lane has something to send");
        let most = usize::try_from(self.credit).unwrap_or(usize::MAX).min(CHUNK);
        let piece = &leaving.bytes[leaving.sent..];
        let piece = &piece[..piece.len().min(most)];
        let numbers = [leaving.number, leaving.bytes.len() as u64];
        frame::write(buffer, Kind::Chunk, &numbers, |body| body.extend_from_slice(piece))
            .expect("a piece is smaller than a frame");
        leaving.sent += piece.len();
        self.credit -= piece.len() as u64;
        self.waiting -= piece.len();
        let done = leaving.sent == leaving.bytes.len();
        if done {
            lane.messages.pop_front();
            self.messages -= 1;
        }
        if !lane.messages.is_empty() {
            self.lanes.push_back(lane);
        }
        u64::from(done)
    }
}

/// What has come of messages that are not whole.
#[derive(Default)]
pub(super) struct Inbox {
    begun: BTreeMap<u64, Vec<u8>>,
    /// How much more may come. Unit: bytes.
    granted: u64,
    /// Taken in, and no credit given for it yet. Unit: bytes.
    taken: u64,
    held: usize,
}

impl Inbox {
    /// The credit to be given now; nothing while it is not worth a frame.
    pub(super) fn credit(&mut self) -> Option<u64> {
        let due = if self.granted == 0 && self.taken == 0 { WINDOW } else { self.taken };
        if due < WINDOW / 4 {
            return None;
        }
        self.granted += due;
        self.taken = 0;
        Some(due)
    }

    /// A piece has come; the message it completes.
    ///
    /// Errors: when there was no credit for it, or it is not what it says.
    pub(super) fn take(&mut self, number: u64, whole: u64, piece: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        let whole = usize::try_from(whole).unwrap_or(usize::MAX);
        if whole > LARGE_MAX {
            return Err(Broken::TooLong(whole));
        }
        let begun = self.begun.len();
        let so_far = self.begun.entry(number).or_default();
        let length = so_far.len() + piece.len();
        self.granted = self.granted.checked_sub(piece.len() as u64).ok_or(Broken::Credit)?;
        if piece.is_empty() || length > whole {
            return Err(Broken::TooShort);
        }
        self.held += piece.len();
        if self.held > HELD_MAX || begun > BEGUN_MAX {
            return Err(Broken::Credit);
        }
        so_far.extend_from_slice(piece);
        self.taken += piece.len() as u64;
        if length < whole {
            return Ok(None);
        }
        self.held -= length;
        Ok(self.begun.remove(&number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::*;

    /// Sends all there is credit for; what arrives whole, in order.
    fn carry(outbox: &mut Outbox, inbox: &mut Inbox) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(credit) = inbox.credit() {
            outbox.grant(credit);
            while outbox.may_send() {
                let mut buffer = Vec::new();
                outbox.next(&mut buffer);
                let (mut frame, _) = Frame::first(&buffer).unwrap().unwrap();
                let (number, length) = (frame.number().unwrap(), frame.number().unwrap());
                whole.extend(inbox.take(number, length, frame.rest).unwrap());
            }
        }
        whole
    }

    #[test]
    fn a_pair_is_in_order_and_a_small_one_of_another_pair_does_not_wait() {
        let (mut outbox, mut inbox) = (Outbox::default(), Inbox::default());
        let (large, small) = (vec![1; 3 << 20], vec![2; 10]);
        outbox.push([0, 0], large.clone());
        outbox.push([0, 0], small.clone());
        outbox.push([1, 0], vec![3; 20]);
        assert!(!outbox.may_send(), "without credit nothing leaves");
        assert_eq!(outbox.messages(), 3);
        assert_eq!(carry(&mut outbox, &mut inbox), [vec![3; 20], large, small]);
        assert_eq!((outbox.waiting(), outbox.messages(), inbox.held), (0, 0, 0));
    }

    #[test]
    fn no_more_is_on_its_way_than_there_is_credit_for() {
        let mut outbox = Outbox::default();
        outbox.push([0, 0], vec![0; 10 << 20]);
        outbox.grant(WINDOW);
        let mut buffer = Vec::new();
        while outbox.may_send() {
            outbox.next(&mut buffer);
        }
        assert_eq!(outbox.waiting(), (10 << 20) - WINDOW as usize);
    }

    #[test]
    fn pieces_without_credit_and_pieces_that_lie_break_the_link() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(1, 10, &[0; 5]), Err(Broken::Credit));
        assert_eq!(inbox.credit(), Some(WINDOW));
        assert_eq!(inbox.credit(), None);
        assert_eq!(inbox.take(2, u64::MAX, &[0]), Err(Broken::TooLong(usize::MAX)));
        assert_eq!(inbox.take(3, 2, &[0; 3]), Err(Broken::TooShort));
        assert_eq!(inbox.take(4, 2, &[]), Err(Broken::TooShort));
        assert_eq!(inbox.take(5, 3, &[7; 2]), Ok(None));
        assert_eq!(inbox.take(5, 3, &[7]), Ok(Some(vec![7; 3])));
    }
}

//! A frame: what one message looks like between two nodes.
//!
//! ```text
//!   0      4    5      6                                        len+4
//!   ├──────┼────┼──────┼────────┬────────┬────────┬──────┬──────┤
//!   │ len  │kind│ flags│ numbers, one varint each        │ body │
//!   │ u32LE│ u8 │ u8   │ Tell: type to from              │      │
//!   └──────┴────┴──────┴─────────────────────────────────┴──────┘
//!    Ask: type to from corr left-ms    Reply, Nack: corr    Link, Unlink: to from
//!    Speaks: type to newest    Chunk: transfer    Credit: bytes    Wants: traces
//!    TRACED: 16 bytes of trace stand before the numbers
//! ```
//!
//! Types, receivers and senders are numbers that `Define` gave once per connection. A flag that is
//! set by a later version is not for us.

use crate::span::Trace;

/// The largest frame, its length aside. Checked before anything is buffered for it.
///
/// Unit: bytes.
pub(crate) const FRAME_MAX: usize = 16 << 20;

/// Length, kind, flags.
const HEAD: usize = 6;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Hello = 1,
    Welcome = 2,
    Define = 3,
    Tell = 4,
    Ask = 5,
    Reply = 6,
    Nack = 7,
    Link = 8,
    Unlink = 9,
    Exited = 10,
    Ping = 11,
    Pong = 12,
    /// Who dials proves who it is.
    Proof = 13,
    /// Back to who dialled: which of two versions a receiver reads.
    Speaks = 14,
    /// A piece of a message that travels in pieces.
    Chunk = 15,
    /// Back to who dialled: so much more may come in pieces.
    Credit = 16,
    /// Back to who dialled: whether messages are to bring their traces. Since protocol 2.
    Wants = 17,
}

/// On `Tell` and `Ask`: behind the numbers comes the length of the body, and behind the body the same
/// message in the version before. On `Reply`: it answers in the version before.
pub(crate) const OLDER: u8 = 1;

/// On `Tell` and `Ask`: the message is part of a trace, whose 16 bytes come first.
const TRACED: u8 = 2;

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Hello,
            2 => Kind::Welcome,
            3 => Kind::Define,
            4 => Kind::Tell,
            5 => Kind::Ask,
            6 => Kind::Reply,
            7 => Kind::Nack,
            8 => Kind::Link,
            9 => Kind::Unlink,
            10 => Kind::Exited,
            11 => Kind::Ping,
            12 => Kind::Pong,
            13 => Kind::Proof,
            14 => Kind::Speaks,
            15 => Kind::Chunk,
            16 => Kind::Credit,
            17 => Kind::Wants,
            _ => return None,
        })
    }
}

/// Why what came is no frame. The connection it came on is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("a frame of {0} bytes, more than is allowed")]
    TooLong(usize),
    #[error("a frame too short for what it says it is")]
    TooShort,
    #[error("a frame of the unknown kind {0}")]
    Kind(u8),
    #[error("a number that was never defined")]
    Undefined,
    #[error("a body that is not what its frame says")]
    Body,
    #[error("no greeting of ours")]
    Greeting,
    #[error("more in pieces than there was credit for")]
    Credit,
}

/// A frame does not fit; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Appends a frame; `body` appends what stands in it.
pub(crate) fn write(
    buffer: &mut Vec<u8>,
    kind: Kind,
    numbers: &[u64],
    body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), TooLarge> {
    write_flagged(buffer, kind, (0, None), numbers, body)
}

/// Appends a frame with flags, and with the trace it is part of.
#[inline]
pub(crate) fn write_flagged(
    buffer: &mut Vec<u8>,
    kind: Kind,
    (flags, trace): (u8, Option<Trace>),
    numbers: &[u64],
    body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), TooLarge> {
    let start = buffer.len();
    // Mostly: a message between two of few, that is part of nothing.
    match (trace, numbers) {
        (None, &[a, b, c]) if (a | b | c) < 0x80 => {
            buffer.extend_from_slice(&[0, 0, 0, 0, kind as u8, flags, a as u8, b as u8, c as u8]);
        }
        (None, _) => {
            buffer.extend_from_slice(&[0, 0, 0, 0, kind as u8, flags]);
            numbers.iter().for_each(|number| varint(buffer, *number));
        }
        (Some(trace), _) => {
            buffer.extend_from_slice(&[0, 0, 0, 0, kind as u8, flags | TRACED]);
            buffer.extend_from_slice(&trace.to_bytes());
            numbers.iter().for_each(|number| varint(buffer, *number));
        }
    }
    body(buffer);
    let length = buffer.len() - start - 4;
    if length > FRAME_MAX {
        buffer.truncate(start);
        return Err(TooLarge);
    }
    let length = u32::try_from(length).expect("no more than FRAME_MAX");
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

pub(crate) fn varint(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        buffer.push(number as u8 | 0x80);
        number >>= 7;
    }
    buffer.push(number as u8);
}

/// A frame as it lies in a buffer; numbers are taken from the front of `rest`, what is left is the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) trace: Option<Trace>,
    pub(crate) rest: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame in `buffer` and how long it is there; `None` while it is not whole.
    pub(crate) fn first(buffer: &'a [u8]) -> Result<Option<(Frame<'a>, usize)>, Broken> {
        let Some(length) = buffer.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > FRAME_MAX {
            return Err(Broken::TooLong(length));
        }
        if length < HEAD - 4 {
            return Err(Broken::TooShort);
        }
        let Some(frame) = buffer.get(4..4 + length) else { return Ok(None) };
        Ok(Some((Frame::bare(frame)?, 4 + length)))
    }

    /// A frame without its length, as it lies in what came in pieces.
    pub(crate) fn bare(bytes: &'a [u8]) -> Result<Frame<'a>, Broken> {
        let [kind, flags, rest @ ..] = bytes else { return Err(Broken::TooShort) };
        let (kind, flags) = (Kind::of(*kind).ok_or(Broken::Kind(*kind))?, *flags);
        if flags & TRACED == 0 {
            return Ok(Frame { kind, flags, trace: None, rest });
        }
        let (trace, rest) = rest.split_first_chunk().ok_or(Broken::TooShort)?;
        Ok(Frame { kind, flags, trace: Some(Trace::from_bytes(*trace)), rest })
    }

    /// The next number.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, Broken> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
            }
            _ => self.long_number(),
        }
    }

    /// The body; and the same in the version before, if it was said twice.
    pub(crate) fn bodies(mut self) -> Result<(&'a [u8], Option<&'a [u8]>), Broken> {
        if self.flags & OLDER == 0 {
            return Ok((self.rest, None));
        }
        let length = usize::try_from(self.number()?).map_err(|_| Broken::TooShort)?;
        let (newest, older) = self.rest.split_at_checked(length).ok_or(Broken::TooShort)?;
        Ok((newest, Some(older)))
    }

    fn long_number(&mut self) -> Result<u64, Broken> {
        let mut number = 0u64;
        for (at, byte) in self.rest.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).ok_or(Broken::TooShort)?;
            if byte & 0x80 == 0 {
                self.rest = &self.rest[at + 1..];
                return Ok(number);
            }
        }
        Err(Broken::TooShort)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_reads_back_as_it_was_written() {
        let mut buffer = Vec::new();
        write(&mut buffer, Kind::Tell, &[0, 300, u64::MAX], |body| body.extend(b"hi")).unwrap();
        let (mut frame, length) = Frame::first(&buffer).unwrap().unwrap();
        assert_eq!((frame.kind, length), (Kind::Tell, buffer.len()));
        assert_eq!([frame.number(), frame.number(), frame.number()], [Ok(0), Ok(300), Ok(u64::MAX)]);
        assert_eq!(frame.rest, b"hi");
    }

    #[test]
    fn a_length_beyond_the_bound_breaks_before_anything_is_buffered() {
        assert_eq!(Frame::first(&u32::MAX.to_le_bytes()), Err(Broken::TooLong(u32::MAX as usize)));
        assert_eq!(Frame::first(&[1, 0, 0, 0, 4]), Err(Broken::TooShort));
        assert_eq!(Frame::first(&[2, 0, 0, 0, 99, 0]), Err(Broken::Kind(99)));
    }

    #[test]
    fn a_body_that_does_not_fit_leaves_no_trace() {
        let mut buffer = b"before".to_vec();
        let large = |body: &mut Vec<u8>| body.resize(body.len() + FRAME_MAX, 0);
        assert_eq!(write(&mut buffer, Kind::Tell, &[], large), Err(TooLarge));
        assert_eq!(buffer, b"before");
    }

    #[test]
    fn a_message_that_is_part_of_a_trace_carries_it() {
        let trace = Trace { id: 7, cause: 8 };
        let mut buffer = Vec::new();
        let traced = (0, Some(trace));
        write_flagged(&mut buffer, Kind::Tell, traced, &[1, 2, 3], |body| body.extend(b"hi")).unwrap();
        write(&mut buffer, Kind::Reply, &[1], |_| {}).unwrap();
        let (mut frame, length) = Frame::first(&buffer).unwrap().unwrap();
        assert_eq!(frame.trace, Some(trace));
        assert_eq!([frame.number(), frame.number(), frame.number()], [Ok(1), Ok(2), Ok(3)]);
        assert_eq!(frame.rest, b"hi");
        assert_eq!(Frame::first(&buffer[length..]).unwrap().unwrap().0.trace, None);
        assert_eq!(Frame::first(&[4, 0, 0, 0, 4, TRACED, 1, 2]), Err(Broken::TooShort));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange_to_look_at(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some((mut frame, length))) = Frame::first(&bytes) {
                prop_assert!(length <= bytes.len());
                while frame.number().is_ok() {}
            }
        }
    }
}

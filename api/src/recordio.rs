//! RecordIO: how a stream of messages is cut into messages.
//!
//! Shape: the length in decimal digits, a line feed, that many bytes; again.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// The most digits a length may have; more could not be counted.
const DIGITS_MAX: usize = 19;

/// One record, ready to be sent as one HTTP chunk: some clients read chunks instead of records.
pub fn encode(record: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(record.len() + 8);
    out.extend_from_slice(record.len().to_string().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(record);
    out.into()
}

/// Takes bytes as they come and gives records as they are complete.
///
/// Holds at most one unfinished record of the given size, besides what was pushed and not yet taken. After an error
/// the stream is lost: where the next record would begin is unknown, so every further question gets that error.
#[derive(Debug)]
pub struct Decoder {
    max: usize,
    /// What was pushed and not yet looked at, in the caller's own buffers.
    pushed: VecDeque<Bytes>,
    header: Header,
    record: BytesMut,
    failed: Option<RecordError>,
}

#[derive(Clone, Copy, Debug)]
enum Header {
    /// Reading a length; that many digits of it were seen.
    Digits { seen: usize, length: u64 },
    /// Reading a record of this length.
    Length(usize),
}

const START: Header = Header::Digits { seen: 0, length: 0 };

/// Why a stream cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("a record's length holds the byte {0:#04x}, which is not a digit")]
    NotALength(u8),
    #[error("a record of {length} bytes is longer than the {max} allowed")]
    TooLong { length: u64, max: usize },
}

impl Decoder {
    /// `max` bounds one record. Unit: bytes.
    pub fn new(max: usize) -> Decoder {
        Decoder { max, pushed: VecDeque::new(), header: START, record: BytesMut::new(), failed: None }
    }

    pub fn push(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if self.failed.is_none() && !bytes.is_empty() {
            self.pushed.push_back(bytes);
        }
    }

    /// The next complete record, if there is one.
    #[expect(clippy::should_implement_trait, reason = "an iterator would be over when it only waits")]
    pub fn next(&mut self) -> Result<Option<Bytes>, RecordError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.step().inspect_err(|error| {
            self.failed = Some(*error);
            self.pushed.clear();
            self.record = BytesMut::new();
        })
    }

    /// Whether the stream may end here.
    pub fn is_between_records(&self) -> bool {
        self.pushed.is_empty() && matches!(self.header, Header::Digits { seen: 0, .. })
    }

    fn step(&mut self) -> Result<Option<Bytes>, RecordError> {
        let length = loop {
            match self.header {
                Header::Length(length) => break length,
                Header::Digits { seen, length } => match self.take_byte() {
                    None => return Ok(None),
                    Some(b'\n') if seen > 0 => self.header = self.accept(length)?,
                    Some(digit @ b'0'..=b'9') => {
                        let length = length.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
                        if seen == DIGITS_MAX {
                            return Err(RecordError::TooLong { length, max: self.max });
                        }
                        self.header = Header::Digits { seen: seen + 1, length };
                    }
                    Some(other) => return Err(RecordError::NotALength(other)),
                },
            }
        };
        // A record that came in one piece is given out without a copy.
        if self.record.is_empty() && self.pushed.front().is_some_and(|front| front.len() >= length) {
            self.header = START;
            return Ok(Some(self.take(length)));
        }
        while self.record.len() < length {
            let Some(front) = self.pushed.front() else { return Ok(None) };
            let piece = front.len().min(length - self.record.len());
            let piece = self.take(piece);
            self.record.extend_from_slice(&piece);
        }
        self.header = START;
        Ok(Some(std::mem::take(&mut self.record).freeze()))
    }

    fn accept(&self, length: u64) -> Result<Header, RecordError> {
        match usize::try_from(length) {
            Ok(fits) if fits <= self.max => Ok(Header::Length(fits)),
            _ => Err(RecordError::TooLong { length, max: self.max }),
        }
    }

    fn take_byte(&mut self) -> Option<u8> {
        let front = self.pushed.front_mut()?;
        let byte = front.get_u8();
        if front.is_empty() {
            self.pushed.pop_front();
        }
        Some(byte)
    }

    /// Takes bytes of the first buffer, which has that many.
    fn take(&mut self, length: usize) -> Bytes {
        let Some(front) = self.pushed.front_mut() else { return Bytes::new() };
        let piece = front.split_to(length);
        if front.is_empty() {
            self.pushed.pop_front();
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(decoder: &mut Decoder) -> Vec<Bytes> {
        std::iter::from_fn(|| decoder.next().expect("a valid stream")).collect()
    }

    #[test]
    fn a_record_is_its_length_a_line_feed_and_itself() {
        assert_eq!(encode(br#"{"type":"HEARTBEAT"}"#), &b"20\n{\"type\":\"HEARTBEAT\"}"[..]);
    }

    #[test]
    fn a_length_that_is_not_one_ends_the_stream() {
        for bytes in ["x\n", "\n", "-1\nx", " 1\nx"] {
            let mut decoder = Decoder::new(100);
            decoder.push(bytes);
            assert!(matches!(decoder.next(), Err(RecordError::NotALength(_))), "{bytes:?}");
            decoder.push("1\nx");
            assert!(decoder.next().is_err());
        }
    }

    #[test]
    fn a_record_longer_than_allowed_is_refused_before_it_is_read() {
        let mut decoder = Decoder::new(100);
        decoder.push("101\n");
        assert_eq!(decoder.next(), Err(RecordError::TooLong { length: 101, max: 100 }));
        let mut decoder = Decoder::new(100);
        decoder.push("99999999999999999999999999");
        assert!(matches!(decoder.next(), Err(RecordError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn records_survive_any_cutting(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            cuts in prop::collection::vec(1usize..30, 1..40),
        ) {
            let stream: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
            let mut decoder = Decoder::new(40);
            let mut found = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                decoder.push(Bytes::copy_from_slice(piece));
                found.extend(all(&mut decoder));
                rest = after;
            }
            found.extend(all(&mut decoder));
            prop_assert_eq!(found, records);
            prop_assert!(decoder.is_between_records());
        }

        #[test]
        fn no_bytes_make_it_panic_or_hoard(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::new(16);
            decoder.push(bytes);
            while let Ok(Some(record)) = decoder.next() {
                prop_assert!(record.len() <= 16);
            }
        }
    }
}

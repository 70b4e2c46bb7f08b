//! The one codec: values to bytes and back. No other module of the workspace names the library.
//!
//! Little endian, fixed width, `u64` lengths, `u32` enum positions; what the field calls bincode 1.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian, legacy};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;

pub use bincode::{Decode, Encode};

/// What the derived code reaches for; not for anybody else.
#[doc(hidden)]
pub mod derived {
    pub use bincode::*;
}

/// The most one value may claim in memory while it is decoded.
///
/// Unit: bytes, counted as the decoder counts: what collections will hold, not what was sent.
/// Four times the largest frame, since a value is roomier in memory than on the wire.
pub const MAX_DECODED: usize = 64 * 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<MAX_DECODED>> = legacy().with_limit::<MAX_DECODED>();

/// Why bytes are not the value they were taken for.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end early, name an unknown variant, or are otherwise no such value.
    #[error("not a {kind}: {why}")]
    Malformed { kind: &'static str, why: String },
    /// The value would claim more than [`MAX_DECODED`].
    #[error("a {0} larger than the limit")]
    TooLarge(&'static str),
    /// The value is followed by bytes that belong to nothing.
    #[error("{left} bytes left over behind a {kind}")]
    Trailing { kind: &'static str, left: usize },
}

/// The bytes of `value`.
pub fn encode<T: Encode + ?Sized>(value: &T) -> Vec<u8> {
    let mut buffer = Vec::new();
    encode_into(value, &mut buffer);
    buffer
}

/// Appends the bytes of `value` to a buffer that others share.
pub fn encode_into<T: Encode + ?Sized>(value: &T, buffer: &mut Vec<u8>) {
    bincode::encode_into_writer(value, Appender(buffer), CONFIG)
        .expect("a buffer always has room, and parts hold no locks, cells or paths");
}

/// The value in `bytes`, all of them.
///
/// Errors: when they are not a `T`, too large a `T`, or a `T` and something behind it.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, DecodeError> {
    let kind = std::any::type_name::<T>();
    match bincode::decode_from_slice::<T, _>(bytes, CONFIG) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok((_, used)) => Err(DecodeError::Trailing { kind, left: bytes.len() - used }),
        Err(bincode::error::DecodeError::LimitExceeded) => Err(DecodeError::TooLarge(kind)),
        Err(error) => Err(DecodeError::Malformed { kind, why: error.to_string() }),
    }
}

struct Appender<'a>(&'a mut Vec<u8>);

impl Writer for Appender<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate as wire;
    use crate::Message as _;

    #[wire::part]
    #[derive(Clone, Debug, PartialEq)]
    enum Shape {
        Empty,
        Tuple(u32, Option<String>),
        Named { left: Vec<u8>, map: BTreeMap<String, u64>, shared: Arc<str>, wait: Duration },
    }

    #[wire::part]
    #[derive(Clone, Debug, PartialEq)]
    struct Pair<T> {
        first: T,
        second: Box<T>,
    }

    /// Documented, as messages are.
    #[derive(Debug)]
    #[wire::message(name = "test.told", version = 3)]
    struct Told {
        id: [u8; 16],
        shape: Pair<Shape>,
    }

    #[wire::question(name = "test.asked", version = 1, reply = Vec<Shape>)]
    enum Asked {
        One,

        Many(u64),
    }

    #[test]
    fn what_was_encoded_comes_back() {
        let shape = Shape::Named {
            left: vec![1, 2],
            map: BTreeMap::from([("a".to_owned(), 1)]),
            shared: "x".into(),
            wait: Duration::from_millis(7),
        };
        let pair = Pair { first: shape.clone(), second: Box::new(Shape::Tuple(4, None)) };
        let told = Told { id: [7; 16], shape: pair };

        let back: Told = decode(&encode(&told)).unwrap();

        assert_eq!(back.id, told.id);
        assert_eq!(back.shape, told.shape);
        assert_eq!((Told::NAME, Told::VERSION, Asked::NAME), ("test.told", 3, "test.asked"));
        let _: <Asked as crate::Question>::Reply = vec![Shape::Empty];
        assert_eq!(encode(&Asked::One), [0, 0, 0, 0]);
    }

    #[test]
    fn bytes_behind_a_value_are_refused() {
        assert!(matches!(decode::<u8>(&[1, 2]), Err(DecodeError::Trailing { left: 1, .. })));
    }

    #[test]
    fn a_length_that_lies_allocates_nothing() {
        let mut bytes = u64::MAX.to_le_bytes().to_vec();
        bytes.push(0);
        assert!(matches!(decode::<Vec<u64>>(&bytes), Err(DecodeError::TooLarge(_))));
        assert!(decode::<String>(&bytes).is_err());
        assert!(decode::<BTreeMap<u32, u32>>(&bytes).is_err());
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = encode(&Told {
            id: [1; 16],
            shape: Pair { first: Shape::Empty, second: Box::new(Shape::Empty) },
        });
        for end in 0..whole.len() {
            assert!(decode::<Told>(&whole[..end]).is_err(), "{end} of {}", whole.len());
        }
    }
}

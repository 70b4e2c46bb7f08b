//! Jute, ZooKeeper's spelling of values: big-endian numbers, and bytes behind their length.
//!
//! ```text
//!   int 4 · long 8 · bool 1 · buffer and string: int length (-1: none), bytes · vector: int count, items
//!   packet: int length, then so many bytes
//! ```

use bytes::{Buf, BufMut, BytesMut};

/// A value that is cut short, or longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed packet")]
pub(crate) struct Malformed;

/// More names than these in one list are no list of masters.
const LIST_MAX: usize = 100_000;

/// Spells values, one behind the other.
#[derive(Default)]
pub(crate) struct Writer(BytesMut);

impl Writer {
    pub(crate) fn int(mut self, value: i32) -> Self {
        self.0.put_i32(value);
        self
    }

    pub(crate) fn long(mut self, value: i64) -> Self {
        self.0.put_i64(value);
        self
    }

    pub(crate) fn bool(mut self, value: bool) -> Self {
        self.0.put_u8(u8::from(value));
        self
    }

    pub(crate) fn buffer(mut self, value: &[u8]) -> Self {
        // What is written here is a path, a secret or a master's description: far below 2 GB.
        self.0.put_i32(i32::try_from(value.len()).expect("a short value"));
        self.0.put_slice(value);
        self
    }

    pub(crate) fn string(self, value: &str) -> Self {
        self.buffer(value.as_bytes())
    }

    /// What was written, as one packet.
    pub(crate) fn packet(self) -> BytesMut {
        Writer::default().buffer(&self.0).0
    }
}

/// Reads values, one behind the other.
pub(crate) struct Reader(pub(crate) BytesMut);

impl Reader {
    pub(crate) fn int(&mut self) -> Result<i32, Malformed> {
        self.0.try_get_i32().map_err(|_| Malformed)
    }

    pub(crate) fn long(&mut self) -> Result<i64, Malformed> {
        self.0.try_get_i64().map_err(|_| Malformed)
    }

    /// Bytes behind their length; none reads as empty.
    pub(crate) fn buffer(&mut self) -> Result<Vec<u8>, Malformed> {
        let length = usize::try_from(self.int()?).unwrap_or(0);
        if length > self.0.remaining() {
            return Err(Malformed);
        }
        Ok(self.0.split_to(length).to_vec())
    }

    pub(crate) fn string(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.buffer()?).map_err(|_| Malformed)
    }

    pub(crate) fn strings(&mut self) -> Result<Vec<String>, Malformed> {
        let count = usize::try_from(self.int()?).unwrap_or(0);
        if count > LIST_MAX {
            return Err(Malformed);
        }
        (0..count).map(|_| self.string()).collect()
    }
}

/// Takes one whole packet from what has arrived; `None` while there is none.
///
/// Errors: when its length is more than `most`.
pub(crate) fn take_packet(arrived: &mut BytesMut, most: usize) -> Result<Option<Reader>, Malformed> {
    let Some(head) = arrived.first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(i32::from_be_bytes(*head)).map_err(|_| Malformed)?;
    if length > most {
        return Err(Malformed);
    }
    if arrived.len() < 4 + length {
        return Ok(None);
    }
    arrived.advance(4);
    Ok(Some(Reader(arrived.split_to(length))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_is_taken_once_it_is_whole() {
        let packet = Writer::default().int(7).string("/mesos").bool(true).packet();
        let mut arrived = BytesMut::new();
        for byte in &packet[..packet.len() - 1] {
            arrived.put_u8(*byte);
            assert!(take_packet(&mut arrived, 100).unwrap().is_none());
        }
        arrived.put_u8(1);
        let mut reader = take_packet(&mut arrived, 100).unwrap().expect("it is whole");
        assert_eq!((reader.int(), reader.string()), (Ok(7), Ok("/mesos".to_owned())));
        assert!(arrived.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut arrived = BytesMut::from(&bytes[..]);
            while let Ok(Some(mut reader)) = take_packet(&mut arrived, 48) {
                let _ = reader.strings();
                let _ = (reader.buffer(), reader.long(), reader.int());
            }
        }
    }
}

//! The bytes of a snapshot around what it holds.

use std::io;

use libprocess::environment::File;
use libprocess_wire as wire;

use super::read_at;
use crate::raft::codec::Covered;

/// Unit: bytes.
pub(super) const CHUNK: usize = 256 << 10;
pub(super) const CHUNK_HEAD: usize = 8;
pub(super) const END: usize = 16;

const MAGIC: [u8; 8] = *b"HRsnap\0\x01";
/// No membership is longer. Unit: bytes.
const COVERED_MAX: usize = 1 << 20;

/// What a snapshot begins with.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) covered: Covered,
    pub(super) bytes: Vec<u8>,
    sum: u32,
}

impl Head {
    pub(super) fn of(covered: Covered) -> Head {
        let body = wire::encode(&covered);
        let sum = crc32c::crc32c(&body);
        let length = (body.len() as u32).to_le_bytes();
        let bytes = [&MAGIC[..], &length, &sum.to_le_bytes(), &body].concat();
        Head { covered, bytes, sum }
    }

    pub(super) fn read(file: &dyn File) -> io::Result<Head> {
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let mut first = [0; 16];
        read_at(file, &mut first, 0)?;
        if first[..7] == MAGIC[..7] && first[7] > MAGIC[7] {
            let newer = "start the version that wrote it, or one after it";
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("it has format {}: {newer}", first[7]),
            ));
        }
        let number = |at: usize| u32::from_le_bytes(first[at..at + 4].try_into().expect("four bytes"));
        let length = number(8) as usize;
        if first[..8] != MAGIC || length > COVERED_MAX {
            return Err(invalid("it does not begin as a snapshot does".to_owned()));
        }
        let mut body = vec![0; length];
        read_at(file, &mut body, 16)?;
        if crc32c::crc32c(&body) != number(12) {
            return Err(invalid("its head is damaged".to_owned()));
        }
        let covered: Covered = wire::decode(&body).map_err(|error| invalid(error.to_string()))?;
        Ok(Head { covered, bytes: [&first[..], &body].concat(), sum: number(12) })
    }

    /// Unit: bytes.
    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Where a chunk begins, of which all before it are full.
    pub(super) fn chunk_at(&self, number: u64) -> u64 {
        self.size() + number * (CHUNK_HEAD + CHUNK) as u64
    }
}

/// What comes before the bytes of a chunk.
pub(super) fn chunk_head(head: &Head, number: u64, bytes: &[u8]) -> [u8; CHUNK_HEAD] {
    let mut chunk = [0; CHUNK_HEAD];
    let length = (bytes.len() as u32).to_le_bytes();
    chunk[..4].copy_from_slice(&length);
    let mut place = [0; 16];
    place[..4].copy_from_slice(&head.sum.to_le_bytes());
    place[4..12].copy_from_slice(&number.to_le_bytes());
    place[12..].copy_from_slice(&length);
    let sum = crc32c::crc32c_append(crc32c::crc32c(&place), bytes);
    chunk[4..].copy_from_slice(&sum.to_le_bytes());
    chunk
}

/// What comes after the last chunk.
pub(super) fn end(head: &Head, total: u64) -> [u8; END] {
    let mut bytes = [0; END];
    bytes[8..].copy_from_slice(&total.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&head.sum.to_le_bytes()), &bytes[8..]);
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    bytes
}

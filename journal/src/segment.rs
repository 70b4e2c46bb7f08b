//! What a file of frames, and a file of what they amount to, look like.

use crate::frame::{Format, Seal};

/// Of a segment as it is written today. Unit: bytes.
pub(crate) const HEADER: usize = 64;
/// Of a segment of format 1, and of a snapshot. Unit: bytes.
const SHORT: usize = 32;

const SEGMENT: [u8; 7] = *b"HJlog\0\0";
const SNAPSHOT: [u8; 8] = *b"HJsnp\0\0\x01";

/// The name of a segment's file.
pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:016x}.log")
}

/// The name of the snapshot that stands for all segments before `number`.
pub(crate) fn snapshot_name(number: u64) -> String {
    format!("{number:016x}.snap")
}

/// What a name in the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Segment(u64),
    Snapshot(u64),
    /// A file that was not finished when its writer stopped.
    Unfinished,
    Other,
}

impl Name {
    pub(crate) fn of(name: &str) -> Self {
        let number = |text: &str| (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
        match name.rsplit_once('.') {
            Some((stem, "log")) => number(stem).map_or(Self::Other, Self::Segment),
            Some((stem, "snap")) => number(stem).map_or(Self::Other, Self::Snapshot),
            Some((_, "new")) => Self::Unfinished,
            _ => Self::Other,
        }
    }
}

/// The first bytes of a segment, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) number: u64,
    pub(crate) salt: u64,
    /// Whose journal it is.
    pub(crate) owner: u128,
    /// Where the segment before ended, if that was known.
    pub(crate) previous: Option<End>,
}

/// Where a segment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) length: u64,
    /// The checksum of its last frame, or of its header if it has none.
    pub(crate) link: u32,
}

/// What the first bytes of a segment's file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// How its frames are spelled, where they begin, and what the first one follows.
    Known { seal: Seal, begin: u64, link: u32, header: Option<Header> },
    /// It was written by a later version, in this format.
    Newer(u8),
    /// It is no header.
    Bad,
}

impl PartialEq for Seal {
    fn eq(&self, other: &Self) -> bool {
        (self.format, self.salt) == (other.format, other.salt)
    }
}
impl Eq for Seal {}

impl Header {
    pub(crate) fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..7].copy_from_slice(&SEGMENT);
        bytes[7] = 2;
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.salt.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.owner.to_le_bytes());
        let previous = self.previous.unwrap_or(End { length: 0, link: 0 });
        bytes[40..48].copy_from_slice(&previous.length.to_le_bytes());
        bytes[48..52].copy_from_slice(&previous.link.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..52]);
        bytes[52..56].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// What the first frame after it names as the group before.
    pub(crate) fn link(&self) -> u32 {
        let bytes = self.bytes();
        u32::from_le_bytes([bytes[52], bytes[53], bytes[54], bytes[55]])
    }

    pub(crate) fn seal(&self) -> Seal {
        Seal { format: Format::Two, salt: self.salt }
    }
}

/// Reads the first bytes of the segment `number`.
pub(crate) fn head(bytes: &[u8], number: u64) -> Head {
    match bytes.split_first_chunk::<8>() {
        Some(([magic @ .., 1], _)) if *magic == SEGMENT => first_head(bytes, number),
        Some(([magic @ .., 2], _)) if *magic == SEGMENT => present_head(bytes, number),
        Some(([magic @ .., format], _)) if *magic == SEGMENT && *format > 2 => Head::Newer(*format),
        _ => Head::Bad,
    }
}

fn present_head(bytes: &[u8], number: u64) -> Head {
    let Some(bytes) = bytes.first_chunk::<HEADER>() else { return Head::Bad };
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let end =
        End { length: u64_at(40), link: u32::from_le_bytes(bytes[48..52].try_into().expect("four bytes")) };
    let header = Header {
        number,
        salt: u64_at(16),
        owner: u128::from_le_bytes(bytes[24..40].try_into().expect("sixteen bytes")),
        previous: (end.length > 0).then_some(end),
    };
    if header.bytes() != *bytes {
        return Head::Bad;
    }
    Head::Known { seal: header.seal(), begin: HEADER as u64, link: header.link(), header: Some(header) }
}

fn first_head(bytes: &[u8], number: u64) -> Head {
    let Some(bytes) = bytes.first_chunk::<SHORT>() else { return Head::Bad };
    let salt = u64::from_le_bytes(bytes[16..24].try_into().expect("eight bytes"));
    let mut magic = [1; 8];
    magic[..7].copy_from_slice(&SEGMENT);
    if *bytes != short_header(magic, number, salt, &[]) {
        return Head::Bad;
    }
    Head::Known { seal: Seal { format: Format::One, salt }, begin: SHORT as u64, link: 0, header: None }
}

/// A snapshot as it is kept.
pub(crate) fn snapshot_bytes(number: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(SHORT + body.len());
    bytes.extend_from_slice(&short_header(SNAPSHOT, number, body.len() as u64, body));
    bytes.extend_from_slice(body);
    bytes
}

/// The content of a snapshot, if it is whole and its own.
pub(crate) fn snapshot_body(bytes: &[u8], number: u64) -> Option<&[u8]> {
    let (head, body) = bytes.split_at_checked(SHORT)?;
    (*head == short_header(SNAPSHOT, number, body.len() as u64, body)).then_some(body)
}

fn short_header(magic: [u8; 8], number: u64, second: u64, body: &[u8]) -> [u8; SHORT] {
    let mut header = [0; SHORT];
    header[..8].copy_from_slice(&magic);
    header[8..16].copy_from_slice(&number.to_le_bytes());
    header[16..24].copy_from_slice(&second.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&header[..24]), body);
    header[24..28].copy_from_slice(&sum.to_le_bytes());
    header
}

#[cfg(test)]
pub(crate) fn first_header(number: u64, salt: u64) -> Vec<u8> {
    let mut magic = [1; 8];
    magic[..7].copy_from_slice(&SEGMENT);
    short_header(magic, number, salt, &[]).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_belongs_to_its_number() {
        let header = Header { number: 5, salt: 99, owner: 3, previous: Some(End { length: 80, link: 6 }) };
        let bytes = header.bytes();
        assert!(matches!(head(&bytes, 5), Head::Known { header: Some(found), .. } if found == header));
        assert_eq!(head(&bytes, 6), Head::Bad);
        assert_eq!(head(&bytes[..63], 5), Head::Bad);
    }

    #[test]
    fn older_files_are_known_and_newer_ones_are_told_apart_from_bad_ones() {
        assert!(matches!(head(&first_header(5, 99), 5), Head::Known { begin: 32, header: None, .. }));
        let mut later = first_header(5, 99);
        later[7] = 9;
        assert_eq!(head(&later, 5), Head::Newer(9));
        later[0] = 0;
        assert_eq!(head(&later, 5), Head::Bad);
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!(Name::of(&segment_name(u64::MAX)), Name::Segment(u64::MAX));
        assert_eq!(Name::of(&snapshot_name(7)), Name::Snapshot(7));
        assert_eq!(Name::of("0000000000000007.new"), Name::Unfinished);
        assert_eq!(Name::of("7.log"), Name::Other);
    }
}

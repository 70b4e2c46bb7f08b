//! What a file of frames, and a file of what they amount to, look like.

/// Unit: bytes.
pub(crate) const HEADER: usize = 32;

const SEGMENT: [u8; 8] = *b"HJlog\0\0\x01";
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

/// The first bytes of a segment.
pub(crate) fn segment_header(number: u64, salt: u64) -> [u8; HEADER] {
    header(SEGMENT, number, salt, &[])
}

/// The salt of a segment, if its header is whole and its own.
pub(crate) fn segment_salt(bytes: &[u8], number: u64) -> Option<u64> {
    let header = bytes.get(..HEADER)?;
    let salt = u64::from_le_bytes(header[16..24].try_into().ok()?);
    (*header == segment_header(number, salt)).then_some(salt)
}

/// A snapshot as it is kept.
pub(crate) fn snapshot_bytes(number: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(&header(SNAPSHOT, number, body.len() as u64, body));
    bytes.extend_from_slice(body);
    bytes
}

/// The content of a snapshot, if it is whole and its own.
pub(crate) fn snapshot_body(bytes: &[u8], number: u64) -> Option<&[u8]> {
    let (head, body) = bytes.split_at_checked(HEADER)?;
    (*head == header(SNAPSHOT, number, body.len() as u64, body)).then_some(body)
}

fn header(magic: [u8; 8], number: u64, second: u64, body: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&magic);
    header[8..16].copy_from_slice(&number.to_le_bytes());
    header[16..24].copy_from_slice(&second.to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&header[..24]), body);
    header[24..28].copy_from_slice(&sum.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_belongs_to_its_number() {
        let header = segment_header(5, 99);
        assert_eq!(segment_salt(&header, 5), Some(99));
        assert_eq!(segment_salt(&header, 6), None);
        assert_eq!(segment_salt(&header[..31], 5), None);
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!(Name::of(&segment_name(u64::MAX)), Name::Segment(u64::MAX));
        assert_eq!(Name::of(&snapshot_name(7)), Name::Snapshot(7));
        assert_eq!(Name::of("0000000000000007.new"), Name::Unfinished);
        assert_eq!(Name::of("7.log"), Name::Other);
    }
}

//! What is kept: a kind and a version that the owner understands, and bytes.
//!
//! ```text
//! format 2 │ length u32 │ crc32c u32 │ link u32 │ kind u8 │ version u8 │ flags u8 │ zero u8 │ body … │ pad to 8 │
//! format 1 │ length u32 │ crc32c u32 │            kind u8 │ version u8 │ flags u8 │ zero u8 │ body … │ pad to 8 │
//! ```

/// The longest body. Unit: bytes.
pub const BODY_MAX: usize = 16 << 20;

/// Frames begin at multiples of this.
pub(crate) const ALIGNED: usize = 8;

/// This frame is the last of its group.
const LAST: u8 = 1;

/// One thing that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is; the owner's.
    pub kind: u8,
    /// How its body is spelled; the owner's.
    pub version: u8,
    /// Its content, at most [`BODY_MAX`] bytes.
    pub body: Vec<u8>,
}

/// One thing that was written down, where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameRef<'a> {
    /// What it is; the owner's.
    pub kind: u8,
    /// How its body is spelled; the owner's.
    pub version: u8,
    /// Its content.
    pub body: &'a [u8],
}

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The number of its segment.
    pub segment: u64,
    /// Where it begins there.
    pub offset: u64,
}

impl FrameRef<'_> {
    /// A copy that lives longer.
    pub(crate) fn to_frame(self) -> Frame {
        Frame { kind: self.kind, version: self.version, body: self.body.to_vec() }
    }
}

impl Frame {
    /// How many bytes it takes in a segment.
    pub(crate) fn size(&self) -> usize {
        size_of(self.body.len())
    }
}

/// How many bytes a frame with such a body takes in a segment.
pub(crate) fn size_of(body: usize) -> usize {
    (Format::PRESENT.head() + body).next_multiple_of(ALIGNED)
}

/// How a file is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Read, never written: frames know their place, not what came before them.
    One,
    /// Each frame also names the group before its own.
    Two,
}

/// What a frame's checksum covers beside the frame itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub(crate) format: Format,
    /// The segment's.
    pub(crate) salt: u64,
}

/// A frame as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) frame: FrameRef<'a>,
    /// How many bytes it takes.
    pub(crate) size: usize,
    pub(crate) sum: u32,
    /// The checksum of the last frame of the group before; format 1 has none.
    pub(crate) link: Option<u32>,
    /// Whether its group ends with it.
    pub(crate) last: bool,
}

impl Format {
    /// What is written today.
    pub(crate) const PRESENT: Self = Self::Two;

    /// Unit: bytes.
    pub(crate) fn head(self) -> usize {
        match self {
            Self::One => 12,
            Self::Two => 16,
        }
    }
}

/// Writes the frame that will begin at `offset` of a segment with this salt, after the group that ended with `link`; its
/// body is all of `parts`. It is not the last of its group until [`close`] says so.
pub(crate) fn put(
    out: &mut Vec<u8>,
    salt: u64,
    offset: u64,
    link: u32,
    [kind, version]: [u8; 2],
    parts: [&[u8]; 2],
) {
    let begin = out.len();
    let length = parts[0].len() + parts[1].len();
    out.reserve(size_of(length));
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&link.to_le_bytes());
    out.extend_from_slice(&[kind, version, 0, 0]);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    let sum = checksum(&out[begin..], salt, offset);
    out[begin + 4..begin + 8].copy_from_slice(&sum.to_le_bytes());
    out.resize(begin + size_of(length), 0);
}

/// Makes the frame at the end of `group`, which begins there at `begin`, the last of its group; returns its checksum,
/// which the next group names.
pub(crate) fn close(group: &mut [u8], begin: usize, salt: u64, offset: u64) -> u32 {
    let frame = &mut group[begin..];
    frame[14] |= LAST;
    let length = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
    let sum = checksum(&frame[..Format::PRESENT.head() + length], salt, offset);
    frame[4..8].copy_from_slice(&sum.to_le_bytes());
    sum
}

/// Reads the frame at `offset` of a segment, of which `bytes` begin at `base`: if there is a whole and untouched one.
pub(crate) fn get(bytes: &[u8], base: u64, seal: Seal, offset: u64) -> Option<Found<'_>> {
    let head_size = seal.format.head();
    let at = usize::try_from(offset.checked_sub(base)?).ok()?;
    let head = bytes.get(at..at.checked_add(head_size)?)?;
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (length, sum) = (number(0) as usize, number(4));
    let [kind, version, flags, zero] = head[head_size - 4..] else { return None };
    if length > BODY_MAX || flags & !LAST != 0 || zero != 0 {
        return None;
    }
    let size = (head_size + length).next_multiple_of(ALIGNED);
    let whole = bytes.get(at..at + size)?;
    let (frame, padding) = whole.split_at(head_size + length);
    if checksum(frame, seal.salt, offset) != sum || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(Found {
        frame: FrameRef { kind, version, body: &frame[head_size..] },
        size,
        sum,
        link: (seal.format == Format::Two).then(|| number(8)),
        last: flags & LAST != 0,
    })
}

/// Covers salt, offset, length, and all that follows the checksum itself; so it is the same for both formats.
fn checksum(frame: &[u8], salt: u64, offset: u64) -> u32 {
    let mut head = [0; 20];
    head[..8].copy_from_slice(&salt.to_le_bytes());
    head[8..16].copy_from_slice(&offset.to_le_bytes());
    head[16..].copy_from_slice(&frame[..4]);
    crc32c::crc32c_append(crc32c::crc32c(&head), &frame[8..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: Seal = Seal { format: Format::Two, salt: 7 };

    #[test]
    fn a_frame_is_valid_where_it_was_put_and_nowhere_else() {
        let mut bytes = vec![0; 32];
        put(&mut bytes, 7, 32, 99, [3, 1], [b"hect", b"are"]);
        let found = get(&bytes, 0, SEAL, 32).unwrap();
        assert_eq!(found.frame, FrameRef { kind: 3, version: 1, body: b"hectare" });
        assert_eq!((found.link, found.last, found.size), (Some(99), false, bytes.len() - 32));
        assert_eq!(get(&bytes[32..], 32, SEAL, 32), Some(found));
        assert_eq!(get(&bytes, 0, Seal { salt: 8, ..SEAL }, 32), None);
        assert_eq!(get(&bytes[8..], 0, SEAL, 24), None);
        let before = found.sum;

        let sum = close(&mut bytes, 32, 7, 32);
        let closed = get(&bytes, 0, SEAL, 32).unwrap();
        assert!(closed.last && closed.sum == sum && sum != before);
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(get(&[0; 64], 0, Seal { format: Format::One, salt: 0 }, 0), None);
        assert_eq!(get(&[0; 64], 0, Seal { format: Format::Two, salt: 0 }, 0), None);
    }
}

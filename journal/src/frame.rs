//! What is kept: a kind and a version that the owner understands, and bytes.

/// The longest body. Unit: bytes.
pub const BODY_MAX: usize = 16 << 20;

/// Unit: bytes.
pub(crate) const HEAD: usize = 12;

/// Frames begin at multiples of this.
pub(crate) const ALIGNED: usize = 8;

/// This frame is the last of its append.
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

impl Frame {
    /// How many bytes it takes in a segment.
    pub(crate) fn size(&self) -> usize {
        (HEAD + self.body.len()).next_multiple_of(ALIGNED)
    }

    /// Writes the frame that will begin at `offset` of a segment with this salt.
    pub(crate) fn put(&self, out: &mut Vec<u8>, salt: u64, offset: u64, last: bool) {
        let length = (self.body.len() as u32).to_le_bytes();
        let meaning = [self.kind, self.version, if last { LAST } else { 0 }, 0];
        out.extend_from_slice(&length);
        out.extend_from_slice(&checksum(salt, offset, &length, &meaning, &self.body).to_le_bytes());
        out.extend_from_slice(&meaning);
        out.extend_from_slice(&self.body);
        out.resize(out.len().next_multiple_of(ALIGNED), 0);
    }

    /// Reads the frame at `offset`, if there is a whole and untouched one; with whether it is the last of its append.
    pub(crate) fn get(segment: &[u8], salt: u64, offset: usize) -> Option<(Self, bool)> {
        let head = segment.get(offset..offset.checked_add(HEAD)?)?;
        let (length, rest) = head.split_first_chunk::<4>()?;
        let (sum, meaning) = rest.split_first_chunk::<4>()?;
        let meaning: &[u8; 4] = meaning.try_into().ok()?;
        let size = u32::from_le_bytes(*length) as usize;
        if size > BODY_MAX || meaning[2] & !LAST != 0 || meaning[3] != 0 {
            return None;
        }
        let begin = offset + HEAD;
        let body = segment.get(begin..begin + size)?;
        let padding = segment.get(begin + size..(begin + size).next_multiple_of(ALIGNED))?;
        if padding.iter().any(|byte| *byte != 0)
            || checksum(salt, offset as u64, length, meaning, body) != u32::from_le_bytes(*sum)
        {
            return None;
        }
        Some((Self { kind: meaning[0], version: meaning[1], body: body.to_vec() }, meaning[2] & LAST != 0))
    }
}

fn checksum(salt: u64, offset: u64, length: &[u8; 4], meaning: &[u8; 4], body: &[u8]) -> u32 {
    let mut head = [0; 24];
    head[..8].copy_from_slice(&salt.to_le_bytes());
    head[8..16].copy_from_slice(&offset.to_le_bytes());
    head[16..20].copy_from_slice(length);
    head[20..].copy_from_slice(meaning);
    crc32c::crc32c_append(crc32c::crc32c(&head), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_valid_where_it_was_put_and_nowhere_else() {
        let frame = Frame { kind: 3, version: 1, body: b"hectare".to_vec() };
        let mut bytes = vec![0; 32];
        frame.put(&mut bytes, 7, 32, true);
        assert_eq!(bytes.len(), 32 + frame.size());
        assert_eq!(Frame::get(&bytes, 7, 32), Some((frame, true)));
        assert_eq!(Frame::get(&bytes, 8, 32), None);
        assert_eq!(Frame::get(&bytes[8..], 7, 24), None);
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(Frame::get(&[0; 64], 0, 0), None);
    }
}

//! Bytes that say what they are, how they are spelled, and whether they are whole.
//!
//! ```text
//! magic 4 │ version u16 │ length u32 │ body … │ crc32c u32 over all before it      (numbers little-endian)
//! ```

use libprocess_wire as wire;

/// The longest body that is read. Unit: bytes.
pub const LONGEST: usize = 8 * 1024 * 1024;

const HEAD: usize = 10;

/// Why sealed bytes are not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it ends before it is whole")]
    Short,
    #[error("it is something else")]
    Magic,
    #[error("its checksum does not match")]
    Checksum,
    #[error("version {0} is not understood")]
    Version(u16),
    #[error("its body is not understood")]
    Body,
}

/// Something with a place of its own on disk or in a pipe.
pub trait Sealed: wire::Part {
    /// What it is.
    const MAGIC: [u8; 4];
    /// How it is spelled: grows by one whenever the fields change.
    const VERSION: u16;

    /// The bytes to keep or send.
    fn seal(&self) -> Vec<u8> {
        let body = wire::encode(self);
        let mut bytes = Vec::with_capacity(HEAD + body.len() + 4);
        bytes.extend_from_slice(&Self::MAGIC);
        bytes.extend_from_slice(&Self::VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads what [`seal`](Self::seal) made. An older version is read by the type that was, when there is one.
    ///
    /// Errors: anything but whole bytes of this kind and version; never panics.
    fn open(bytes: &[u8]) -> Result<Self, SealError> {
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or(SealError::Short)?;
        if head[..4] != Self::MAGIC {
            return Err(SealError::Magic);
        }
        let version = u16::from_le_bytes([head[4], head[5]]);
        let length = u32::from_le_bytes([head[6], head[7], head[8], head[9]]) as usize;
        let (body, sum) = rest.split_at_checked(length).ok_or(SealError::Short)?;
        let sum: [u8; 4] = sum.try_into().map_err(|_| SealError::Short)?;
        if crc32c::crc32c(&bytes[..HEAD + length]) != u32::from_le_bytes(sum) {
            return Err(SealError::Checksum);
        }
        if version != Self::VERSION {
            return Err(SealError::Version(version));
        }
        wire::decode(body).map_err(|_| SealError::Body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[wire::part]
    #[derive(Debug, PartialEq)]
    struct Note {
        text: String,
    }

    impl Sealed for Note {
        const MAGIC: [u8; 4] = *b"HTst";
        const VERSION: u16 = 1;
    }

    #[test]
    fn a_note_is_read_back_whole() {
        let note = Note { text: "hectare".into() };
        assert_eq!(Note::open(&note.seal()), Ok(note));
    }

    #[test]
    fn a_note_cut_or_changed_anywhere_is_not_believed() {
        let bytes = Note { text: "hectare".into() }.seal();
        for cut in 0..bytes.len() {
            assert!(Note::open(&bytes[..cut]).is_err(), "cut at {cut}");
            let mut changed = bytes.clone();
            changed[cut] ^= 0x40;
            assert!(Note::open(&changed).is_err(), "changed at {cut}");
        }
    }
}

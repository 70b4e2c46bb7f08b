//! Bytes as they come in: read in large pieces, looked at where they lie, moved only to make room.

/// How much is read at once, at first: most connections say little. Unit: bytes.
const READ_MIN: usize = 512;
/// How much is read at once of who says much. Unit: bytes.
const READ: usize = 64 << 10;
/// A buffer is halved after so many reads in a row that did not need it.
const LITTLE: usize = 16;
/// A buffer that grew beyond this for one frame is not kept. Unit: bytes.
const KEPT: usize = 1 << 20;

/// What was read and not yet consumed.
pub(super) struct Inflow {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How many reads in a row would have had room in a buffer of half the size.
    little: usize,
}

impl Inflow {
    pub(super) fn new() -> Inflow {
        Inflow { bytes: vec![0; READ_MIN], start: 0, end: 0, little: 0 }
    }

    /// Where to read into; at least as much as what is unread, so that a large frame takes few reads.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let filled = self.end == self.bytes.len();
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEPT {
                self.bytes = vec![0; READ];
            } else if filled && self.bytes.len() < READ {
                self.bytes = vec![0; 2 * self.bytes.len()];
            } else if self.little >= LITTLE && self.bytes.len() > READ_MIN {
                // What came at once when it began, or in a burst, says nothing of what comes later.
                self.bytes = vec![0; self.bytes.len() / 2];
                self.little = 0;
            }
        } else if self.bytes.len() - self.end < self.bytes.len().min(READ) / 2 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if (filled && self.bytes.len() < READ)
                || self.bytes.len() - self.end < READ.min(self.bytes.len()) / 2
            {
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    pub(super) fn filled(&mut self, read: usize) {
        self.end += read;
        self.little = if self.end <= self.bytes.len() / 2 { self.little + 1 } else { 0 };
    }

    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(super) fn consume(&mut self, length: usize) {
        self.start += length;
        debug_assert!(self.start <= self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unread_stays_however_it_is_moved() {
        let mut inflow = Inflow::new();
        let (mut written, mut seen) = (0u32, 0u32);
        assert_eq!(inflow.space().len(), READ_MIN);
        for step in 1..2_000usize {
            let space = inflow.space();
            let fits = space.len() / 4;
            for place in space.chunks_exact_mut(4).take(fits.min(step * 7)) {
                place.copy_from_slice(&written.to_le_bytes());
                written += 1;
            }
            inflow.filled(4 * fits.min(step * 7));
            for _ in 0..step * 6 {
                let Some(next) = inflow.unread().first_chunk::<4>() else { break };
                assert_eq!(u32::from_le_bytes(*next), seen);
                seen += 1;
                inflow.consume(4);
            }
        }
        assert!(seen > 1_000_000);
    }

    #[test]
    fn who_says_little_after_a_burst_has_a_small_buffer_again() {
        let mut inflow = Inflow::new();
        for _ in 0..10 {
            let room = inflow.space().len();
            inflow.filled(room);
            inflow.consume(room);
        }
        assert_eq!(inflow.space().len(), READ);
        for _ in 0..10 * LITTLE {
            inflow.space();
            inflow.filled(6);
            inflow.consume(6);
        }
        assert_eq!(inflow.space().len(), READ_MIN);
    }

    #[test]
    fn room_for_one_large_frame_is_not_kept() {
        let mut inflow = Inflow::new();
        while inflow.unread().len() < 3 << 20 {
            let room = inflow.space().len();
            inflow.filled(room);
        }
        inflow.consume(inflow.unread().len());
        assert_eq!(inflow.space().len(), READ);
    }
}

//! Places in a log: [`Position`], and the [`Epoch`] of whoever leads it.

use std::fmt;

use libprocess_wire as wire;

/// A place in a log: opaque, totally ordered, with gaps.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    pub(crate) const fn new(index: u64) -> Position {
        Position(index)
    }

    pub(crate) const fn index(self) -> u64 {
        self.0
    }

    /// Eight bytes that sort as positions do.
    pub fn identity(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The position these eight bytes are the identity of.
    pub fn of_identity(identity: [u8; 8]) -> Position {
        Position(u64::from_be_bytes(identity))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The reign of one leader: the place at which the log says that it leads.
///
/// Of two epochs the higher is the later, whatever became of terms and clocks in between; so it is the
/// token by which the outside refuses a leader that was replaced.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_sort_as_positions_do() {
        let (low, high) = (Position::new(255), Position::new(256));

        assert!(low.identity() < high.identity());
        assert_eq!(Position::of_identity(high.identity()), high);
    }
}

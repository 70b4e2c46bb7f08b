//! The smallest machine with something to lose: numbered cells.

use std::collections::BTreeMap;
use std::io;

use libprocess_wire as wire;
use replicated_log::{Machine, View};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cells(pub(crate) BTreeMap<u64, u64>);

/// Adds to a cell.
#[wire::part]
#[derive(Clone, Debug)]
pub(crate) struct Add(pub(crate) u64, pub(crate) u64);

/// The cell would overflow.
#[derive(Debug, PartialEq)]
pub(crate) struct Overflow;

impl Machine for Cells {
    const VERSION: u32 = 1;
    type Delta = Add;
    type Output = u64;
    type Error = Overflow;

    fn apply(&mut self, _: u64, Add(cell, more): Add) -> Result<u64, Overflow> {
        let cell = self.0.entry(cell).or_default();
        *cell = cell.checked_add(more).ok_or(Overflow)?;
        Ok(*cell)
    }

    fn snapshot(&self) -> View {
        let cells: Vec<(u64, u64)> = self.0.iter().map(|(cell, sum)| (*cell, *sum)).collect();
        View::new(move |to| to.write_all(&wire::encode(&cells)))
    }

    fn restore(from: &mut dyn io::Read) -> io::Result<Cells> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let cells: Vec<(u64, u64)> = wire::decode(&bytes).map_err(io::Error::other)?;
        Ok(Cells(cells.into_iter().collect()))
    }
}

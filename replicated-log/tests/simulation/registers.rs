//! The machine under test: numbered registers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;

use libprocess_wire as wire;
use replicated_log::{Machine, View};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registers(BTreeMap<u64, u64>);

#[wire::part]
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) register: u64,
    /// Only if it is that.
    pub(crate) expected: Option<u64>,
    pub(crate) value: u64,
}

impl Registers {
    pub(crate) fn get(&self, register: u64) -> u64 {
        self.0.get(&register).copied().unwrap_or(0)
    }
}

impl Machine for Registers {
    const VERSION: u32 = 1;
    type Delta = Set;
    /// Whether it was as expected.
    type Output = bool;
    type Error = Infallible;

    fn apply(&mut self, _: u64, set: Set) -> Result<bool, Infallible> {
        let now = self.get(set.register);
        let agreed = set.expected.is_none_or(|expected| expected == now);
        if agreed {
            self.0.insert(set.register, set.value);
        }
        Ok(agreed)
    }

    fn snapshot(&self) -> View {
        let registers = self.0.clone();
        View::new(move |to| to.write_all(&wire::encode(&registers)))
    }

    fn restore(from: &mut dyn io::Read) -> io::Result<Registers> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        wire::decode(&bytes).map(Registers).map_err(io::Error::other)
    }
}

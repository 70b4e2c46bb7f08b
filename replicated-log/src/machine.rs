//! What a log can carry: a machine that is moved by its entries alone.

use std::io;

use libprocess_wire as wire;

/// A state that is the same wherever the same deltas were applied.
///
/// ```
/// use libprocess_wire as wire;
/// use replicated_log::{Machine, View};
/// use std::io::Read;
///
/// #[derive(Default)]
/// struct Sum(u64);
///
/// #[wire::part]
/// struct Add(u64);
///
/// impl Machine for Sum {
///     const VERSION: u32 = 1;
///     type Delta = Add;
///     type Output = u64;
///     type Error = std::num::TryFromIntError;
///
///     fn apply(&mut self, _: u64, Add(more): Add) -> Result<u64, Self::Error> {
///         self.0 += more;
///         Ok(self.0)
///     }
///
///     fn snapshot(&self) -> View {
///         let sum = self.0;
///         View::new(move |to| to.write_all(&sum.to_le_bytes()))
///     }
///
///     fn restore(from: &mut dyn Read) -> std::io::Result<Sum> {
///         let mut bytes = [0; 8];
///         from.read_exact(&mut bytes)?;
///         Ok(Sum(u64::from_le_bytes(bytes)))
///     }
/// }
/// ```
pub trait Machine: Default + Send + Sync + 'static {
    /// Grows by one whenever the deltas change. One that meets a newer delta stops where it is.
    const VERSION: u32;
    /// A change. Times and ids are in it: applying it reads no clock and rolls no dice.
    type Delta: wire::Part + Send + 'static;
    /// What whoever proposed a delta is told.
    type Output: Send + Sync + 'static;
    /// Why a delta changes nothing. It stays in the log, and changes nothing on any node.
    type Error: Send + Sync + 'static;

    /// Applies the delta that stands at `index`.
    fn apply(&mut self, index: u64, delta: Self::Delta) -> Result<Self::Output, Self::Error>;

    /// The state as it is now, to be written while later deltas are applied. Cheap: it is called between two deltas.
    fn snapshot(&self) -> View;

    /// The state a view wrote.
    ///
    /// Errors: when the bytes are not a state, or too few.
    fn restore(from: &mut dyn io::Read) -> io::Result<Self>;

    /// A delta in words, for those who read the log.
    fn describe(delta: &Self::Delta) -> String {
        let _ = delta;
        String::new()
    }

    /// A delta of an older version, as one of today.
    ///
    /// Errors: when there is no such version.
    fn upgrade(version: u32, bytes: &[u8]) -> Result<Self::Delta, wire::DecodeError> {
        let _ = bytes;
        Err(wire::DecodeError::Malformed {
            kind: std::any::type_name::<Self::Delta>(),
            why: format!("no version {version} of it is known"),
        })
    }
}

/// A state at one moment, that can write itself later and elsewhere.
pub struct View(Write);

type Write = Box<dyn FnOnce(&mut dyn io::Write) -> io::Result<()> + Send + Sync>;

impl View {
    pub fn new(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()> + Send + Sync + 'static) -> View {
        View(Box::new(write))
    }

    pub fn write(self, to: &mut dyn io::Write) -> io::Result<()> {
        (self.0)(to)
    }
}

/// No machine: a log of its own, for writers and readers.
impl Machine for () {
    const VERSION: u32 = 0;
    type Delta = ();
    type Output = ();
    type Error = std::convert::Infallible;

    fn apply(&mut self, _: u64, (): ()) -> Result<(), Self::Error> {
        Ok(())
    }

    fn snapshot(&self) -> View {
        View::new(|_| Ok(()))
    }

    fn restore(_: &mut dyn io::Read) -> io::Result<()> {
        Ok(())
    }
}

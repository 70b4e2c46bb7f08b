//! What may travel, and under which name.

use crate::codec;

/// Anything that can stand inside a message: give it `#[wire::part]`.
///
/// Numbers, `String`, `Option`, `Vec`, `Box`, `Arc`, `BTreeMap`, `BTreeSet`, `Duration`, socket
/// addresses, tuples and arrays are parts already.
pub trait Part: codec::Encode + codec::Decode<()> {}

impl<T: codec::Encode + codec::Decode<()>> Part for T {}

/// A message that is told: one type, one name, one version.
///
/// The name is what travels; an enum's position or a type's path is no contract.
pub trait Message: Part + Send + 'static {
    /// Shape: `part.verb`, as in `agent.register`.
    const NAME: &'static str;
    /// Grows by one whenever the fields change.
    const VERSION: u32;
}

/// A message that is asked: it names what comes back.
pub trait Question: Message {
    /// What the asked process answers.
    type Reply: Part + Send + 'static;
}

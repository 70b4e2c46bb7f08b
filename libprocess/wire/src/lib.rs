//! What travels between processes: messages with a name and a version, and the one codec.
//!
//! ```
//! use libprocess_wire as wire;
//!
//! #[wire::part]
//! #[derive(Debug, PartialEq)]
//! pub struct Plot { pub name: String, pub hectares: u32 }
//!
//! #[wire::message(name = "field.sold", version = 1)]
//! pub struct Sold { pub plot: Plot }
//!
//! #[wire::question(name = "field.price", version = 1, reply = u64)]
//! pub struct Price { pub plot: Plot }
//!
//! let bytes = wire::encode(&Plot { name: "north".into(), hectares: 3 });
//! let plot: Plot = wire::decode(&bytes)?;
//! assert_eq!(plot.hectares, 3);
//! # Ok::<(), wire::DecodeError>(())
//! ```
//!
//! Read in this order:
//! 1. [`Message`], [`Question`], [`Part`]: what may travel, and under which name;
//! 2. [`encode`] and [`decode`]: the same bytes on links, in journals and on control sockets;
//! 3. [`codec`]: the one module that names the library behind them;
//! 4. [`brief`]: what is said of a text that cannot travel, or of any other from outside.
//!
//! The encoding is positional: a new field is a new version, never an edit of the old one. A new
//! version names the one before it and says how to come from it and how to go back to it; nodes
//! that are one version apart then understand each other, and each process sees only the newest:
//!
//! ```
//! # use libprocess_wire as wire;
//! #[wire::message(name = "field.sold", version = 1)]
//! pub struct SoldV1 { pub hectares: u32 }
//!
//! #[wire::message(name = "field.sold", version = 2, was = SoldV1)]
//! pub struct Sold { pub hectares: u32, pub buyer: Option<String> }
//!
//! impl From<SoldV1> for Sold {
//!     fn from(old: SoldV1) -> Sold { Sold { hectares: old.hectares, buyer: None } }
//! }
//! impl From<&Sold> for SoldV1 {
//!     fn from(new: &Sold) -> SoldV1 { SoldV1 { hectares: new.hectares } }
//! }
//!
//! let old = wire::encode(&SoldV1 { hectares: 3 });
//! let sold: Sold = wire::decode_version(1, &old).expect("a version it was")?;
//! assert_eq!(sold.hectares, 3);
//! # Ok::<(), wire::DecodeError>(())
//! ```
//!
//! Decoding is bounded, refuses trailing bytes and does not panic, whatever the bytes are; but it
//! recurses with the type, so a part never contains itself (`Box<Self>`, `Vec<Self>`).
//!
//! Left out on purpose: addresses, frames and sockets, which are `libprocess`'. The domain
//! imports only this crate.

// The attributes name this crate by its outside name, also in its own tests.
extern crate self as libprocess_wire;

mod brief;
pub mod codec;
mod message;

pub use brief::{BRIEF_MAX, Brief, brief};
pub use codec::{DecodeError, MAX_DECODED, decode, encode, encode_into};
pub use libprocess_derive::{message, part, question};
pub use message::{Message, Older, Part, Question, Understood, decode_version, understands};

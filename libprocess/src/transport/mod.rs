//! Links between nodes.

mod peers;

pub(crate) use peers::{AskCancel, Peers};

use crate::Runtime;
use crate::environment::Stream;

/// What a link begins with. The first byte is that of no HTTP method, and no ASCII at all.
pub(crate) const MAGIC: [u8; 8] = *b"\xECHECTARE";

/// Speaks with a node that dialled us, until the link breaks.
pub(crate) async fn accept(_: Runtime, _: Box<dyn Stream>) {}

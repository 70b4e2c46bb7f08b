//! The wire of old drivers: messages between processes as one HTTP request each, answered by a status.
//!
//! ```text
//!  POST /<id>/<name> HTTP/1.1          ─► `heard`: the door of that name, of the process of that id
//!  User-Agent: libprocess/<from>       ◄─ `line`: the same the other way, on one kept connection
//!  Libprocess-From: <from>                for each process that is written to
//! ```
//!
//! Senders older than HTTP/1.1 are understood too: see `older`.
//!
//! What the bytes of a message mean is not known here. Who sent it is what the message says of itself, as that wire has
//! it: a process that needs to be sure has its senders prove who they are first.
//!
//! Sockets are real ones only: a simulated node hears such messages, and its own lines are broken from the start.
//!
//! Source: libprocess' messages between processes.

mod heard;
mod line;
mod older;

pub use heard::Heard;
pub(crate) use heard::{Book, Handler, hear, is_message};
pub use line::{Backlog, Line};
pub(crate) use older::renew;

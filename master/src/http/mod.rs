//! What the outside asks over HTTP, answered at the edge: by the published snapshot where it is a question, by the
//! master where it is a change.

mod error;
pub(crate) mod scheduler;
mod session;
mod spelling;

pub use error::Rejected;
pub use session::{Session, SessionInput};

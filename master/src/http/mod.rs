//! What the outside asks over HTTP, answered at the edge: by the published snapshot where it is a question, by the
//! master where it is a change.

pub(crate) mod classic;
pub(crate) mod commands;
mod error;
pub(crate) mod files;
pub(crate) mod operator;
mod pace;
mod readers;
pub mod realms;
pub(crate) mod redirect;
pub(crate) mod scheduler;
mod session;
mod spelling;
mod watcher;
pub(crate) mod why;

pub use error::Rejected;
pub(crate) use pace::Pace;
pub(crate) use readers::Readers;
pub use session::{Session, SessionInput};
pub use watcher::{Watcher, WatcherInput};

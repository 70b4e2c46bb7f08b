//! Brings what a container's URIs name into its sandbox, before the container starts.
//!
//! Read in this order:
//! 1. [`source`]: what a URI names, what it is called in the sandbox, whether it is opened;
//! 2. [`fetch`]: one URI after the other; the failure names the URI;
//! 3. [`cache`], [`cached`]: what was fetched before;
//! 4. [`download`]: over HTTP, as who a URL says ([`userinfo`]); [`helper`]: what is done with the task user's rights, by `hectare-launch`. HTTPS and FTP
//!    are among that, since the machine's own curl does them.
//!
//! A local file is read, and an archive opened, as the user the task will run as: a URI opens nothing that its task could
//! not. Everything is written through the sandbox's own descriptor and through no link.

mod cache;
mod cached;
mod download;
mod fetch;
mod helper;
mod source;
mod userinfo;

pub(crate) use cache::Cache;
pub use fetch::{FetchError, Limits};
pub(crate) use fetch::{Fetcher, blocking};
pub(crate) use helper::help;

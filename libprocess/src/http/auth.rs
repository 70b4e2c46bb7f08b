//! Who asks: realms, and what decides for a realm.
//!
//! ```text
//!  route with a realm ─► its authenticator ─┬─ Known ──────► handler, with the principal
//!                │                          ├─ Unknown ────► 401, saying how one proves oneself
//!                │                          └─ Forbidden ──► 403
//!                └─ none is set: everybody is anonymous
//! ```
//!
//! Requests of one connection are authenticated one after the other, so their handlers run in the
//! order in which they were sent. Source: libprocess' authentication realms.

use std::collections::BTreeMap;
use std::fmt;

use ::http::{StatusCode, header};
use futures_util::future::LocalBoxFuture;

use super::request::Request;
use super::response::Response;

/// The realm of what a runtime itself shows: its metrics, its processes.
pub const READ_ONLY: &str = "libprocess-readonly";

/// The realm of what changes a runtime: how much it logs, its profiler.
pub const READ_WRITE: &str = "libprocess-readwrite";

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// Its name; some prove only claims.
    pub value: Option<String>,
    /// What else was proved of it, as a token says.
    pub claims: BTreeMap<String, String>,
}

impl Principal {
    /// One that is known by its name alone.
    pub fn named(name: impl Into<String>) -> Principal {
        Principal { value: Some(name.into()), claims: BTreeMap::new() }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value.as_deref().unwrap_or("one without a name"))
    }
}

/// What an authenticator found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this one.
    Known(Principal),
    /// It may try again: each challenge is a way to prove oneself.
    Unknown { challenges: Vec<String> },
    /// Nothing it could say would help.
    Forbidden,
}

/// Decides who asks, for one realm. It sees the head of a request, not its body.
pub trait Authenticator: Send + Sync {
    /// Looks at `request`; what it needs of it for longer, it copies.
    fn authenticate(&self, request: &Request) -> LocalBoxFuture<'static, Verdict>;
}

/// The answer to whoever is not known, with the ways to be.
pub(super) fn not_known(challenges: &[String]) -> Response {
    let answer = Response::text(StatusCode::UNAUTHORIZED, "401 Unauthorized.");
    answer.header(header::WWW_AUTHENTICATE, challenges.join(", "))
}

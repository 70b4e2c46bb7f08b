//! HTTP as values: what is asked and answered, by which rules a path finds its handler, and the
//! two ends that put it on a wire.
//!
//! Read in this order:
//! 1. [`Request`], [`Response`], [`Body`], [`Query`]: plain values, the same on a socket and in
//!    simulation;
//! 2. [`stream()`]: a bounded body that is written while it is read, and knows when its reader left; `attachment`: a file;
//!    [`records`], [`long_poll`]: what processes feed;
//! 3. [`Route`], [`Router`]: Mesos' dispatch rules, and `help` from what routes say of themselves;
//!    [`Authenticator`]: who asks, realm by realm;
//! 4. `server`: one connection, from bytes to the router and back;
//! 5. [`Client`]: the other end.
//!
//! Requests are parsed by actix-http, responses by httparse beneath it; heads are written here,
//! because clients have come to rely on their order and spelling.

mod attachment;
mod auth;
mod authenticators;
mod body;
mod client;
mod connection;
mod counts;
mod dress;
mod feed;
mod head;
mod help;
mod incoming;
mod jwt;
mod query;
mod request;
mod response;
mod route;
mod router;
pub(crate) mod server;
mod stream;
mod table;
mod unpack;
mod upload;

pub use auth::{Authenticator, Principal, READ_ONLY, READ_WRITE, Verdict};
pub use authenticators::{AnyOf, Basic, Bearer, Certificate};
pub use body::{Body, BodyError, Chunks};
pub use client::{Client, ClientError};
pub use feed::{Audience, Backlog, Records, Waiting, long_poll, records};
pub use jwt::{Jwt, JwtError};
pub use query::Query;
pub use request::Request;
pub use response::Response;
pub use route::Route;
pub use router::{Guard, Handler, Router};
pub use server::{Clock, Limits, Server};
pub use stream::{StreamError, StreamSender, stream};
#[cfg(feature = "testing")]
pub(crate) use table::Routes;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use bytes::Bytes;

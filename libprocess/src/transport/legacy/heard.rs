//! What comes in: which requests are messages, who sent them, and whose door they go to.
//!
//! | step | rule |
//! |---|---|
//! | message | POST with `Libprocess-From`, or with a `User-Agent` that begins with `libprocess/`; the former names the sender |
//! | sender | none that can be read: 500; at another address than its connection, where that matters: 400 |
//! | id | the first part of the path, decoded; no such process: 404. There is no delegate |
//! | name | the rest of the path; a process without a door of that name lets it pass |
//! | body | beyond the server's limit: 413; broken off: 400; nobody has heard it then |
//! | answer | 202, when the door has let it in; the next of its connection comes after it |

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ::http::{Method, StatusCode, header};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use libprocess_wire::brief;
use percent_encoding::percent_decode_str;

use crate::Upid;
use crate::http::{BodyError, Request, Response};

/// Names the sender.
const FROM: &str = "libprocess-from";
/// What the user agent of every sender begins with; its address follows.
const AGENT: &str = "libprocess/";

/// A message as an old driver sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who sent it, as the message says.
    pub from: Upid,
    /// What it says.
    pub body: Bytes,
}

/// A door for messages of one name; runs on an HTTP arbiter.
pub(crate) type Handler = Arc<dyn Fn(Heard) -> LocalBoxFuture<'static, ()> + Send + Sync>;

/// The doors of all processes.
#[derive(Default)]
pub(crate) struct Book {
    /// Shape: id → name of a message → its door.
    processes: BTreeMap<String, BTreeMap<&'static str, Handler>>,
    /// Whether a sender has to live at the address its connection comes from.
    pub(crate) same_ip: bool,
}

impl Book {
    /// Opens the doors of a process; one that has none is known all the same.
    pub(crate) fn open(&mut self, id: &str, doors: Vec<(&'static str, Handler)>) {
        self.processes.insert(id.to_owned(), doors.into_iter().collect());
    }

    pub(crate) fn close(&mut self, id: &str) {
        self.processes.remove(id);
    }

    /// The door for a message, if the process has one.
    ///
    /// Errors: nobody bears that id.
    fn find(&self, id: &str, name: &str) -> Result<Option<Handler>, Refused> {
        let doors = self.processes.get(id).ok_or(Refused::NoProcess)?;
        Ok(doors.get(name).cloned())
    }
}

/// Why a message is not heard.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    NoSender,
    OtherAddress,
    NoProcess,
}

impl Refused {
    fn answer(&self) -> Response {
        let text = |status, text: &str| Response::text(status, text);
        match self {
            Refused::NoSender => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Failed to determine the sender from the request's headers",
            ),
            Refused::OtherAddress => {
                text(StatusCode::BAD_REQUEST, "The sender's address is not the one its connection comes from")
            }
            Refused::NoProcess => Response::not_found(),
        }
    }
}

/// Whether a request is a message.
pub(crate) fn is_message(request: &Request) -> bool {
    request.method == Method::POST
        && (request.headers.contains_key(FROM)
            || request.text_of(header::USER_AGENT).is_some_and(|agent| agent.starts_with(AGENT)))
}

/// Brings a message to its door, and answers when it is through.
pub(crate) fn hear(mut request: Request, book: &Book) -> LocalBoxFuture<'static, Response> {
    let (id, name) = address(request.target());
    let said = sender(&request).map(str::to_owned);
    let peer = request.peer.as_ref().map(SocketAddr::ip).filter(|_| book.same_ip);
    let door = book.find(&id, &name);
    let limit = usize::try_from(request.body_limit()).unwrap_or(usize::MAX);
    async move {
        // A body is read in any case: the next message of its connection follows it.
        let body = match request.bytes(limit).await {
            Ok(body) => body,
            Err(BodyError::TooLarge { .. }) => {
                return Response::text(StatusCode::PAYLOAD_TOO_LARGE, "413 Payload Too Large.");
            }
            Err(error) => return Response::bad_request(error.to_string()),
        };
        let found = async {
            let from = resolved(&said.ok_or(Refused::NoSender)?).await.ok_or(Refused::NoSender)?;
            lives_at(&from, peer)?;
            Ok::<_, Refused>((from, door?))
        };
        match found.await {
            Ok((from, Some(door))) => {
                match AssertUnwindSafe(async { door(Heard { from, body }).await }).catch_unwind().await {
                    Ok(()) => Response::accepted(),
                    Err(_) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error."),
                }
            }
            Ok((from, None)) => {
                tracing::debug!(%from, id = %brief(&id), name = %brief(&name), "a message without a door");
                Response::accepted()
            }
            Err(refused) => {
                tracing::debug!(?refused, id = %brief(&id), name = %brief(&name), "a message is not heard");
                refused.answer()
            }
        }
    }
    .boxed_local()
}

/// The id and the name a target stands for. Only the id is encoded.
fn address(target: &str) -> (String, String) {
    let path = target.split('?').next().unwrap_or_default().trim_start_matches('/');
    let (id, name) = path.split_once('/').unwrap_or((path, ""));
    (percent_decode_str(id).decode_utf8_lossy().into_owned(), name.to_owned())
}

/// Who sent a message, as it says.
fn sender(request: &Request) -> Option<&str> {
    let from = match request.headers.get(FROM) {
        Some(from) => from.to_str().ok(),
        None => request.text_of(header::USER_AGENT).and_then(|agent| agent.strip_prefix(AGENT)),
    };
    from.map(str::trim)
}

/// The address that is meant. A sender may give its host by name; it is then at the first IPv4 address of that.
async fn resolved(text: &str) -> Option<Upid> {
    if let Ok(upid) = text.parse() {
        return Some(upid);
    }
    let (id, host) = text.rsplit_once('@').filter(|(id, _)| !id.is_empty())?;
    // Without a reactor there are no names: a simulated node.
    tokio::runtime::Handle::try_current().ok()?;
    let address = tokio::net::lookup_host(host).await.ok()?.find(SocketAddr::is_ipv4)?;
    Some(Upid::new(id, address))
}

/// Whether a sender may come from `peer`, if that is looked at.
fn lives_at(from: &Upid, peer: Option<IpAddr>) -> Result<(), Refused> {
    match peer {
        Some(peer) if peer.to_canonical() != from.address().ip() => Err(Refused::OtherAddress),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> Request {
        Request::post("/master/a.Message")
    }

    #[test]
    fn a_message_is_a_post_that_names_a_process() {
        assert!(is_message(&post().header("Libprocess-From", "a@1.2.3.4:5")));
        assert!(is_message(&post().header("User-Agent", "libprocess/a@1.2.3.4:5")));
        assert!(!is_message(&post().header("User-Agent", "curl")));
        assert!(!is_message(&Request::get("/master/state").header("User-Agent", "libprocess/a@1.2.3.4:5")));
    }

    #[test]
    fn the_header_of_its_own_says_who_sent_it_before_the_user_agent() {
        let both =
            post().header("User-Agent", "libprocess/a@1.2.3.4:5").header("Libprocess-From", " b@1.2.3.4:6 ");
        assert_eq!(sender(&both), Some("b@1.2.3.4:6"));
        let agent = post().header("User-Agent", "libprocess/a(1)@1.2.3.4:5");
        assert_eq!(sender(&agent), Some("a(1)@1.2.3.4:5"));
    }

    #[test]
    fn a_sender_that_cannot_be_read_is_none() {
        for from in ["", "a", "@1.2.3.4:5", "@localhost:5", "a@1.2.3.4"] {
            assert_eq!(resolved(from).now_or_never(), Some(None), "{from}");
        }
        assert_eq!(sender(&post().header("User-Agent", "curl")), None);
    }

    #[test]
    fn only_the_id_is_decoded_and_all_that_follows_is_the_name() {
        assert_eq!(address("/slave%281%29/a.B"), ("slave(1)".to_owned(), "a.B".to_owned()));
        assert_eq!(address("/slave(1)/a/b%20?c"), ("slave(1)".to_owned(), "a/b%20".to_owned()));
        assert_eq!(address("/master"), ("master".to_owned(), String::new()));
    }

    #[test]
    fn a_sender_elsewhere_is_refused_where_that_matters() {
        let from: Upid = "a@127.0.0.1:5".parse().unwrap();
        assert_eq!(lives_at(&from, None), Ok(()));
        assert_eq!(lives_at(&from, "127.0.0.1".parse().ok()), Ok(()));
        assert_eq!(lives_at(&from, "::ffff:127.0.0.1".parse().ok()), Ok(()));
        assert_eq!(lives_at(&from, "10.0.0.1".parse().ok()), Err(Refused::OtherAddress));
    }
}

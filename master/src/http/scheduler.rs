//! `/api/v1/scheduler`: one call per request. SUBSCRIBE is answered by a stream, everything else by a status.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::content::{self, DecodeError, MediaError, MediaType};
use api::convert::CallError;
use libprocess::http::{self, BodyError, Request, Response, Route, StatusCode, header};
use libprocess::{AskError, Doors, Edge, Spawn};
use model::call::{Call, Subscribe};
use model::{FrameworkCapabilities, StreamId};

use super::pace::{Pace, TooMany};
use super::realms::SCHEDULER;
use super::spelling::Spelling;
use super::{Rejected, Session};
use crate::Master;
use crate::calls::HEARTBEAT;
use crate::legacy::Proofs;
use crate::messages::{Asker, Caller, Input, Outlet};
use crate::state::Published;

/// What names a stream, in the answer to SUBSCRIBE and in every call after it.
const STREAM_ID: &str = "Mesos-Stream-Id";

/// The largest body read. Unit: bytes.
const BODY_MAX: usize = 16 << 20;

/// How long the master may take to hear a call before its scheduler is told to try again.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What the edge needs besides the request.
pub(crate) struct Gate {
    /// Whether the master leads is read here.
    pub(crate) published: Published,
    /// Draws names of streams.
    pub(crate) chance: Mutex<Box<dyn rand::Rng + Send>>,
    /// How many events may wait for a scheduler that does not read.
    pub(crate) backlog_events: usize,
    /// How many bytes may.
    pub(crate) backlog_bytes: usize,
    /// How often each principal is heard.
    pub(crate) pace: Pace,
    /// Which old drivers have proved who they are.
    pub(crate) proofs: Proofs,
}

/// Opens the route.
pub(crate) fn doors(doors: &mut Doors<Master>, gate: &Arc<Gate>) {
    let gate = gate.clone();
    let route = Route::post("/api/v1/scheduler")
        .help("Calls of schedulers; SUBSCRIBE opens a stream of events.")
        .realm(SCHEDULER);
    doors.route(route, move |request, edge| {
        let gate = gate.clone();
        async move { serve(request, edge, &gate).await.unwrap_or_else(Refusal::into_response) }
    });
}

/// Why a request is answered with an error.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error("{0}")]
    Body(BodyError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("Subscribe calls should not include the 'Mesos-Stream-Id' header")]
    StreamGiven,
    #[error(transparent)]
    Rejected(#[from] Rejected),
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error("The master does not answer: {0}")]
    Silent(#[from] AskError),
    #[error("The master is shutting down")]
    Ending,
}

/// Checks what can be checked without the master, in the order in which clients know the answers.
///
/// Source: Mesos scheduler HTTP API, "check order".
async fn serve(mut request: Request, edge: Edge<Master>, gate: &Gate) -> Result<Response, Refusal> {
    if !gate.published.load().leading {
        return Err(Rejected::Recovering.into());
    }
    let media = MediaType::of_call(request.text_of(header::CONTENT_TYPE))?;
    let body = request.bytes(BODY_MAX).await.map_err(Refusal::Body)?;
    let call = Call::try_from(content::decode_call::<api::v1::scheduler::Call>(&body, media)?)?;
    let stream = request.headers.get(STREAM_ID).and_then(|value| value.to_str().ok()).map(StreamId::from);
    let accept = request.text_of(header::ACCEPT).map(str::to_owned);
    let principal = request.principal.and_then(|principal| principal.value);
    gate.pace.wait(&call, principal.as_deref(), gate, &edge).await?;
    match call {
        Call::Subscribe(call) => {
            let media = MediaType::of_answer(accept.as_deref())?;
            own(&call, principal.as_deref())?;
            match stream {
                Some(_) => Err(Refusal::StreamGiven),
                None => subscribe(call, principal, media, &edge, gate),
            }
        }
        call => hear(call, stream, principal, &edge).await,
    }
}

/// Whether a framework says that it is who it proved to be.
pub(crate) fn own(call: &Subscribe, principal: Option<&str>) -> Result<(), Rejected> {
    let said = call.framework.as_ref().ok().and_then(|info| info.principal.as_deref());
    match (principal, said) {
        (Some(principal), Some(expected)) if principal != expected => {
            Err(Rejected::WrongPrincipal { principal: principal.to_owned(), expected: expected.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Opens a stream and hands it to the master, which says on it whether the framework is welcome.
fn subscribe(
    call: Subscribe,
    principal: Option<String>,
    media: MediaType,
    edge: &Edge<Master>,
    gate: &Gate,
) -> Result<Response, Refusal> {
    let stream = gate.stream_id();
    let (sender, body) = http::stream(gate.backlog_events, gate.backlog_bytes);
    let nothing = FrameworkCapabilities::default();
    let capabilities = call.framework.as_ref().map_or(&nothing, |info| &info.capabilities);
    let spelling = Spelling::new(media, capabilities);
    let (master, name) = (edge.pid.clone(), stream.clone());
    let session = edge
        .runtime
        .spawn(Spawn::prefixed("session"), move || Session::new(master, name, sender, spelling, HEARTBEAT))
        .map_err(|_| Refusal::Ending)?;
    let (call, outlet) = (Box::new(call), Outlet::new(session.clone()));
    if edge
        .pid
        .tell(Input::Subscribe { call, principal, stream: stream.clone(), outlet, driver: None })
        .is_err()
    {
        session.terminate(libprocess::Lane::System);
        return Err(Refusal::Ending);
    }
    Ok(Response::ok()
        .header(STREAM_ID, stream.as_str())
        .header(header::CONTENT_TYPE, media.as_str())
        .body(body))
}

/// Has the master hear the call: 202 says heard, 200 says done.
async fn hear(
    call: Call,
    stream: Option<StreamId>,
    principal: Option<String>,
    edge: &Edge<Master>,
) -> Result<Response, Refusal> {
    let done = matches!(call, Call::UpdateFramework(_));
    let (call, caller) = (Box::new(call), Caller { stream, principal, driver: None });
    let input = |reply| Input::Call { call, caller, asker: Asker::new(reply) };
    edge.pid.call(ANSWER_WITHIN, input).await??;
    Ok(if done { Response::ok() } else { Response::accepted() })
}

impl Gate {
    /// A name nobody else's stream has: a random UUID.
    pub(crate) fn stream_id(&self) -> StreamId {
        let mut bytes = [0; 16];
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        StreamId::new(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
    }
}

impl Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Refusal::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Refusal::Body(_) => StatusCode::BAD_REQUEST,
            Refusal::Media(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            Refusal::Decode(_) | Refusal::Call(_) | Refusal::StreamGiven => StatusCode::BAD_REQUEST,
            Refusal::Rejected(rejected) => rejected.status(),
            Refusal::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Silent(_) | Refusal::Ending => StatusCode::SERVICE_UNAVAILABLE,
        };
        Response::text(status, self.to_string())
    }
}

//! `/api/v1/executor`: executors speak, and open the stream they are spoken to on.

use std::sync::Arc;
use std::time::Duration;

use api::content::{self, MediaType};
use api::v1;
use libprocess::Edge;
use libprocess::http::{self, Request, Response, StatusCode, header};
use model::executor_call::{ExecutorCall, ExecutorCallKind};

use super::{Refused, Session};
use crate::actor::Agent;
use crate::messages::{Door, Input, Letter};
use crate::public::Public;

/// How long the agent may take to answer.
const WITHIN: Duration = Duration::from_secs(15);
/// The largest call. Unit: bytes.
const CALL_MAX: usize = 16 * 1024 * 1024;
/// How far an executor may lag behind its events before it has to subscribe again.
const BACKLOG_MAX: usize = 16_384;
/// Unit: bytes.
const BACKLOG_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Answers one call.
///
/// Source: http-endpoints §5, in the order of its checks.
pub(crate) async fn executor(mut request: Request, edge: Edge<Agent>, public: Arc<Public>) -> Response {
    let accept = request.text_of(header::ACCEPT).map(str::to_owned);
    let call = match read(&mut request).await {
        Ok(call) => call,
        Err(refused) => return refused,
    };
    if !matches!(call.kind, ExecutorCallKind::Subscribe { .. }) {
        return match ask(&edge, call, Door::default(), None).await {
            Ok(()) => Response::accepted(),
            Err(refused) => refused,
        };
    }
    let media = match MediaType::of_answer(accept.as_deref()) {
        Ok(media) => media,
        Err(error) => return refuse(error.status(), error.to_string()),
    };
    let (sender, body) = http::stream(BACKLOG_MAX, BACKLOG_BYTES_MAX);
    let number = public.next_stream();
    let door = Door { session: Some(Session { number, sender, media }), reply: None };
    match ask(&edge, call, door, Some(number)).await {
        Ok(()) => Response::ok().header(header::CONTENT_TYPE, media.as_str()).body(body),
        Err(refused) => refused,
    }
}

/// Reads and judges a call by itself.
async fn read(request: &mut Request) -> Result<ExecutorCall, Response> {
    let media = MediaType::of_call(request.text_of(header::CONTENT_TYPE))
        .map_err(|error| refuse(error.status(), error.to_string()))?;
    let body = request.bytes(CALL_MAX).await?;
    let call: v1::executor::Call =
        content::decode_call(&body, media).map_err(|error| Response::bad_request(error.to_string()))?;
    ExecutorCall::try_from(call).map_err(|error| Response::bad_request(error.to_string()))
}

/// Asks the agent.
async fn ask(
    edge: &Edge<Agent>,
    call: ExecutorCall,
    mut door: Door,
    stream: Option<super::StreamNo>,
) -> Result<(), Response> {
    let answer = edge.pid.call(WITHIN, |reply| {
        door.reply = Some(reply);
        Letter(Input::Call { call, stream, door })
    });
    match answer.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refused)) => Err(Refused::response(refused)),
        Err(_) => Err(Response::text(StatusCode::SERVICE_UNAVAILABLE, "Agent is not available")),
    }
}

fn refuse(status: u16, text: String) -> Response {
    Response::text(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), text)
}

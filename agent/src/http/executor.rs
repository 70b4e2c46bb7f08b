//! `/api/v1/executor`: executors speak, and open the stream they are spoken to on.

use std::sync::Arc;
use std::time::Duration;

use api::content::{self, MediaType};
use api::v1;
use libprocess::Edge;
use libprocess::http::{self, Request, Response, StatusCode, header};
use model::executor_call::{ExecutorCall, ExecutorCallKind};
use model::{StatusReason, TaskState};

use super::{Session, StreamNo, Wrong};
use crate::actor::Agent;
use crate::executors;
use crate::messages::{Door, Input, Letter};
use crate::public::Public;

/// How long the agent may take to answer.
pub(crate) const WITHIN: Duration = Duration::from_secs(15);
/// The largest call. Unit: bytes.
const CALL_MAX: usize = 16 * 1024 * 1024;
/// How far an executor may lag behind its events before it has to subscribe again.
pub(crate) const BACKLOG_MAX: usize = 16_384;
/// Unit: bytes.
pub(crate) const BACKLOG_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Answers one call.
///
/// Source: Mesos agent endpoints, in the order of its checks.
pub(crate) async fn executor(mut request: Request, edge: Edge<Agent>, public: Arc<Public>) -> Response {
    match answer(&mut request, &edge, &public).await {
        Ok(response) => response,
        Err(wrong) => wrong.response(),
    }
}

async fn answer(request: &mut Request, edge: &Edge<Agent>, public: &Public) -> Result<Response, Wrong> {
    let accept = request.text_of(header::ACCEPT).map(str::to_owned);
    let given = MediaType::of_call(request.text_of(header::CONTENT_TYPE))?;
    let body = request.bytes(CALL_MAX).await?;
    let call: v1::executor::Call = content::decode_call(&body, given)?;
    let mut call = ExecutorCall::try_from(call).map_err(|error| Wrong::bad_request(error.to_string()))?;
    if let Some(principal) = &request.principal {
        let state = public.state();
        let executor = state.executor(&(call.framework_id.clone(), call.executor_id.clone()));
        if executor.is_some_and(|executor| !executors::proves(principal, executor)) {
            let text = format!("The token is not that of executor '{}'", call.executor_id);
            return Err(Wrong::new(StatusCode::FORBIDDEN, text));
        }
    }
    limited(&mut call, public).await;
    if !matches!(call.kind, ExecutorCallKind::Subscribe { .. }) {
        ask(edge, call, Door::default(), None).await?;
        return Ok(Response::accepted());
    }
    let media = MediaType::of_answer(accept.as_deref())?;
    let (sender, body) = http::stream(BACKLOG_MAX, BACKLOG_BYTES_MAX);
    let number = public.next_stream();
    let door = Door { session: Some(Session::Stream { sender, media }), ..Door::default() };
    ask(edge, call, door, Some(number)).await?;
    Ok(Response::ok().header(header::CONTENT_TYPE, media.as_str()).body(body))
}

/// A task that failed may have been killed for what its container broke, which its executor cannot know: then the status
/// says so. Whatever the kernel counted is there before the executor hears of the end.
pub(crate) async fn limited(call: &mut ExecutorCall, public: &Public) {
    let ExecutorCallKind::Update(status) = &mut call.kind else { return };
    if status.state != TaskState::Failed
        || status.reason.is_some_and(|reason| reason != StatusReason::CommandExecutorFailed)
    {
        return;
    }
    let state = public.state();
    let executor = state.executor(&(call.framework_id.clone(), call.executor_id.clone()));
    let (Some(executor), Some(containers)) = (executor, public.containers()) else { return };
    if let Some(broke) = containers.limitation(executor.container.clone()).await {
        status.reason = Some(executors::reason(broke.kind));
        status.message = Some(broke.message);
        status.limitation = Some(broke.resources);
    }
}

/// Asks the agent.
async fn ask(
    edge: &Edge<Agent>,
    call: ExecutorCall,
    mut door: Door,
    stream: Option<StreamNo>,
) -> Result<(), Wrong> {
    let answer = edge.pid.call(WITHIN, |reply| {
        door.reply = Some(reply);
        Letter(Input::Call { call: Box::new(call), stream, driver: None, door })
    });
    match answer.await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Wrong::new(StatusCode::SERVICE_UNAVAILABLE, "Agent is not available")),
    }
}

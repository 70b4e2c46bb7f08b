//! What a container writes, as a stream of records.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agent_launch::Report;
use api::content::{self, MediaType, accepts};
use api::v1::agent::{ProcessIo, process_io};
use api::{recordio, v1};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{Either, ready, select};
use futures_util::stream;
use libprocess::Edge;
use libprocess::http::{Body, BodyError, Chunks, Request, Response, StatusCode, header};
use model::ContainerId;

use super::line::Line;
use crate::actor::Agent;
use crate::http::Wrong;
use crate::public::Public;

/// How often a stream shows that it is there. Source: Mesos agent flags, `http_heartbeat_interval`.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The header that says how records of a stream are spelled.
const MESSAGE_ACCEPT: header::HeaderName = header::HeaderName::from_static("message-accept");
const MESSAGE_CONTENT_TYPE: header::HeaderName = header::HeaderName::from_static("message-content-type");

/// How a stream of records is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    /// Of the whole; without RecordIO it is what the records are.
    content: MediaType,
    message: MediaType,
}

impl Spelling {
    /// What the request wants.
    ///
    /// Errors: nothing of what is there. Source: Mesos agent operator API, `Accept` and `Message-Accept`.
    pub(crate) fn wanted(request: &Request) -> Result<Self, Wrong> {
        let accept = request.text_of(header::ACCEPT);
        let message = request.text_of(MESSAGE_ACCEPT);
        if !accept.is_some_and(|accept| accept.contains(MediaType::RecordIo.as_str())) {
            if message.is_some() {
                let text = "Expecting 'Accept' of application/recordio with 'Message-Accept'";
                return Err(Wrong::new(StatusCode::NOT_ACCEPTABLE, text));
            }
            let message = MediaType::of_answer(accept)?;
            return Ok(Self { content: message, message });
        }
        let message = [MediaType::Json, MediaType::Protobuf].into_iter().find(|ty| accepts(message, *ty));
        let text = "Expecting 'Message-Accept' to allow 'application/x-protobuf' or 'application/json'";
        let message = message.ok_or_else(|| Wrong::new(StatusCode::NOT_ACCEPTABLE, text))?;
        Ok(Self { content: MediaType::RecordIo, message })
    }

    fn response(self) -> Response {
        let response = Response::ok().header(header::CONTENT_TYPE, self.content.as_str());
        match self.content {
            MediaType::RecordIo => response.header(MESSAGE_CONTENT_TYPE, self.message.as_str()),
            _ => response,
        }
    }
}

/// Streams what a container writes until it ends or its reader leaves: then the line goes, and a session with its line.
pub(crate) fn attach_output(
    id: &ContainerId,
    spelling: Spelling,
    edge: &Edge<Agent>,
    public: &Arc<Public>,
) -> Result<Response, Wrong> {
    let line = Line::attach(public, id, false, true)?;
    let runtime = edge.runtime.clone();
    let first = record(spelling, &heartbeat());
    let rest = stream::unfold(line, move |line| {
        let runtime = runtime.clone();
        async move {
            // No faster than it is read: nothing is asked for before what came last was sent.
            loop {
                let message = match select(pin!(line.hear()), pin!(runtime.sleep(HEARTBEAT))).await {
                    Either::Left((Some(Report::Output { errors, data }), _)) => output(errors, data),
                    Either::Left((Some(_), _)) => continue,
                    Either::Left((None, _)) => return None,
                    Either::Right(_) => heartbeat(),
                };
                return Some((record(spelling, &message), line));
            }
        }
    });
    let all = stream::once(ready(first)).chain(rest).map(Ok::<_, BodyError>);
    Ok(spelling.response().body(Body::Stream(Chunks::new(all))))
}

fn record(spelling: Spelling, message: &ProcessIo) -> Bytes {
    recordio::encode(&content::encode(message, spelling.message))
}

fn output(errors: bool, data: Vec<u8>) -> ProcessIo {
    use process_io::data::Type;
    let ty = if errors { Type::Stderr } else { Type::Stdout };
    ProcessIo {
        r#type: Some(process_io::Type::Data.into()),
        data: Some(process_io::Data { r#type: Some(ty.into()), data: Some(data) }),
        control: None,
    }
}

fn heartbeat() -> ProcessIo {
    let interval = v1::DurationInfo { nanoseconds: i64::try_from(HEARTBEAT.as_nanos()).unwrap_or(i64::MAX) };
    ProcessIo {
        r#type: Some(process_io::Type::Control.into()),
        data: None,
        control: Some(process_io::Control {
            r#type: Some(process_io::control::Type::Heartbeat.into()),
            tty_info: None,
            heartbeat: Some(process_io::control::Heartbeat { interval: Some(interval) }),
        }),
    }
}

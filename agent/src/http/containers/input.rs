//! What is typed into a container, as a stream of records: first which container, then the rest.

use std::pin::pin;
use std::sync::Arc;

use agent_launch::{PIECE_MAX, Request as Saying, Window};
use api::content::{self, MediaType};
use api::recordio::Decoder;
use api::v1::agent::{Call, ProcessIo, call, process_io};
use bytes::Bytes;
use futures_util::future::{Either, select};
use libprocess::http::{Request, Response, StatusCode, header};

use super::calls::name;
use super::line::Line;
use crate::authorization;
use crate::http::Wrong;
use crate::http::operator::{invalid, needed};
use crate::public::Public;

/// The largest record. Unit: bytes.
const RECORD_MAX: usize = 1024 * 1024;

const MESSAGE_CONTENT_TYPE: header::HeaderName = header::HeaderName::from_static("message-content-type");

/// Carries what is typed to a container, until there is no more of it.
///
/// Errors: the first record names no container, or none that takes input; a later one is no input.
pub(crate) async fn attach_input(mut request: Request, public: &Arc<Public>) -> Result<Response, Wrong> {
    let media = match request.text_of(MESSAGE_CONTENT_TYPE).map(MediaType::named) {
        None => {
            return Err(Wrong::bad_request(
                "Expecting 'Message-Content-Type' to be set with 'application/recordio'",
            ));
        }
        Some(Some(media @ (MediaType::Json | MediaType::Protobuf))) => media,
        Some(_) => {
            let text = "Expecting 'Message-Content-Type' of application/json or application/x-protobuf";
            return Err(Wrong::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    };
    let rights = public.rights(&request);
    let mut records = Records { request: &mut request, decoder: Decoder::new(RECORD_MAX) };
    let first = records.next(media).await?;
    let first = first.ok_or_else(|| Wrong::bad_request("Received EOF while reading request body"))?;
    if first.r#type != Some(call::Type::AttachContainerInput.into()) {
        let text = format!(
            "Expecting 'ATTACH_CONTAINER_INPUT' in a request of application/recordio, not '{}'",
            first.r#type().as_str_name()
        );
        return Err(Wrong::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let attach = needed(&first.attach_container_input, "attach_container_input")?;
    if attach.r#type != Some(call::attach_container_input::Type::ContainerId.into()) {
        return Err(invalid(
            "Expecting 'attach_container_input.type' to be 'CONTAINER_ID' in the first record",
        ));
    }
    let id = needed(&attach.container_id, "attach_container_input.container_id")?;
    let id = name(id, "attach_container_input.container_id", false)?;
    authorization::act(&rights, &public.state(), call::Type::AttachContainerInput, &id)?;
    let line = Line::attach(public, &id, true, false)?;
    loop {
        match select(pin!(records.next(media)), pin!(line.hear())).await {
            Either::Left((Err(wrong), _)) => return Err(wrong),
            Either::Left((Ok(None), _)) | Either::Right((None, _)) => return Ok(Response::ok()),
            Either::Left((Ok(Some(record)), _)) => {
                for saying in sayings(&record)? {
                    if line.say(&saying).await.is_err() {
                        return Ok(Response::ok());
                    }
                }
            }
            // Whoever types is told nothing that matters.
            Either::Right((Some(_), _)) => {}
        }
    }
}

/// Cuts a body into calls.
struct Records<'a> {
    request: &'a mut Request,
    decoder: Decoder,
}

impl Records<'_> {
    /// The next whole one; `None` at the end. Dropping the future loses nothing.
    async fn next(&mut self, media: MediaType) -> Result<Option<Call>, Wrong> {
        loop {
            let record = self.decoder.next().map_err(|error| {
                Wrong::bad_request(format!("Failed to decode the body as application/recordio: {error}"))
            })?;
            if let Some(record) = record {
                return Ok(Some(content::decode_call(&record, media)?));
            }
            let piece: Bytes = match self.request.body.next().await {
                Some(piece) => piece?,
                None => return Ok(None),
            };
            self.decoder.push(piece);
        }
    }
}

/// What a record means to a supervisor.
fn sayings(record: &Call) -> Result<Vec<Saying>, Wrong> {
    let attach = needed(&record.attach_container_input, "attach_container_input")?;
    if attach.r#type != Some(call::attach_container_input::Type::ProcessIo.into()) {
        return Err(invalid(
            "Expecting 'attach_container_input.type' to be 'PROCESS_IO' after the first record",
        ));
    }
    let io = needed(&attach.process_io, "attach_container_input.process_io")?;
    match io.r#type.and_then(|ty| process_io::Type::try_from(ty).ok()) {
        Some(process_io::Type::Data) => data(io),
        Some(process_io::Type::Control) => control(io),
        _ => Err(invalid("Expecting 'attach_container_input.process_io.type' to be present")),
    }
}

fn data(io: &ProcessIo) -> Result<Vec<Saying>, Wrong> {
    let data = needed(&io.data, "attach_container_input.process_io.data")?;
    if data.r#type != Some(process_io::data::Type::Stdin.into()) {
        return Err(invalid("Expecting 'process_io.data.type' to be 'STDIN'"));
    }
    Ok(match data.data.as_deref().unwrap_or_default() {
        [] => vec![Saying::InputEnds],
        typed => typed.chunks(PIECE_MAX).map(|piece| Saying::Input(piece.to_vec())).collect(),
    })
}

fn control(io: &ProcessIo) -> Result<Vec<Saying>, Wrong> {
    let control = needed(&io.control, "attach_container_input.process_io.control")?;
    match control.r#type.and_then(|ty| process_io::control::Type::try_from(ty).ok()) {
        Some(process_io::control::Type::TtyInfo) => {
            let tty = needed(&control.tty_info, "attach_container_input.process_io.control.tty_info")?;
            let size = |size: u32| u16::try_from(size).unwrap_or(u16::MAX);
            let window = tty
                .window_size
                .as_ref()
                .map(|window| Window { rows: size(window.rows), columns: size(window.columns) });
            Ok(window.map(Saying::Resize).into_iter().collect())
        }
        // Only shows that somebody is there.
        Some(process_io::control::Type::Heartbeat) => Ok(Vec::new()),
        _ => Err(invalid("Expecting 'attach_container_input.process_io.control.type' to be present")),
    }
}

//! How calls and events are spelled: protobuf, which costs an executor's short life least.

use api::content::{self, MediaType};
use api::recordio::Decoder;
use api::v1;
use bytes::Bytes;
use model::executor_call::ExecutorCall;
use model::executor_event::ExecutorEvent;

/// The spelling of calls and events.
pub(crate) const MEDIA_TYPE: &str = "application/x-protobuf";

/// Unit: bytes. A longer event is none of an agent's.
const EVENT_MAX: usize = 64 * 1024 * 1024;

pub(crate) fn spell(call: ExecutorCall) -> Bytes {
    content::encode(&v1::executor::Call::from(&call), MediaType::Protobuf)
}

/// Cuts a stream into events.
pub(crate) struct Events {
    records: Decoder,
}

impl Default for Events {
    fn default() -> Events {
        Events { records: Decoder::new(EVENT_MAX) }
    }
}

impl Events {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.records.push(bytes);
    }

    /// The next whole event. One that is not understood is left out: it is of a later version.
    ///
    /// Errors: when the stream is no stream of records.
    pub(crate) fn next(&mut self) -> Result<Option<ExecutorEvent>, String> {
        while let Some(record) = self.records.next().map_err(|error| error.to_string())? {
            let event = content::decode_call::<v1::executor::Event>(&record, MediaType::Protobuf)
                .map_err(|error| error.to_string())
                .and_then(|event| ExecutorEvent::try_from(event).map_err(|error| error.to_string()));
            match event {
                Ok(event) => return Ok(Some(event)),
                Err(error) => tracing::warn!(%error, "left out an event that is not understood"),
            }
        }
        Ok(None)
    }
}

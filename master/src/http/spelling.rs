//! How one stream spells events.

use api::content::{self, MediaType};
use api::recordio;
use libprocess::http::Bytes;
use model::event::Event;

/// The encoding a scheduler asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    media: MediaType,
}

impl Spelling {
    /// Spells in this media type.
    pub(crate) fn new(media: MediaType) -> Self {
        Spelling { media }
    }

    /// One event as one record.
    pub(crate) fn record(self, _event: &Event) -> Bytes {
        recordio::encode(&content::encode(&api::v1::scheduler::Event::default(), self.media))
    }
}

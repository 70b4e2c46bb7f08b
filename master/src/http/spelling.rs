//! How one stream spells events.

use api::content::{self, MediaType};
use api::convert::{Spelling as Words, event};
use api::recordio;
use libprocess::http::Bytes;
use model::FrameworkCapabilities;
use model::event::Event;

/// The encoding a scheduler asked for, and the words its capabilities say it knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    media: MediaType,
    words: Words,
}

impl Spelling {
    /// Spells in this media type for a framework that can do this.
    pub(crate) fn new(media: MediaType, capabilities: &FrameworkCapabilities) -> Self {
        Spelling { media, words: Words::for_scheduler(capabilities) }
    }

    /// The framework can do something else from now on.
    pub(crate) fn learn(&mut self, capabilities: &FrameworkCapabilities) {
        self.words = Words::for_scheduler(capabilities);
    }

    /// One event as one record.
    pub(crate) fn record(self, told: &Event) -> Bytes {
        recordio::encode(&content::encode(&event::write(told, self.words), self.media))
    }
}

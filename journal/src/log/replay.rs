//! The frames of a log, one by one, back into what it holds.

use bytes::Bytes;

use super::change::{Bounds, Change, Written, entry_size, written};
use super::index::Index;
use crate::frame::{FrameRef, Place};

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) bounds: Bounds,
    pub(crate) index: Index,
    /// The index of the first entry that may be here; earlier ones went with their segments.
    started: Option<u64>,
}

impl Replay {
    /// Errors: why the log cannot have been written like this.
    pub(crate) fn read(&mut self, place: Place, frame: FrameRef<'_>) -> Result<(), &'static str> {
        let Some(written) = written(frame) else {
            return Err("it is of a kind this version does not know");
        };
        let started = self.started.is_some();
        let bounds = &mut self.bounds;
        match written {
            Written::Start { end } if !started => {
                self.started = Some(end);
                bounds.end = end;
            }
            _ if !started => return Err("the first segment does not say where it begins"),
            Written::Start { end } if end != bounds.end => return Err("entries before it are missing"),
            Written::Start { .. } => {}
            Written::Entry { index, .. } if index != bounds.end => {
                return Err("the entry does not follow the one before it");
            }
            Written::Entry { index, bytes } => {
                bounds.end += 1;
                self.index.put(index, place, entry_size(bytes));
            }
            Written::Cell { cell, bytes } => {
                bounds.apply(&Change::Set { cell, value: Bytes::copy_from_slice(bytes) });
            }
            Written::Truncate { end } if end > bounds.end => {
                return Err("it takes back entries that are not there");
            }
            Written::Truncate { end } => {
                bounds.apply(&Change::Truncate { end });
                // What comes in their place is written after this.
                self.started = self.started.map(|started| started.min(bounds.end));
                self.index.truncate(bounds.end);
            }
            Written::Purge { begin } => bounds.apply(&Change::Purge { begin }),
            Written::Retain { from } => bounds.apply(&Change::Retain { from }),
        }
        Ok(())
    }

    /// Errors: everything was read, and something that is needed was not there.
    pub(crate) fn finish(&mut self) -> Result<(), &'static str> {
        let floor = self.bounds.floor();
        if self.started.is_some_and(|started| floor < started) {
            return Err("segments at the front are missing");
        }
        self.index.forget_before(floor);
        Ok(())
    }
}

//! What stands in an entry, for readers.

use std::sync::Arc;

use openraft::EntryPayload;

use super::types::Entry;
use crate::command::Command;

/// The data of an append; of other entries nothing.
pub(crate) fn appended(entry: Entry) -> Option<Arc<[u8]>> {
    match entry.payload {
        EntryPayload::Normal(Command::Append { data, .. }) => Some(data),
        _ => None,
    }
}

//! What stands in an entry: for readers, and in words.

use std::sync::Arc;

use openraft::EntryPayload;

use super::codec;
use super::types::Entry;
use crate::command::Command;
use crate::{Described, Machine, Member, NodeId, state};

/// The data of an append; of other entries nothing.
pub(crate) fn appended(entry: Entry) -> Option<Arc<[u8]>> {
    match entry.payload {
        EntryPayload::Normal(Command::Append { data, .. }) => Some(data),
        _ => None,
    }
}

/// An entry in words.
pub(crate) fn described<M: Machine>(entry: Entry) -> Described {
    let (index, term) = (entry.log_id.index, entry.log_id.leader_id.term);
    let (kind, what) = match entry.payload {
        EntryPayload::Blank => ("blank", String::new()),
        EntryPayload::Normal(Command::Delta { version, bytes }) => {
            let what = match state::delta::<M>(index, version, &bytes) {
                Ok(delta) => M::describe(&delta),
                Err(error) => error.to_string(),
            };
            ("delta", what)
        }
        EntryPayload::Normal(command) => (kind(&command), command.to_string()),
        EntryPayload::Membership(membership) => {
            let members = codec::members(&membership);
            let list = |members: &std::collections::BTreeMap<NodeId, Member>| {
                let each = members.iter().map(|(node, member)| format!("{node} at {}", member.address));
                each.collect::<Vec<_>>().join(", ")
            };
            let mut what = format!("voters {}", list(&members.voters));
            if !members.learners.is_empty() {
                what.push_str(&format!("; learners {}", list(&members.learners)));
            }
            if members.changing {
                what.push_str("; one set of voters follows another");
            }
            ("members", what)
        }
    };
    Described { index, term, kind, what }
}

fn kind(command: &Command) -> &'static str {
    match command {
        Command::Delta { .. } => "delta",
        Command::Lead { .. } => "lead",
        Command::Open { .. } => "open",
        Command::Append { .. } => "append",
        Command::Truncate { .. } => "truncate",
        Command::Store { .. } => "store",
        Command::Expunge { .. } => "expunge",
    }
}

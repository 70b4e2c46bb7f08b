//! What is done for those who ask for it, here or from elsewhere.

use std::sync::Arc;

use crate::command::{Answer, Command};
use crate::messages::{Done, Request};
use crate::raft::payload::appended;
use crate::shared::Shared;
use crate::{LeaderState, LogError, Machine, membership};

/// How much one read carries. Unit: bytes.
const READ_MAX: usize = 4 << 20;

/// Does it here, if it can be done here.
pub(crate) async fn serve<M: Machine>(shared: Arc<Shared<M>>, request: Request) -> Result<Done, LogError> {
    match request {
        Request::Open { writer } => write(&shared, Command::Open { writer }).await,
        Request::Append { writer, number, data } => {
            write(&shared, Command::Append { writer, number, data }).await
        }
        Request::Truncate { writer, number, to } => {
            write(&shared, Command::Truncate { writer, number, to }).await
        }
        Request::Store { name, expected, version, value } => {
            write(&shared, Command::Store { name, expected, version, value }).await
        }
        Request::Expunge { name, expected } => write(&shared, Command::Expunge { name, expected }).await,
        Request::Read { from, to } => read(&shared, from, to),
        Request::Ends => {
            let beginning = shared.applied.read().beginning();
            Ok(Done::CaughtUp { beginning, ending: shared.applied.index() })
        }
        Request::CatchUp => {
            let index = linearizable(&shared, false).await?;
            shared.applied_to(index).await?;
            let state = shared.applied.read();
            Ok(Done::CaughtUp { beginning: state.beginning(), ending: index })
        }
        Request::Fetch { name } => {
            let index = linearizable(&shared, false).await?;
            shared.applied_to(index).await?;
            let state = shared.applied.read();
            let variable = state.variable(&name).cloned();
            Ok(Done::Fetched(variable.map(|variable| (variable.version, variable.value))))
        }
        Request::Names => {
            let index = linearizable(&shared, false).await?;
            shared.applied_to(index).await?;
            Ok(Done::Names(shared.applied.read().names().cloned().collect()))
        }
        Request::Status => {
            let leads = matches!(*shared.leadership.get(), LeaderState::Leading(_));
            let leader = shared.applied.read().leader().cloned();
            let report = shared.status.get().report(leads, leader);
            Ok(Done::Status(Box::new(report)))
        }
        Request::Add { address } => Ok(Done::Changed(membership::add(&shared, address).await?)),
        Request::Remove { node, forced } => {
            Ok(Done::Changed(membership::remove(&shared, node, forced).await?))
        }
        Request::Transfer { to } => membership::transfer(&shared, to).await.map(|()| Done::Nothing),
        Request::Snapshot => shared.running()?.consensus.snapshot().await.map(|()| Done::Nothing),
        Request::ReadIndex => Ok(Done::Index(shared.running()?.consensus.read_index(false).await?)),
    }
}

/// The index up to which all must be applied for a read to see whatever was answered before now: asked of the leader,
/// wherever it is.
pub(crate) async fn linearizable<M: Machine>(shared: &Shared<M>, lease: bool) -> Result<u64, LogError> {
    let asked = shared.running()?.consensus.read_index(lease).await;
    let Err(LogError::NotLeader { hint: Some(leader) }) = asked else { return asked };
    if leader == shared.runtime.address() {
        return asked;
    }
    let question = crate::messages::Do { request: Request::ReadIndex };
    match shared.outside.ask(leader, question, shared.config.patience).await {
        Ok(Ok(Done::Index(index))) => Ok(index),
        Ok(Ok(_)) => Err(LogError::Unknown),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(LogError::NotLeader { hint: Some(leader) }),
    }
}

async fn write<M: Machine>(shared: &Shared<M>, command: Command) -> Result<Done, LogError> {
    let (_, answer) = shared.propose(command, None).await?;
    Ok(match answer {
        Answer::Opened(token) => Done::Opened(token),
        Answer::Wrote(position) => Done::Wrote(position),
        Answer::Early => Done::Early,
        Answer::Stored(stored) => Done::Stored(stored),
        Answer::Nothing | Answer::Delta(_) | Answer::Leads(_) => Done::Nothing,
    })
}

/// What was appended within a range, as far as it is applied here and one answer carries.
fn read<M: Machine>(shared: &Shared<M>, from: u64, to: u64) -> Result<Done, LogError> {
    let log = &shared.running()?.log;
    let to = to.min(shared.applied.index());
    let beginning = shared.applied.read().beginning();
    if from < beginning {
        return Err(LogError::Refused(format!("what is before {beginning} was truncated")));
    }
    let mut entries = Vec::new();
    let (mut next, mut size) = (from, 0);
    while next <= to && size < READ_MAX {
        let read = log.entries(next..=to).map_err(|error| LogError::Stopped(error.to_string()))?;
        let Some(first) = read.first() else { break };
        if first.log_id.index != next && next == from && from > 0 {
            let here = first.log_id.index;
            return Err(LogError::Refused(format!("what is before {here} is not on this replica")));
        }
        let state = shared.applied.read();
        for entry in read {
            let index = entry.log_id.index;
            next = index + 1;
            let Some(data) = appended(entry) else { continue };
            if !state.is_void(index) {
                size += data.len();
                entries.push((index, data));
            }
            if size >= READ_MAX {
                break;
            }
        }
    }
    Ok(Done::Entries { entries, next: next.max(from) })
}

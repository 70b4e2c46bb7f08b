//! A snapshot arrives, piece by piece, and is installed once it is whole.
//!
//! A leader that was interrupted, or another that has the same snapshot, goes on where the last piece ended.

use std::sync::Arc;

use libprocess::Asked;
use tokio::sync::mpsc;

use crate::Machine;
use crate::host::Host;
use crate::messages::{Arrived, Chunk, Heard};
use crate::raft::codec::Covered;
use crate::snapshot::Arriving;

/// The one that arrives just now.
struct Partly {
    covered: Covered,
    length: u64,
    arriving: Arriving,
}

/// Takes pieces until there are no more.
pub(crate) async fn receive<M: Machine>(host: Arc<Host<M>>, mut pieces: mpsc::Receiver<Asked<Chunk>>) {
    let mut partly = None;
    while let Some(Asked { body, reply, .. }) = pieces.recv().await {
        if !host.is_meant(body.address) {
            reply.send(host.not_me());
            continue;
        }
        reply.send(match take(&host, &mut partly, body).await {
            Ok(arrived) => Heard::Done(arrived),
            Err(why) => {
                tracing::warn!(why, "failed to take a piece of a snapshot");
                partly = None;
                Heard::Failed(why)
            }
        });
    }
}

async fn take<M: Machine>(
    host: &Host<M>,
    partly: &mut Option<Partly>,
    chunk: Chunk,
) -> Result<Arrived, String> {
    let Chunk { vote, covered, length, offset, bytes, checksum, .. } = chunk;
    if length > host.shared.config.bounds.snapshot {
        return Err(format!(
            "a snapshot of {length} bytes, more than {}",
            host.shared.config.bounds.snapshot
        ));
    }
    if crc32c::crc32c(&bytes) != checksum {
        return Err("the checksum of a piece is wrong".to_owned());
    }
    let same = |partly: &Partly| partly.covered == covered && partly.length == length;
    let mut here = match partly.take().filter(same) {
        Some(here) => here,
        None => {
            let arriving = Arriving::begin(host.runtime().environment(), &host.shared.config.dir, &covered);
            Partly { covered, length, arriving: arriving.map_err(|error| error.to_string())? }
        }
    };
    if here.arriving.arrived() == offset && offset + bytes.len() as u64 <= length {
        here.arriving.write(&bytes).map_err(|error| error.to_string())?;
    }
    if here.arriving.arrived() < length {
        let next = here.arriving.arrived();
        *partly = Some(here);
        return Ok(Arrived::Next(next));
    }
    let snapshot = here.arriving.finish().map_err(|error| error.to_string())?;
    let vote = host.consensus().install(vote, here.covered, snapshot).await?;
    Ok(Arrived::Installed(vote))
}

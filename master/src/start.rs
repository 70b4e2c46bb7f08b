//! From a configuration to a running master.

use std::time::Duration;

use libprocess::{AskError, Bound, OnPanic, Pid, Runtime, Shard, Spawn, SpawnError};
use rand::Rng as _;

use crate::Master;
use crate::config::{Config, Identity};
use crate::messages::{Asker, Input};

/// How many messages may wait for the master: a report of every agent and task of a large cluster at once.
pub(crate) const MAILBOX: usize = 1 << 20;

/// How long one question whether the master leads may take.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Between two such questions.
const READY_POLL: Duration = Duration::from_millis(1);

/// Why a master did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The runtime has one, or ends.
    #[error("failed to spawn the master")]
    Spawn(#[from] SpawnError),
}

/// Starts a master in the runtime, with its allocator and its registrar, and makes its paths those of the runtime:
/// `/state` is `/master/state`.
///
/// Errors: the runtime has a master, or is shut down.
pub fn spawn(runtime: &Runtime, config: Config) -> Result<Pid<Master>, StartError> {
    let identity = identity(runtime, &config);
    let inside = runtime.clone();
    let make = move || Master::new(identity, config, inside);
    let spawn = Spawn::named("master").shard(Shard::Own).mailbox(Bound::messages(MAILBOX));
    let master = runtime.spawn(spawn.on_panic(OnPanic::Escalate), make)?;
    runtime.delegate("master");
    Ok(master)
}

/// Waits until the master leads and its paths are open, so that whoever calls next is heard.
///
/// Errors: the master ended.
pub async fn ready(runtime: &Runtime, master: &Pid<Master>) -> Result<(), AskError> {
    loop {
        match master.call(READY_WITHIN, |reply| Input::Ready { asker: Asker::new(reply) }).await? {
            Ok(()) => return Ok(()),
            Err(_) => runtime.sleep(READY_POLL).await,
        }
    }
}

/// Who this master is. Its epoch is the moment of its start until the replicated log counts leaderships.
fn identity(runtime: &Runtime, config: &Config) -> Identity {
    let mut bytes = [0; 16];
    runtime.environment().rng.stream("master id").fill_bytes(&mut bytes);
    let started = model::Time::from(runtime.now());
    let address = runtime.address();
    Identity {
        id: uuid::Builder::from_random_bytes(bytes).into_uuid().to_string(),
        address,
        hostname: config.hostname.clone().unwrap_or_else(|| address.ip().to_string()),
        cluster: config.cluster.clone(),
        epoch: u64::try_from(started.nanos()).unwrap_or_default(),
        started,
        elected: started,
    }
}

//! From a configuration to a running master.

use std::sync::Arc;
use std::time::Duration;

use api::content::{self, MediaType};
use api::v1;
use arc_swap::ArcSwap;
use detector::Announcer;
use libprocess::{AskError, Bound, OnPanic, Pid, Runtime, Shard, Spawn, SpawnError};
use rand::Rng as _;
use replicated_log::{Epoch, Phase, Replica, Status, Watch};

use crate::config::{Config, Identity, ZooKeeper};
use crate::election::Election;
use crate::http::realms;
use crate::messages::{Asker, Input};
use crate::registrar::{Memory, Registry, Replicated, Store};
use crate::state::{Published, Snapshot};
use crate::{Master, metrics};

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

/// By what right a master leads.
#[derive(Clone)]
pub(crate) enum Office {
    /// There is no other. The epoch is the moment of its start, so that agents know it from the one before.
    Alone { epoch: u64 },
    /// The replicas of a log have elected it, for as long as its lease holds.
    Elected(Replica<Registry>),
}

impl Office {
    /// Whether it leads in `epoch` for sure; `elapsed` is the time since the runtime started.
    pub(crate) fn holds(&self, epoch: u64, elapsed: Duration) -> bool {
        match self {
            Office::Alone { .. } => true,
            Office::Elected(replica) => replica.lease().holds(Epoch(epoch), elapsed),
        }
    }

    /// Where the registry of this epoch is kept.
    pub(crate) fn store(&self, epoch: u64) -> Box<dyn Store> {
        match self {
            Office::Alone { .. } => Box::new(Memory),
            Office::Elected(replica) => Box::new(Replicated::new(replica.clone(), Epoch(epoch))),
        }
    }
}

/// A master that leads when it is elected.
pub struct Standing {
    /// Ends when the replica does.
    pub election: Pid<Election>,
    /// What can be read of the master.
    pub published: Published,
    /// Tells ZooKeeper, if it is to be told.
    pub announcer: Option<Announcer>,
}

/// Starts a master that leads by itself and keeps its registry in memory, and makes its paths those of the runtime:
/// `/state` is `/master/state`.
///
/// Errors: the runtime has a master, or is shut down.
pub fn spawn(runtime: &Runtime, config: Config) -> Result<Pid<Master>, StartError> {
    guard(runtime, &config)?;
    let published = publish(runtime, &config);
    let office = Office::Alone { epoch: published.load().identity.epoch };
    let announcer = announcer(runtime, &config, &office, &published)?;
    let master = begin(runtime, &config, office, &published, announcer)?;
    runtime.delegate("master");
    Ok(master)
}

/// Starts a master that leads whenever the replicas of the registry elect it, and stands by otherwise.
///
/// Errors: the runtime has a master, or is shut down.
pub fn stand(runtime: &Runtime, config: Config, replica: Replica<Registry>) -> Result<Standing, StartError> {
    guard(runtime, &config)?;
    let published = publish(runtime, &config);
    show(runtime, replica.status());
    let announcer = announcer(runtime, &config, &Office::Elected(replica.clone()), &published)?;
    runtime.delegate("master");
    let (shared, tells) = (published.clone(), announcer.clone());
    let make = move || Election::new(replica, config, shared, tells);
    let election = runtime.spawn(Spawn::named("election"), make)?;
    Ok(Standing { election, published, announcer })
}

/// Puts everything in place that stands before the routes.
fn guard(runtime: &Runtime, config: &Config) -> Result<(), SpawnError> {
    config.access.apply(runtime, realms::READ_ONLY, realms::READ_WRITE)
}

/// Who tells ZooKeeper that a master of this runtime leads.
fn announcer(
    runtime: &Runtime,
    config: &Config,
    office: &Office,
    published: &Published,
) -> Result<Option<Announcer>, SpawnError> {
    let Some(ZooKeeper { ensemble, session_timeout }) = config.zookeeper.clone() else { return Ok(None) };
    let info = v1::MasterInfo::from(&published.load().identity.info());
    let info = content::encode(&info, MediaType::Json).to_vec();
    let (office, published, clock) = (office.clone(), published.clone(), runtime.clone());
    let holds = move || {
        let snapshot = published.load();
        snapshot.leading && office.holds(snapshot.identity.epoch, clock.elapsed())
    };
    detector::announce(runtime, ensemble, session_timeout, info, holds).map(Some)
}

/// Where readers will find what the masters of this runtime know, one after the other.
fn publish(runtime: &Runtime, config: &Config) -> Published {
    let published: Published = Arc::new(ArcSwap::from_pointee(Snapshot::new(identity(runtime, config))));
    let clock = runtime.environment().clock.clone();
    metrics::register(runtime.metrics(), published.clone(), clock, config.publish_per_framework_metrics);
    published
}

/// Shows how the log of the registry does, in the names that are charted already.
///
/// Source: Mesos metrics, family `registrar/log/`.
fn show(runtime: &Runtime, status: Watch<Status>) {
    runtime.metrics().provide(move |sink| {
        let status = status.get();
        let recovered = matches!(status.phase, Phase::Voting | Phase::NoQuorum { .. });
        sink.gauge("registrar/log/recovered", f64::from(u8::from(recovered)));
        sink.gauge("registrar/log/ensemble_size", status.members.voters.len() as f64);
    });
}

/// Starts one master, which knows nothing yet.
pub(crate) fn begin(
    runtime: &Runtime,
    config: &Config,
    office: Office,
    published: &Published,
    announcer: Option<Announcer>,
) -> Result<Pid<Master>, SpawnError> {
    let identity = published.load().identity.as_ref().clone();
    let (config, published, inside) = (config.clone(), published.clone(), runtime.clone());
    let make = move || Master::new(identity, config, office, published, announcer, inside);
    let spawn = Spawn::named("master").shard(Shard::Own).mailbox(Bound::messages(MAILBOX));
    runtime.spawn(spawn.on_panic(OnPanic::Escalate), make)
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

/// Who this master is. Its epoch is the moment of its start unless a log counts leaderships.
fn identity(runtime: &Runtime, config: &Config) -> Identity {
    let mut bytes = [0; 16];
    runtime.environment().rng.stream("master id").fill_bytes(&mut bytes);
    let started = model::Time::from(runtime.now());
    let address = runtime.address();
    Identity {
        id: uuid::Builder::from_random_bytes(bytes).into_uuid().to_string(),
        address,
        tls: runtime.speaks_tls_alone(),
        hostname: config.hostname.clone().unwrap_or_else(|| address.ip().to_string()),
        cluster: config.cluster.clone(),
        domain: config.domain.clone(),
        epoch: u64::try_from(started.nanos()).unwrap_or_default(),
        started,
        elected: started,
    }
}

//! A log for writers and readers, replicated over a few nodes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use libprocess::{Runtime, Spawn};
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;

use crate::access::{Access, Elsewhere, Here};
use crate::actor::{Door, Outside};
use crate::{Config, Keep, LogError, Machine, Reader, Replica, Variables, Writer};

/// A log: a sequence of entries that outlives the loss of any minority of its replicas.
///
/// ```no_run
/// # async fn example(runtime: libprocess::Runtime) -> Result<(), Box<dyn std::error::Error>> {
/// use replicated_log::{Config, Log};
///
/// let masters = vec!["10.0.0.1:5050".parse()?, "10.0.0.2:5050".parse()?, "10.0.0.3:5050".parse()?];
/// let log = Log::open(&runtime, Config { masters, ..Config::new("/var/lib/sums") }).await?;
///
/// let mut writer = log.writer();
/// writer.start().await?.expect("somebody leads");
/// let position = writer.append(*b"one more").await?.expect("nobody else has started to write");
///
/// let reader = log.reader();
/// let caught_up = reader.catchup().await?;
/// for entry in reader.read(position..=caught_up).await? {
///     println!("{}: {:?}", entry.position, entry.data);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Log {
    access: Arc<dyn Access>,
    chance: Arc<Mutex<ChaCha8Rng>>,
    /// Kept open as long as the log is held.
    replica: Option<Replica>,
}

impl Log {
    /// Opens a replica of a log on this node. Its entries stay until a writer truncates them.
    ///
    /// Errors: as [`Replica::open`].
    pub async fn open(runtime: &Runtime, config: Config) -> Result<Log, LogError> {
        let replica = Replica::<()>::open(runtime, Config { keep: Keep::UntilTruncated, ..config }).await?;
        Ok(Log { replica: Some(replica.clone()), ..Log::of(&replica) })
    }

    /// The log of a replica that carries a machine besides.
    pub fn of<M: Machine>(replica: &Replica<M>) -> Log {
        let chance = replica.shared.chance.clone();
        Log { access: Arc::new(Here(replica.shared.clone())), chance, replica: None }
    }

    /// A log whose replicas are elsewhere: at these addresses, under that name.
    ///
    /// Errors: when no address is given, or the runtime is shut down.
    pub fn connect(runtime: &Runtime, name: &str, masters: Vec<SocketAddr>) -> Result<Log, LogError> {
        if masters.is_empty() {
            return Err(LogError::Refused("no address of a replica is given".to_owned()));
        }
        let door = runtime.spawn(Spawn::prefixed("log-client"), Door::for_asking);
        let door = door.map_err(|error| LogError::Refused(error.to_string()))?;
        let chance = Arc::new(Mutex::new(runtime.environment().rng.stream(door.upid().id())));
        let access = Elsewhere {
            runtime: runtime.clone(),
            outside: Outside::named(door, name),
            masters,
            first: Arc::new(AtomicUsize::new(0)),
            patience: Duration::from_secs(30),
        };
        Ok(Log { access: Arc::new(access), chance, replica: None })
    }

    /// The replica of this node, if the log was opened with one.
    pub fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    pub fn reader(&self) -> Reader {
        Reader::new(self.access.clone())
    }

    /// One who wants to write. Many may; the last to start does.
    pub fn writer(&self) -> Writer {
        Writer::new(self.access.clone(), self.chance.clone())
    }

    /// Named values beside the entries.
    pub fn variables(&self) -> Variables {
        Variables::new(self.access.clone(), self.chance.clone())
    }
}

//! How a scheduler is connected.

use std::time::Duration;

use api::content::MediaType;
use libprocess::Credential;
use model::FrameworkInfo;

/// Where the masters are, and who subscribes.
#[derive(Clone, Debug)]
pub struct Config {
    /// `host:port` or `https://host:port` of one or more masters, `zk://host:port,…/path`, or `file:///path`; whichever leads is
    /// found. Where nothing is said of it, TLS is spoken if the runtime has a certificate or was told whom to believe.
    pub masters: Vec<String>,
    /// With an id, the framework of that id is taken over.
    pub framework: FrameworkInfo,
    /// The name and password it proves itself with; nothing where masters ask for none.
    pub credential: Option<Credential>,
    /// How calls and events are spelled.
    pub media: MediaType,
    /// Whether updates are acknowledged when the scheduler has heard them.
    pub acknowledge: bool,
    /// Whether tasks are asked about after a break, and those on an agent that is lost, until each was answered for.
    pub reconcile: bool,
    /// How long to wait after the first failure; doubled each time, with some chance in it.
    pub backoff_min: Duration,
    /// The longest wait between attempts.
    pub backoff_max: Duration,
    /// How long a session with ZooKeeper lives without a connection, where masters are found there.
    pub zookeeper_session_timeout: Duration,
}

impl Config {
    /// What most want: protobuf, acknowledgements and reconciliation done for them.
    pub fn new<M: Into<String>>(masters: impl IntoIterator<Item = M>, framework: FrameworkInfo) -> Config {
        Config {
            masters: masters.into_iter().map(Into::into).collect(),
            framework,
            credential: None,
            media: MediaType::Protobuf,
            acknowledge: true,
            reconcile: true,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(15),
            zookeeper_session_timeout: Duration::from_secs(10),
        }
    }
}

//! Who is to be asked now, and each time that changes.

use std::net::SocketAddr;
use std::time::Duration;

use libprocess::Runtime;
use libprocess::toolbox::Backoff;

use crate::names::Names;
use crate::zookeeper::{Group, Session, SessionError, Ticket};
use crate::{Ensemble, Masters};

/// Where to turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// To any of these: it leads, or says who does.
    Candidates(Vec<SocketAddr>),
    /// To this one: it has said itself that it leads.
    Leader(SocketAddr),
}

impl Found {
    /// All of them.
    pub fn addresses(&self) -> &[SocketAddr] {
        match self {
            Found::Candidates(all) => all,
            Found::Leader(leader) => std::slice::from_ref(leader),
        }
    }
}

/// Finds masters, and goes on looking.
///
/// What was found stays true until something else is: neither a name that cannot be looked up nor a ZooKeeper that is
/// gone takes a master away from anybody.
pub struct Detector(How);

enum How {
    Names(Names),
    ZooKeeper(Box<Watched>),
}

/// What is known of the nodes in ZooKeeper.
struct Watched {
    runtime: Runtime,
    ensemble: Ensemble,
    timeout: Duration,
    session: Option<Session>,
    ticket: Option<Ticket>,
    /// Whether the nodes have changed since they were read.
    stale: bool,
    told: Option<SocketAddr>,
    failures: u32,
}

/// Waits between attempts to reach ZooKeeper.
pub(crate) const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

impl Detector {
    /// Looks for `masters`; `timeout` is how long a session with ZooKeeper lives without a connection. Nothing is asked
    /// yet.
    pub fn new(runtime: &Runtime, masters: &Masters, timeout: Duration) -> Detector {
        let runtime = runtime.clone();
        Detector(match masters {
            Masters::ZooKeeper(ensemble) => How::ZooKeeper(Box::new(Watched {
                runtime,
                ensemble: ensemble.clone(),
                timeout,
                session: None,
                ticket: None,
                stale: true,
                told: None,
                failures: 0,
            })),
            named => How::Names(Names::new(runtime, named.clone())),
        })
    }

    /// What is found next: something else than before. Until then it waits, for ever if need be.
    pub async fn next(&mut self) -> Found {
        match &mut self.0 {
            How::Names(names) => Found::Candidates(names.next().await),
            How::ZooKeeper(watched) => Found::Leader(watched.next().await),
        }
    }
}

impl Watched {
    async fn next(&mut self) -> SocketAddr {
        loop {
            match self.look().await {
                Ok(Some(leader)) if self.told != Some(leader) => {
                    self.told = Some(leader);
                    return leader;
                }
                // One that is gone stays the one to ask until another says that it leads.
                Ok(_) => {}
                Err(error) => self.failed(&error).await,
            }
        }
    }

    /// Reads who leads, or waits until that may have changed.
    async fn look(&mut self) -> Result<Option<SocketAddr>, SessionError> {
        let session = match &mut self.session {
            Some(session) => session,
            None => {
                let connected =
                    Session::connect(&self.runtime, &self.ensemble, self.timeout, self.ticket.as_ref())
                        .await?;
                // Watches of an earlier connection are not told of here: everything is read anew.
                self.stale = true;
                self.ticket = Some(connected.ticket());
                self.session.insert(connected)
            }
        };
        if !self.stale {
            session.changed().await?;
            self.stale = true;
        }
        let first = Group { session, ensemble: &self.ensemble }.first().await?;
        (self.stale, self.failures) = (false, 0);
        let Some(node) = first else { return Ok(None) };
        let master = node.master();
        if master.is_none() {
            tracing::warn!(node = node.name, zookeeper = %self.ensemble, "a node is no master's description");
        }
        Ok(master)
    }

    async fn failed(&mut self, error: &SessionError) {
        self.session = None;
        if matches!(error, SessionError::Expired) {
            self.ticket = None;
        }
        if self.failures == 0 {
            tracing::warn!(%error, zookeeper = %self.ensemble, "cannot ask ZooKeeper who leads; trying again");
        }
        self.failures = self.failures.saturating_add(1);
        let wait = BACKOFF.draw(self.failures, &mut self.runtime.environment().rng.stream("detector"));
        self.runtime.sleep(wait).await;
    }
}

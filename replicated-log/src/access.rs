//! The way to a log: through a replica here, or to replicas elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use libprocess::Runtime;

use crate::actor::Outside;
use crate::messages::{Do, Done, Request};
use crate::shared::Shared;
use crate::{LogError, Machine, serve};

/// How long one attempt at something elsewhere may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// The way to a log.
pub(crate) trait Access: Send + Sync + 'static {
    /// One attempt.
    fn attempt(&self, request: Request) -> BoxFuture<'static, Result<Done, LogError>>;
    /// How far the log has come where it is read, once it has come so far; or after a while.
    fn reached(&self, index: u64) -> BoxFuture<'static, ()>;
    fn runtime(&self) -> &Runtime;
    /// How long something is tried.
    fn patience(&self) -> Duration;
}

/// Tries until it is done, or can never be, or it took too long. For what does no harm when it is done twice.
pub(crate) async fn persist(access: &dyn Access, request: Request) -> Result<Done, LogError> {
    let until = access.runtime().elapsed() + access.patience();
    loop {
        let failed = match access.attempt(request.clone()).await {
            Ok(done) if done != Done::Early => return Ok(done),
            Ok(_) => LogError::Unknown,
            Err(error @ (LogError::Refused(_) | LogError::Stopped(_) | LogError::Demoted(_))) => {
                return Err(error);
            }
            Err(error) => error,
        };
        if access.runtime().elapsed() >= until {
            return Err(failed);
        }
        access.runtime().sleep(PAUSE).await;
    }
}

/// Through a replica of this node; what only the leader does is asked of it.
pub(crate) struct Here<M: Machine>(pub(crate) Arc<Shared<M>>);

impl<M: Machine> Access for Here<M> {
    fn attempt(&self, request: Request) -> BoxFuture<'static, Result<Done, LogError>> {
        let shared = self.0.clone();
        async move {
            let done = serve::serve(shared.clone(), request.clone()).await;
            let Err(LogError::NotLeader { hint: Some(leader) }) = done else { return done };
            if leader == shared.runtime.address() {
                return done;
            }
            elsewhere(shared.outside.ask(leader, Do { request }, ATTEMPT).await)
        }
        .boxed()
    }

    fn reached(&self, index: u64) -> BoxFuture<'static, ()> {
        let shared = self.0.clone();
        async move { drop(shared.applied_to(index).await) }.boxed()
    }

    fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    fn patience(&self) -> Duration {
        self.0.config.patience
    }
}

/// To replicas elsewhere: the one that answered last, and those it names.
pub(crate) struct Elsewhere {
    pub(crate) runtime: Runtime,
    pub(crate) outside: Outside,
    pub(crate) masters: Vec<SocketAddr>,
    /// Whom to ask first.
    pub(crate) first: Arc<AtomicUsize>,
    pub(crate) patience: Duration,
}

impl Access for Elsewhere {
    fn attempt(&self, request: Request) -> BoxFuture<'static, Result<Done, LogError>> {
        let (outside, masters, first) = (self.outside.clone(), self.masters.clone(), self.first.clone());
        async move {
            let number = first.load(Ordering::Relaxed) % masters.len();
            let asked = outside.ask(masters[number], Do { request: request.clone() }, ATTEMPT).await;
            let done = elsewhere(asked);
            let Err(LogError::NotLeader { hint }) = done else {
                if done.is_err() {
                    first.store(number + 1, Ordering::Relaxed);
                }
                return done;
            };
            match hint {
                Some(leader) => {
                    let known = masters.iter().position(|master| *master == leader);
                    first.store(known.unwrap_or(number), Ordering::Relaxed);
                    elsewhere(outside.ask(leader, Do { request }, ATTEMPT).await)
                }
                None => {
                    first.store(number + 1, Ordering::Relaxed);
                    done
                }
            }
        }
        .boxed()
    }

    fn reached(&self, _: u64) -> BoxFuture<'static, ()> {
        self.runtime.sleep(PAUSE).boxed()
    }

    fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

/// A question whose answer did not come may have been done.
fn elsewhere(answer: Result<Result<Done, LogError>, libprocess::AskError>) -> Result<Done, LogError> {
    match answer {
        Ok(done) => done,
        Err(libprocess::AskError::NoSuchProcess | libprocess::AskError::Rejected) => {
            Err(LogError::NotLeader { hint: None })
        }
        Err(_) => Err(LogError::Unknown),
    }
}

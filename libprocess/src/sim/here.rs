//! The node that some code runs on, for code that nobody can hand a [`Runtime`].
//!
//! A foreign state machine often reaches its runtime by functions without a `self`: spawn, sleep, what
//! time it is. While a simulated node's code runs (a process has its turn, a task is polled, a job
//! does its work, or a test says so by [`Sim::on`] and [`Sim::run_on`]) these functions mean that
//! node, on the simulation's one thread, clock and seed:
//!
//! | it wants | give it |
//! |---|---|
//! | to spawn, to join, to abort | [`spawn`], [`Join`] |
//! | to know the time, to sleep, a limit of time | [`Instant::now`], [`sleep`], [`sleep_until`], [`timeout`], [`timeout_at`] |
//! | chance | [`rng`] |
//! | work that blocks, such as a flush | [`blocking`], which takes as long as the node's disk is slow |
//! | disk, clients, other nodes | [`node`] |
//! | channels | tokio's `mpsc`, `oneshot` and `Mutex`: they need no reactor and are fair; not its `watch`, which wakes in an order drawn by chance: [`watch`](super::watch) |
//!
//! All of it ends with its node: a killed node's tasks are dropped, joins of them say [`JoinError::Gone`].
//! A node that is paused goes on later. Everything is `Send` if what it carries is, though nothing ever
//! leaves the thread.
//!
//! ```
//! use std::time::Duration;
//! use libprocess::sim::{Sim, here};
//!
//! let mut sim = Sim::new(7);
//! let node = sim.node("10.0.0.1:5050");
//! let slept = sim.run_on(&node, async {
//!     let before = here::Instant::now();
//!     here::spawn(here::sleep(Duration::from_secs(60))).await.unwrap();
//!     here::Instant::now() - before
//! });
//! assert_eq!(slept, Duration::from_secs(60));
//! ```

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use rand::{Rng as _, TryRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;

use super::core::Nap;
use super::tasks::Name;
use super::world::World;
use crate::Runtime;
use crate::environment::Spawner;
use crate::panics;

/// The node whose code runs just now.
///
/// Panics: outside of every simulated node, as do all functions of this module.
pub fn node() -> Runtime {
    World::here().1.runtime.clone()
}

/// The node whose code runs just now, if one's does.
pub fn try_node() -> Option<Runtime> {
    World::try_here().map(|(_, life)| life.runtime.clone())
}

/// Starts a task of this node. It goes on when the handle is dropped, and ends with the node.
///
/// A panic of the task is the [`Join`]'s; if that was dropped, it goes through the simulation and ends
/// the test.
pub fn spawn<F>(future: F) -> Join<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let (world, life) = World::here();
    let (sender, receiver) = oneshot::channel();
    let task = async move {
        let ended = AssertUnwindSafe(future).catch_unwind().await;
        match ended {
            Err(panic) if sender.is_closed() => resume_unwind(panic),
            ended => drop(sender.send(ended.map_err(|panic| panics::message(&*panic)))),
        }
    };
    let name = world.tasks.spawn(&world.core, life.number, Box::pin(task));
    Join { task: Some((life.number, name)), receiver }
}

/// Runs a job that blocks, such as a flush; it takes a moment, longer if the node's disk is slow.
pub fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Join<T> {
    let (_, life) = World::here();
    let (sender, receiver) = oneshot::channel();
    life.spawner.blocking(Box::new(move || {
        let ended = catch_unwind(AssertUnwindSafe(job));
        match ended {
            Err(panic) if sender.is_closed() => resume_unwind(panic),
            ended => drop(sender.send(ended.map_err(|panic| panics::message(&*panic)))),
        }
    }));
    Join { task: None, receiver }
}

/// What comes of a task or job.
#[derive(Debug)]
pub struct Join<T> {
    /// Whose it is, and which; jobs have none.
    task: Option<(u32, Name)>,
    receiver: oneshot::Receiver<Result<T, String>>,
}

impl<T> Join<T> {
    /// Ends the task now; a job that has begun is not stopped.
    pub fn abort(&self) {
        if let Some((life, name)) = self.task {
            World::current().tasks.abort(life, name);
        }
    }
}

impl<T> Future for Join<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<Self::Output> {
        self.receiver.poll_unpin(poller).map(|ended| match ended {
            Ok(ended) => ended.map_err(JoinError::Panicked),
            Err(_) => Err(JoinError::Gone),
        })
    }
}

/// Why nothing comes of a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("the task panicked: {0}")]
    Panicked(String),
    /// It was aborted, or its node is no more.
    #[error("the task was ended")]
    Gone,
}

/// A moment of the simulation's time, the same on all its nodes: wall clocks are skewed, this is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// This moment.
    pub fn now() -> Instant {
        Instant(World::current().core.now())
    }

    /// How long ago it was; nothing if it is still to come.
    pub fn elapsed(self) -> Duration {
        Instant::now() - self
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, time: Duration) -> Instant {
        Instant(self.0.saturating_add(time))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, time: Duration) {
        *self = *self + time;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, time: Duration) -> Instant {
        Instant(self.0.saturating_sub(time))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, time: Duration) {
        *self = *self - time;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Nothing if `earlier` is later.
    fn sub(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Waits for so long.
pub fn sleep(time: Duration) -> Sleep {
    Sleep(World::current().core.sleep(time))
}

/// Waits until then.
pub fn sleep_until(then: Instant) -> Sleep {
    sleep(then - Instant::now())
}

/// A wait; [`sleep`] makes it.
pub struct Sleep(Nap);

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(poller)
    }
}

/// What comes of `future` if it comes within `limit`.
pub fn timeout<F: Future>(limit: Duration, future: F) -> Timeout<F> {
    Timeout { future: Box::pin(future), limit: sleep(limit) }
}

/// What comes of `future` if it comes before then.
pub fn timeout_at<F: Future>(then: Instant, future: F) -> Timeout<F> {
    timeout(then - Instant::now(), future)
}

/// A future with a limit; [`timeout`] makes it.
pub struct Timeout<F> {
    future: Pin<Box<F>>,
    limit: Sleep,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(poller) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.limit).poll(poller).map(|()| Err(TimedOut))
    }
}

/// The limit passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not done in time")]
pub struct TimedOut;

/// Chance of this node's own; drawn from one stream by all who ask here.
pub fn rng() -> Chance {
    Chance(World::here().1.chance.clone())
}

/// Where a node's code draws from; [`rng`] gives it.
#[derive(Clone, Debug)]
pub struct Chance(Arc<Mutex<ChaCha8Rng>>);

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.lock().next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.lock().next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.lock().fill_bytes(bytes);
        Ok(())
    }
}

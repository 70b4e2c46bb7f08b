//! What the library asks of a reactor, answered by the environment of a node: its clock, chance and tasks.
//!
//! The library's trait has no `self`, so the environment lies in a thread-local while a future of it is polled.
//! On a thread of its own that is always the same one; in a simulation, the one of the node whose turn it is. Whoever
//! calls consensus from another thread brings the environment along.

use std::cell::RefCell;
use std::future::Future;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use libprocess::environment::{Environment, Sleep};
use openraft::{AsyncRuntime, OptionalSend};
use openraft_rt::{instant, watch};
use openraft_rt_tokio::{TokioMpsc, TokioMutex, TokioOneshot};
use rand::{Rng, TryRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;

use crate::watch as ours;

thread_local! {
    static CURRENT: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    static CALLER: RefCell<Option<Environment>> = const { RefCell::new(None) };
}

/// The environment of a node, and its chance as far as it was drawn.
struct World {
    environment: Environment,
    rng: RefCell<ChaCha8Rng>,
}

/// Makes an environment the one of a future, and of all it spawns.
pub(crate) fn within<F: Future>(environment: Environment, future: F) -> impl Future<Output = F::Output> {
    let rng = RefCell::new(environment.rng.stream("raft"));
    Within { world: Rc::new(World { environment, rng }), future: Box::pin(future) }
}

struct Within<F> {
    world: Rc<World>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<F::Output> {
        let _inside = Inside(CURRENT.replace(Some(self.world.clone())));
        self.future.as_mut().poll(poller)
    }
}

struct Inside(Option<Rc<World>>);

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Lets a future of the library be polled wherever its caller is: by the clock of this environment.
pub(crate) fn calling<F: Future>(environment: &Environment, future: F) -> Calling<F> {
    Calling { environment: environment.clone(), future: Box::pin(future) }
}

/// See [`calling`].
pub(crate) struct Calling<F> {
    environment: Environment,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Calling<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<F::Output> {
        let before = CALLER.replace(Some(self.environment.clone()));
        let outcome = self.future.as_mut().poll(poller);
        CALLER.set(before);
        outcome
    }
}

fn environment() -> Environment {
    let inside = CURRENT.with_borrow(|world| world.as_ref().map(|world| world.environment.clone()));
    let environment = inside.or_else(|| CALLER.with_borrow(Clone::clone));
    environment.expect("consensus runs within the environment of its node, and is called with it")
}

fn world() -> Rc<World> {
    CURRENT.with_borrow(Clone::clone).expect("consensus runs within the environment of its node")
}

/// Time since the node started, as its clock counts it.
pub(crate) fn elapsed() -> Duration {
    environment().clock.elapsed()
}

/// A pause.
pub(crate) fn sleep(duration: Duration) -> Sleep {
    environment().clock.sleep(duration)
}

/// Lets a future run by itself.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    let world = world();
    let spawner = world.environment.spawner.clone();
    spawner.local(Box::pin(Within { world, future: Box::pin(future) })).detach();
}

/// The library's reactor.
#[derive(Debug)]
pub(crate) struct Reactor;

/// Why a task has no result.
#[derive(Debug)]
pub(crate) struct Panicked;

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a task of the log panicked or was ended")
    }
}

/// The result of a task, once it is there. The task goes on without it.
pub(crate) struct JoinHandle<T>(oneshot::Receiver<T>);

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(poller).map_err(|_| Panicked)
    }
}

/// A future that has only so much time.
pub(crate) struct Timeout<F> {
    future: Pin<Box<F>>,
    sleep: Sleep,
}

#[derive(Debug)]
pub(crate) struct Elapsed;

impl std::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the time is over")
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(poller) {
            return Poll::Ready(Ok(output));
        }
        self.sleep.as_mut().poll(poller).map(|()| Err(Elapsed))
    }
}

/// A moment of one node. Unit: time since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(pub(crate) Duration);

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, more: Duration) -> Instant {
        Instant(self.0.saturating_add(more))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, more: Duration) {
        *self = *self + more;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, less: Duration) -> Instant {
        Instant(self.0.saturating_sub(less))
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, less: Duration) {
        *self = *self - less;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl instant::Instant for Instant {
    fn now() -> Instant {
        Instant(elapsed())
    }
}

/// The node's chance, one draw after the other.
pub(crate) struct Chance;

impl TryRng for Chance {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(world().rng.borrow_mut().next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(world().rng.borrow_mut().next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        world().rng.borrow_mut().fill_bytes(bytes);
        Ok(())
    }
}

impl AsyncRuntime for Reactor {
    type JoinError = Panicked;
    type JoinHandle<T: OptionalSend + 'static> = JoinHandle<T>;
    type Sleep = Sleep;
    type Instant = Instant;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Timeout<T>;
    type ThreadLocalRng = Chance;
    type Mpsc = TokioMpsc;
    type Watch = Watching;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        spawn(async move {
            if let Ok(output) = AssertUnwindSafe(future).catch_unwind().await {
                drop(sender.send(output));
            }
        });
        JoinHandle(receiver)
    }

    fn sleep(duration: Duration) -> Sleep {
        sleep(duration)
    }

    fn sleep_until(deadline: Instant) -> Sleep {
        sleep(deadline.0.saturating_sub(elapsed()))
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(duration: Duration, future: F) -> Timeout<F> {
        Timeout { future: Box::pin(future), sleep: sleep(duration) }
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(deadline: Instant, future: F) -> Timeout<F> {
        Timeout { future: Box::pin(future), sleep: Self::sleep_until(deadline) }
    }

    fn is_panic(_: &Panicked) -> bool {
        true
    }

    fn thread_rng() -> Chance {
        Chance
    }

    fn new(_: usize) -> Reactor {
        Reactor
    }

    fn block_on<F, T>(&mut self, _: F) -> T
    where
        F: Future<Output = T>,
    {
        panic!("nothing blocks on consensus: it runs among the tasks of its node")
    }
}

/// Watched values of ours, for the library.
pub(crate) struct Watching;

pub(crate) struct WatchSender<T>(ours::Sender<T>);

pub(crate) struct WatchReceiver<T>(ours::Watch<T>);

impl<T> Clone for WatchSender<T> {
    fn clone(&self) -> WatchSender<T> {
        WatchSender(self.0.clone())
    }
}

impl<T> Clone for WatchReceiver<T> {
    fn clone(&self) -> WatchReceiver<T> {
        WatchReceiver(self.0.clone())
    }
}

impl watch::Watch for Watching {
    type Sender<T: OptionalSend + openraft::OptionalSync> = WatchSender<T>;
    type Receiver<T: OptionalSend + openraft::OptionalSync> = WatchReceiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = ours::Ref<'a, T>;

    fn channel<T: OptionalSend + openraft::OptionalSync>(first: T) -> (WatchSender<T>, WatchReceiver<T>) {
        let (sender, receiver) = ours::watch(first);
        (WatchSender(sender), WatchReceiver(receiver))
    }
}

impl<T: OptionalSend + openraft::OptionalSync> watch::WatchSender<Watching, T> for WatchSender<T> {
    fn send(&self, value: T) -> Result<(), watch::SendError<T>> {
        if !self.0.is_watched() {
            return Err(watch::SendError(value));
        }
        self.0.change(|now| {
            *now = value;
            true
        });
        Ok(())
    }

    fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, modify: F) -> bool {
        self.0.change(modify)
    }

    fn borrow_watched(&self) -> ours::Ref<'_, T> {
        self.0.get()
    }

    fn subscribe(&self) -> WatchReceiver<T> {
        WatchReceiver(self.0.watch())
    }
}

impl<T: OptionalSend + openraft::OptionalSync> watch::WatchReceiver<Watching, T> for WatchReceiver<T> {
    async fn changed(&mut self) -> Result<(), watch::RecvError> {
        self.0.changed().await.map_err(|_| watch::RecvError(()))
    }

    fn borrow_watched(&self) -> ours::Ref<'_, T> {
        self.0.borrow()
    }

    fn borrow_and_update(&mut self) -> ours::Ref<'_, T> {
        self.0.borrow_and_see()
    }
}

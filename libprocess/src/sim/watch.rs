//! A value that is watched: the latest counts, and none before it.
//!
//! Those who wait are woken in the order in which they began to, so that a run under a seed can be
//! repeated; tokio's `watch` draws that order by chance of its own.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

/// A watched value with one who sets it and one who watches; both can be cloned.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let waiting = Mutex::new(Waiting { senders: 1, receivers: 1, last: 0, wakers: BTreeMap::new() });
    let shared = Arc::new(Shared { latest: RwLock::new(Latest { value, version: 0 }), waiting });
    (Sender(shared.clone()), Receiver { shared, seen: 0 })
}

struct Shared<T> {
    latest: RwLock<Latest<T>>,
    /// Locked alone.
    waiting: Mutex<Waiting>,
}

struct Latest<T> {
    value: T,
    version: u64,
}

struct Waiting {
    senders: usize,
    receivers: usize,
    last: u64,
    /// In order of their beginning to wait.
    wakers: BTreeMap<u64, Waker>,
}

impl<T> Shared<T> {
    fn wake(&self) {
        let wakers = std::mem::take(&mut self.waiting.lock().wakers);
        wakers.into_values().for_each(Waker::wake);
    }

    fn borrow(&self) -> Ref<'_, T> {
        // One who holds a value may look again.
        Ref(self.latest.read_recursive())
    }
}

/// The value as it is while this is held; nobody sets another meanwhile.
pub struct Ref<'a, T>(RwLockReadGuard<'a, Latest<T>>);

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

/// Sets the value.
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    /// Sets the value.
    ///
    /// Errors: when nobody watches any more; the value comes back.
    pub fn send(&self, value: T) -> Result<(), T> {
        if self.0.waiting.lock().receivers == 0 {
            return Err(value);
        }
        self.send_if_modified(|latest| {
            *latest = value;
            true
        });
        Ok(())
    }

    /// Changes the value in place, and tells so if `modify` says that it did.
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut latest = self.0.latest.write();
        let modified = modify(&mut latest.value);
        latest.version += u64::from(modified);
        drop(latest);
        if modified {
            self.0.wake();
        }
        modified
    }

    pub fn borrow(&self) -> Ref<'_, T> {
        self.0.borrow()
    }

    /// One more who watches; what is set now counts as seen.
    pub fn subscribe(&self) -> Receiver<T> {
        self.0.waiting.lock().receivers += 1;
        Receiver { shared: self.0.clone(), seen: self.0.latest.read_recursive().version }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.0.waiting.lock().senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.senders -= 1;
        let last = waiting.senders == 0;
        drop(waiting);
        if last {
            self.0.wake();
        }
    }
}

/// Watches the value.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// Nobody will set the value any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody sets the value any more")]
pub struct Closed;

impl<T> Receiver<T> {
    /// Waits until the value is another than this receiver has seen, which then counts as seen.
    ///
    /// Errors: when there is none, and nobody who could set one.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        let mut place = Place { shared: &self.shared, ticket: None };
        let seen = self.seen;
        let version = poll_fn(|poller| {
            // Waits before it looks, so that nothing slips in between.
            let open = place.take(poller.waker());
            match self.shared.latest.read_recursive().version {
                version if version != seen => Poll::Ready(Ok(version)),
                _ if !open => Poll::Ready(Err(Closed)),
                _ => Poll::Pending,
            }
        });
        self.seen = version.await?;
        Ok(())
    }

    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow()
    }

    /// The value, which counts as seen.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let latest = self.shared.borrow();
        self.seen = latest.0.version;
        latest
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.shared.waiting.lock().receivers += 1;
        Receiver { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.waiting.lock().receivers -= 1;
    }
}

/// One place among those who wait; given up when dropped.
struct Place<'a, T> {
    shared: &'a Shared<T>,
    ticket: Option<u64>,
}

impl<T> Place<'_, T> {
    /// Takes or keeps the place; says whether there is anybody to wait for.
    fn take(&mut self, waker: &Waker) -> bool {
        let mut waiting = self.shared.waiting.lock();
        let kept = self.ticket.filter(|ticket| waiting.wakers.contains_key(ticket));
        let ticket = kept.unwrap_or_else(|| {
            waiting.last += 1;
            waiting.last
        });
        waiting.wakers.insert(ticket, waker.clone());
        self.ticket = Some(ticket);
        waiting.senders > 0
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.waiting.lock().wakers.remove(&ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_latest_value_is_seen_once() {
        let (sender, mut receiver) = channel(1);
        assert!(receiver.changed().now_or_never().is_none());
        sender.send(2).unwrap();
        sender.send(3).unwrap();
        let mut late = sender.subscribe();
        assert_eq!(receiver.changed().now_or_never(), Some(Ok(())));
        assert_eq!((*receiver.borrow(), *late.borrow_and_update()), (3, 3));
        assert!(receiver.changed().now_or_never().is_none());
        assert!(late.changed().now_or_never().is_none());
        assert!(!sender.send_if_modified(|_| false));
        drop(sender.clone());
        sender.send(4).unwrap();
        drop(sender);
        assert_eq!(receiver.changed().now_or_never(), Some(Ok(())));
        assert_eq!(receiver.changed().now_or_never(), Some(Err(Closed)));
    }

    #[test]
    fn nobody_is_left_waiting_and_nobody_watching_is_an_error() {
        let (sender, receiver) = channel(1);
        let mut waits = receiver.clone();
        let _ = waits.changed().now_or_never();
        assert!(sender.0.waiting.lock().wakers.is_empty());
        drop((receiver, waits));
        assert_eq!(sender.send(2), Err(2));
        assert_eq!(*sender.borrow(), 1);
    }
}

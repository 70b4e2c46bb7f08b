//! A value that is watched: whoever waits is woken in the order in which they began to watch, so that a replay
//! wakes them in the same one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use parking_lot::{MappedRwLockReadGuard, Mutex, RwLock, RwLockReadGuard};

/// A value and its first watcher.
pub(crate) fn watch<T>(first: T) -> (Sender<T>, Watch<T>) {
    let shared = Arc::new(Shared {
        value: RwLock::new((0, first)),
        wakers: Mutex::default(),
        watchers: AtomicU64::new(0),
        living: AtomicUsize::new(0),
        senders: AtomicUsize::new(1),
    });
    (Sender(shared.clone()), Watch::new(shared, 0))
}

pub(crate) type Ref<'a, T> = MappedRwLockReadGuard<'a, T>;

struct Shared<T> {
    /// Shape: how often it was set, and as what.
    value: RwLock<(u64, T)>,
    /// Shape: watcher → who waits there.
    wakers: Mutex<BTreeMap<u64, Waker>>,
    watchers: AtomicU64,
    living: AtomicUsize,
    senders: AtomicUsize,
}

impl<T> Shared<T> {
    fn wake(&self) {
        let wakers = std::mem::take(&mut *self.wakers.lock());
        wakers.into_values().for_each(Waker::wake);
    }

    fn get(&self) -> (u64, Ref<'_, T>) {
        let value = self.value.read();
        (value.0, RwLockReadGuard::map(value, |value| &value.1))
    }
}

/// Sets the value.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

impl<T> Sender<T> {
    pub(crate) fn get(&self) -> Ref<'_, T> {
        self.0.get().1
    }

    /// Changes the value, if `change` says that it did.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value = self.0.value.write();
        let changed = change(&mut value.1);
        value.0 += u64::from(changed);
        drop(value);
        if changed {
            self.0.wake();
        }
        changed
    }

    /// Sets the value; nobody is woken if it was that already.
    pub(crate) fn set(&self, to: T)
    where
        T: PartialEq,
    {
        self.change(|value| {
            let changed = *value != to;
            *value = to;
            changed
        });
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.living.load(Ordering::SeqCst) > 0
    }

    /// One more watcher, who has seen the value as it is.
    pub(crate) fn watch(&self) -> Watch<T> {
        Watch::new(self.0.clone(), self.0.value.read().0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.0.senders.fetch_add(1, Ordering::SeqCst);
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.wake();
        }
    }
}

/// Watches a value. Each clone sees each change for itself.
pub struct Watch<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
    number: u64,
}

/// Whoever set the value is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody sets the value any more")]
pub struct Unwatched;

impl<T> Watch<T> {
    fn new(shared: Arc<Shared<T>>, seen: u64) -> Watch<T> {
        let number = shared.watchers.fetch_add(1, Ordering::SeqCst);
        shared.living.fetch_add(1, Ordering::SeqCst);
        Watch { shared, seen, number }
    }

    /// The value as it is.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.shared.get().1.clone()
    }

    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        self.shared.get().1
    }

    pub(crate) fn borrow_and_see(&mut self) -> Ref<'_, T> {
        let (seen, value) = self.shared.get();
        self.seen = seen;
        value
    }

    /// Waits until the value is another than the one last waited for.
    ///
    /// Errors: when nobody will set it again.
    pub fn changed(&mut self) -> impl Future<Output = Result<(), Unwatched>> + Send
    where
        T: Send + Sync,
    {
        std::future::poll_fn(|poller| {
            // First noted, then looked: a change in between wakes for nothing, but is not missed.
            self.shared.wakers.lock().insert(self.number, poller.waker().clone());
            let now = self.shared.value.read().0;
            let outcome = if now != self.seen {
                self.seen = now;
                Ok(())
            } else if self.shared.senders.load(Ordering::SeqCst) == 0 {
                Err(Unwatched)
            } else {
                return Poll::Pending;
            };
            self.shared.wakers.lock().remove(&self.number);
            Poll::Ready(outcome)
        })
    }

    /// Waits until the value is as wanted, which it may be already.
    ///
    /// Errors: when nobody will set it again.
    pub async fn until(&mut self, mut wanted: impl FnMut(&T) -> bool + Send) -> Result<T, Unwatched>
    where
        T: Clone + Send + Sync,
    {
        loop {
            {
                let value = self.borrow_and_see();
                if wanted(&value) {
                    return Ok(value.clone());
                }
            }
            self.changed().await?;
        }
    }
}

impl<T> Clone for Watch<T> {
    fn clone(&self) -> Watch<T> {
        Watch::new(self.shared.clone(), self.seen)
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        self.shared.wakers.lock().remove(&self.number);
        self.shared.living.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn each_watcher_sees_each_change_once() {
        let (sender, mut one) = watch(1);
        let mut two = one.clone();
        assert_eq!(one.changed().now_or_never(), None);
        sender.set(2);
        sender.set(2);
        assert_eq!(one.changed().now_or_never(), Some(Ok(())));
        assert_eq!(one.changed().now_or_never(), None);
        assert_eq!(two.until(|value| *value == 2).now_or_never(), Some(Ok(2)));
        drop(sender);
        assert_eq!(one.changed().now_or_never(), Some(Err(Unwatched)));
    }

    #[test]
    fn nobody_watches_once_all_are_gone() {
        let (sender, one) = watch(1);
        let two = sender.watch();
        drop(one);
        assert!(sender.is_watched());
        drop(two);
        assert!(!sender.is_watched());
    }
}

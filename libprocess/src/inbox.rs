//! What other threads leave for a shard, and how it hears of it.
//!
//! ```text
//!  who leaves:  lock ─ put, mail ← true ─ unlock ──► wake, unless there was mail before
//!  the shard:   mail? ── lock ─ take all, mail ← false ─ unlock
//!  falls asleep: register the waker ── mail? ── sleep only if not
//! ```
//!
//! `tests/wake.rs` goes through every interleaving of these: nothing is lost, and no shard sleeps while
//! something waits for it.

use std::task::Waker;

use crate::sync::{AtomicBool, AtomicWaker, Mutex, Ordering};

/// Processes to be turned, by key, and commands to be run.
pub(crate) struct Inbox<K, C> {
    left: Mutex<Left<K, C>>,
    /// Something was left; set and cleared under the lock.
    mail: AtomicBool,
    waker: AtomicWaker,
}

/// What was left.
pub(crate) struct Left<K, C> {
    pub(crate) ready: Vec<K>,
    pub(crate) commands: Vec<C>,
}

impl<K, C> Default for Left<K, C> {
    fn default() -> Left<K, C> {
        Left { ready: Vec::new(), commands: Vec::new() }
    }
}

impl<K, C> Inbox<K, C> {
    pub(crate) fn new() -> Inbox<K, C> {
        Inbox { left: Mutex::new(Left::default()), mail: AtomicBool::new(false), waker: AtomicWaker::new() }
    }

    /// Leaves something, and wakes the shard if it has not been woken for what was left before.
    pub(crate) fn leave(&self, put: impl FnOnce(&mut Left<K, C>)) {
        let mut left = self.left.lock();
        put(&mut left);
        let first = !self.mail.swap(true, Ordering::SeqCst);
        drop(left);
        if first {
            self.waker.wake();
        }
    }

    pub(crate) fn has_mail(&self) -> bool {
        self.mail.load(Ordering::SeqCst)
    }

    /// Swaps what was left for `empty`, which the next will be put into.
    pub(crate) fn take(&self, empty: &mut Left<K, C>) {
        let mut left = self.left.lock();
        self.mail.store(false, Ordering::SeqCst);
        std::mem::swap(&mut *left, empty);
    }

    /// Whom to wake. To be called before the look that decides about sleeping.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Wakes the shard for something else than mail.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }
}

//! Wake-ups for tasks that wait on a shard's own thread: timers of the shard instead of sleeps of the
//! reactor, since nearly all of them are called off.

use std::task::Waker;
use std::time::Duration;

use hashbrown::HashTable;

use crate::Runtime;
use crate::shard::Local;
use crate::timers::spread;

/// Who is to be woken, by timer. Nobody sees its order.
#[derive(Default)]
pub(crate) struct Bells(HashTable<(u64, Waker)>);

impl Bells {
    fn hang(&mut self, timer: u64, waker: Waker) {
        self.0.insert_unique(spread(timer), (timer, waker), |(timer, _)| spread(*timer));
    }

    fn find(&mut self, timer: u64) -> Option<&mut Waker> {
        self.0.find_mut(spread(timer), |(known, _)| *known == timer).map(|(_, waker)| waker)
    }

    pub(crate) fn remove(&mut self, timer: u64) -> Option<Waker> {
        let found = self.0.find_entry(spread(timer), |(known, _)| *known == timer).ok()?;
        Some(found.remove().0.1)
    }
}

/// A wake-up that was ordered on a shard; called off when dropped there.
pub(crate) struct Bell {
    shard: u64,
    timer: u64,
}

impl Bell {
    /// Orders one, if the calling thread is a shard of this runtime.
    pub(crate) fn set(runtime: &Runtime, deadline: Duration, waker: &Waker) -> Option<Bell> {
        Local::here(|local| {
            if !runtime.shards().iter().any(|shard| shard.id == local.id()) || !runtime.is_real() {
                return None;
            }
            let timer = local.set_bell(deadline);
            local.bells.borrow_mut().hang(timer, waker.clone());
            Some(Bell { shard: local.id(), timer })
        })?
    }

    /// Whether it has rung; if not, `waker` is whom it will wake. `None` on any other thread.
    pub(crate) fn has_rung(&self, waker: &Waker) -> Option<bool> {
        self.at_home(|local| {
            let mut bells = local.bells.borrow_mut();
            let Some(known) = bells.find(self.timer) else { return true };
            let other = (!known.will_wake(waker)).then(|| std::mem::replace(known, waker.clone()));
            // Whom it would have woken may go with it: not while the bells are lent out.
            drop(bells);
            drop(other);
            false
        })
    }

    fn at_home<T>(&self, work: impl FnOnce(&Local) -> T) -> Option<T> {
        Local::here(|local| (local.id() == self.shard).then(|| work(local)))?
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // Elsewhere it wakes somebody for nothing, once.
        self.at_home(|local| {
            let waker = local.bells.borrow_mut().remove(self.timer);
            if waker.is_some() {
                local.timers.borrow_mut().cancel(self.timer);
            }
        });
    }
}

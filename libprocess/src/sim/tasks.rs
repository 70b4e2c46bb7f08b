//! Futures that stay on the simulation's thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Context;

use futures_util::future::LocalBoxFuture;

use super::core::{Core, Ready, Waiter};

/// All tasks of all nodes.
#[derive(Default)]
pub(super) struct Tasks {
    /// Shape: (life of a node, number) → task, so that a node's tasks lie together.
    slots: RefCell<BTreeMap<(u32, u64), Slot>>,
    last: Cell<u64>,
}

struct Slot {
    /// Not here while it is polled.
    future: Option<LocalBoxFuture<'static, ()>>,
    waiter: Arc<Waiter>,
}

impl Tasks {
    /// Starts a task; it is polled when it is drawn.
    pub(super) fn spawn(&self, core: &Arc<Core>, life: u32, future: LocalBoxFuture<'static, ()>) -> u64 {
        self.last.set(self.last.get() + 1);
        let number = self.last.get();
        let waiter = Waiter::new(core.clone(), Ready::Task { life, number });
        waiter.waker().wake_by_ref();
        self.slots.borrow_mut().insert((life, number), Slot { future: Some(future), waiter });
        number
    }

    /// Whether a task has neither ended nor been ended.
    pub(super) fn has(&self, life: u32, number: u64) -> bool {
        self.slots.borrow().contains_key(&(life, number))
    }

    /// Polls a task, unless it is gone.
    pub(super) fn poll(&self, life: u32, number: u64) {
        let key = (life, number);
        let taken = {
            let mut slots = self.slots.borrow_mut();
            slots.get_mut(&key).and_then(|slot| Some((slot.future.take()?, slot.waiter.clone())))
        };
        let Some((mut future, waiter)) = taken else { return };
        waiter.begin();
        let done = future.as_mut().poll(&mut Context::from_waker(&waiter.waker())).is_ready();
        let mut slots = self.slots.borrow_mut();
        match slots.get_mut(&key) {
            Some(slot) if !done => slot.future = Some(future),
            // It ended, or was ended by what it did: it goes without anything borrowed.
            _ => {
                let slot = slots.remove(&key);
                drop(slots);
                drop((slot, future));
            }
        }
    }

    pub(super) fn abort(&self, life: u32, number: u64) {
        let slot = self.slots.borrow_mut().remove(&(life, number));
        drop(slot);
    }

    /// Ends the tasks of a node.
    pub(super) fn abort_all(&self, life: u32) {
        let mut slots = self.slots.borrow_mut();
        let of: Vec<(u32, u64)> = slots.range((life, 0)..=(life, u64::MAX)).map(|(key, _)| *key).collect();
        let gone: Vec<Slot> = of.iter().filter_map(|key| slots.remove(key)).collect();
        drop(slots);
        drop(gone);
    }
}

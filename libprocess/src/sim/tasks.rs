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
    slots: RefCell<BTreeMap<u64, Slot>>,
    last: Cell<u64>,
}

struct Slot {
    life: u32,
    /// Not here while it is polled.
    future: Option<LocalBoxFuture<'static, ()>>,
    waiter: Arc<Waiter>,
}

impl Tasks {
    /// Starts a task; it is polled when it is drawn.
    pub(super) fn spawn(&self, core: &Arc<Core>, life: u32, future: LocalBoxFuture<'static, ()>) -> u64 {
        self.last.set(self.last.get() + 1);
        let number = self.last.get();
        let waiter = Waiter::new(core.clone(), Ready::Task(number));
        waiter.waker().wake_by_ref();
        self.slots.borrow_mut().insert(number, Slot { life, future: Some(future), waiter });
        number
    }

    /// The node a task belongs to; nobody's once it is gone.
    pub(super) fn whose(&self, number: u64) -> Option<u32> {
        self.slots.borrow().get(&number).map(|slot| slot.life)
    }

    /// Polls a task, unless it is gone.
    pub(super) fn poll(&self, number: u64) {
        let taken = {
            let mut slots = self.slots.borrow_mut();
            slots.get_mut(&number).and_then(|slot| Some((slot.future.take()?, slot.waiter.clone())))
        };
        let Some((mut future, waiter)) = taken else { return };
        waiter.begin();
        let done = future.as_mut().poll(&mut Context::from_waker(&waiter.waker())).is_ready();
        let mut slots = self.slots.borrow_mut();
        match slots.get_mut(&number) {
            Some(slot) if !done => slot.future = Some(future),
            // It ended, or was ended by what it did: it goes without anything borrowed.
            _ => {
                let slot = slots.remove(&number);
                drop(slots);
                drop((slot, future));
            }
        }
    }

    pub(super) fn abort(&self, number: u64) {
        let slot = self.slots.borrow_mut().remove(&number);
        drop(slot);
    }

    /// Ends the tasks of a node.
    pub(super) fn abort_all(&self, life: u32) {
        let mut slots = self.slots.borrow_mut();
        let of: Vec<u64> =
            slots.iter().filter(|(_, slot)| slot.life == life).map(|(number, _)| *number).collect();
        let gone: Vec<Slot> = of.iter().filter_map(|number| slots.remove(number)).collect();
        drop(slots);
        drop(gone);
    }
}

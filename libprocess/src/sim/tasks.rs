//! Futures that stay on the simulation's thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Context;

use futures_util::future::LocalBoxFuture;
use slab::Slab;

use super::core::{Core, Ready, Waiter};

/// A task's name. Those that began earlier are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// The how-manieth.
    pub(super) number: u64,
    /// Where it lies, and after its end another.
    place: usize,
}

impl Name {
    const FIRST: Name = Name { number: 0, place: 0 };
    const LAST: Name = Name { number: u64::MAX, place: usize::MAX };
}

/// All tasks of all nodes.
#[derive(Default)]
pub(super) struct Tasks {
    slots: RefCell<Slab<Slot>>,
    /// Whose they are. Shape: (life of a node, task).
    whose: RefCell<BTreeSet<(u32, Name)>>,
    last: Cell<u64>,
}

struct Slot {
    number: u64,
    /// Not here while it is polled.
    future: Option<LocalBoxFuture<'static, ()>>,
    waiter: Arc<Waiter>,
}

impl Tasks {
    /// Starts a task; it is polled when it is drawn.
    pub(super) fn spawn(&self, core: &Arc<Core>, life: u32, future: LocalBoxFuture<'static, ()>) -> Name {
        let number = self.last.get() + 1;
        self.last.set(number);
        let mut slots = self.slots.borrow_mut();
        let slot = slots.vacant_entry();
        let task = Name { number, place: slot.key() };
        let waiter = Waiter::new(core.clone(), Ready::Task { life, task });
        waiter.waker().wake_by_ref();
        slot.insert(Slot { number, future: Some(future), waiter });
        self.whose.borrow_mut().insert((life, task));
        task
    }

    /// Whether a task has neither ended nor been ended.
    pub(super) fn has(&self, task: Name) -> bool {
        self.slots.borrow().get(task.place).is_some_and(|slot| slot.number == task.number)
    }

    /// Polls a task of a node, unless it is gone.
    pub(super) fn poll(&self, life: u32, task: Name) {
        let taken = {
            let mut slots = self.slots.borrow_mut();
            let slot = slots.get_mut(task.place).filter(|slot| slot.number == task.number);
            slot.and_then(|slot| Some((slot.future.take()?, slot.waiter.clone())))
        };
        let Some((mut future, waiter)) = taken else { return };
        waiter.begin();
        let done = future.as_mut().poll(&mut Context::from_waker(&waiter.waker())).is_ready();
        let mut slots = self.slots.borrow_mut();
        match slots.get_mut(task.place).filter(|slot| slot.number == task.number) {
            Some(slot) if !done => slot.future = Some(future),
            // It ended, or was ended by what it did: it goes without anything borrowed.
            _ => {
                drop(slots);
                self.abort(life, task);
                drop(future);
            }
        }
    }

    /// Ends a task of a node, unless it has ended.
    pub(super) fn abort(&self, life: u32, task: Name) {
        let known = self.whose.borrow_mut().remove(&(life, task));
        let slot = known.then(|| self.slots.borrow_mut().remove(task.place));
        drop(slot);
    }

    /// Ends the tasks of a node.
    pub(super) fn abort_all(&self, life: u32) {
        let of: Vec<Name> = {
            let whose = self.whose.borrow();
            whose.range((life, Name::FIRST)..=(life, Name::LAST)).map(|(_, task)| *task).collect()
        };
        of.into_iter().for_each(|task| self.abort(life, task));
    }
}

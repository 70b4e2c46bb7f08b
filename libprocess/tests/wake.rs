//! Every interleaving of those who push and of the shard that turns: nothing is lost, and nobody sleeps
//! while something waits. The files under test are the runtime's own, with loom's threads under them.

#[path = "../src/mailbox/due.rs"]
mod due;
#[allow(dead_code, reason = "the runtime wakes its shards for more than mail")]
#[path = "../src/inbox.rs"]
mod inbox;

/// In the place of the runtime's own.
mod sync {
    use std::task::Waker;

    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};

    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("nobody panics with it")
        }
    }

    #[derive(Default)]
    pub(crate) struct AtomicWaker(loom::future::AtomicWaker);

    impl AtomicWaker {
        pub(crate) fn new() -> AtomicWaker {
            AtomicWaker::default()
        }

        pub(crate) fn register(&self, waker: &Waker) {
            self.0.register_by_ref(waker);
        }

        pub(crate) fn wake(&self) {
            self.0.wake();
        }
    }
}

use std::future::poll_fn;
use std::task::Poll;

use due::Due;
use inbox::{Inbox, Left};
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use sync::Mutex;

/// Every order in which no more than two switches come where a thread could have gone on: beyond that,
/// mistakes are hardly found, and it takes minutes.
fn explore(work: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(work);
}

/// What a shard does between two sleeps: takes its mail, if there is any.
fn sleep_and_take(inbox: &Inbox<u8, u8>, left: &mut Left<u8, u8>) {
    block_on(poll_fn(|poller| {
        inbox.register(poller.waker());
        if inbox.has_mail() { Poll::Ready(()) } else { Poll::Pending }
    }));
    inbox.take(left);
}

#[test]
fn a_shard_wakes_for_all_that_is_left_for_it() {
    explore(|| {
        let inbox = Arc::new(Inbox::<u8, u8>::new());
        let leave = |put: fn(&mut Left<u8, u8>)| {
            let inbox = inbox.clone();
            thread::spawn(move || inbox.leave(put))
        };
        let threads = [leave(|left| left.ready.push(1)), leave(|left| left.commands.push(2))];
        let (mut ready, mut commands) = (Vec::new(), Vec::new());
        let mut left = Left::default();
        while ready.len() + commands.len() < 2 {
            sleep_and_take(&inbox, &mut left);
            ready.append(&mut left.ready);
            commands.append(&mut left.commands);
        }
        assert_eq!((ready, commands), (vec![1], vec![2]));
        assert!(!inbox.has_mail());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A process as far as pushes and turns go: what waits in its lane, and whether a turn is due.
struct Lane {
    waits: usize,
    futures: bool,
    due: Due,
}

/// Lets a process start and have turns of one message each, until it has handled `messages` and, if there
/// are any, polled its futures; `meanwhile` is what others do to it.
fn turns(messages: usize, futures: bool, meanwhile: &[fn(&mut Lane) -> bool]) {
    let inbox = Arc::new(Inbox::<u8, u8>::new());
    let lane = Arc::new(Mutex::new(Lane { waits: 0, futures: false, due: Due::Scheduled }));
    let others: Vec<_> = meanwhile
        .iter()
        .map(|act| {
            let (inbox, lane, act) = (inbox.clone(), lane.clone(), *act);
            thread::spawn(move || {
                let tell = act(&mut lane.lock());
                if tell {
                    inbox.leave(|left| left.ready.push(0));
                }
            })
        })
        .collect();
    let mut again = {
        let mut lane = lane.lock();
        !(lane.waits == 0 && lane.due.rests())
    };
    let (mut handled, mut polled, mut left) = (0, false, Left::default());
    while handled < messages || polled != futures {
        if !again {
            sleep_and_take(&inbox, &mut left);
            assert_eq!(left.ready.drain(..).count(), 1, "named once, and not while it is scheduled");
        }
        let mut lane = lane.lock();
        if lane.waits > 0 {
            lane.waits -= 1;
            handled += 1;
        }
        again = lane.waits > 0;
        if lane.due.taken(again) {
            assert!(std::mem::take(&mut lane.futures));
            polled = true;
        }
    }
    assert_eq!(lane.lock().due, Due::No);
    others.into_iter().for_each(|other| other.join().unwrap());
}

fn push(lane: &mut Lane) -> bool {
    lane.waits += 1;
    lane.due.pushed()
}

fn wake(lane: &mut Lane) -> bool {
    lane.futures = true;
    lane.due.woken()
}

#[test]
fn a_process_has_turns_for_all_that_is_pushed_and_is_named_once_for_each() {
    explore(|| turns(2, false, &[push, push]));
}

#[test]
fn futures_that_are_woken_are_polled_whatever_else_comes() {
    explore(|| turns(1, true, &[push, wake]));
}

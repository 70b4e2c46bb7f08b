//! A future that is polled only when it asked for it, beside others that are polled all the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Spares whoever waits for a socket the look at a clock each time something is read.
pub(super) struct Rarely<F> {
    future: F,
    call: Arc<Call>,
    waker: Waker,
}

struct Call {
    called: AtomicBool,
    parent: AtomicWaker,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.called.store(true, Ordering::Release);
        self.parent.wake();
    }
}

pub(super) fn rarely<F: Future + Unpin>(future: F) -> Rarely<F> {
    let call = Arc::new(Call { called: AtomicBool::new(true), parent: AtomicWaker::new() });
    Rarely { future, waker: Waker::from(call.clone()), call }
}

impl<F: Future + Unpin> Future for Rarely<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<F::Output> {
        if !self.call.called.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        // Registered before the call is answered, so that the next one finds somebody to wake.
        self.call.parent.register(poller.waker());
        self.call.called.store(false, Ordering::Release);
        let this = &mut *self;
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn it_is_polled_when_it_was_woken_and_not_otherwise() {
        let mut polls = 0;
        let (done, mut end) = oneshot::channel::<()>();
        let mut future = rarely(std::future::poll_fn(|poller| {
            polls += 1;
            end.poll_unpin(poller)
        }));
        for _ in 0..10 {
            assert!((&mut future).now_or_never().is_none());
        }
        done.send(()).unwrap();
        assert!((&mut future).now_or_never().is_some());
        drop(future);
        assert_eq!(polls, 2);
    }
}

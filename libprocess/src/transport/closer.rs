//! How a connection that reads is told to end.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::task::AtomicWaker;

use crate::Principal;

/// Ends an incoming connection from elsewhere.
pub(super) struct Closer {
    /// Who is at its other end.
    pub(super) principal: Option<Principal>,
    closed: AtomicBool,
    waker: AtomicWaker,
}

impl Closer {
    pub(super) fn new(principal: Option<Principal>) -> Closer {
        Closer { principal, closed: AtomicBool::new(false), waker: AtomicWaker::new() }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(super) async fn wait(&self) {
        std::future::poll_fn(|poller| {
            self.waker.register(poller.waker());
            match self.closed.load(Ordering::Acquire) {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

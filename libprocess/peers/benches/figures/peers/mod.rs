//! The same work done with what others offer, each on one thread.

pub(crate) mod channel;
pub(crate) mod kameo;
pub(crate) mod ractor;

use std::future::Future;

use tokio::task::LocalSet;

/// What is told: a number, and with the last of a batch the way back.
pub(crate) type Back = tokio::sync::oneshot::Sender<()>;

/// Says that a batch is done, or a ring, to who waits for it.
pub(crate) fn answer(back: Option<Back>) {
    if let Some(back) = back {
        let _ = back.send(());
    }
}

/// Runs on a reactor of this thread's own.
pub(crate) fn on_tokio(work: impl Future<Output = f64>) -> f64 {
    let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a reactor");
    let cost = LocalSet::new().block_on(&reactor, work);
    reactor.shutdown_background();
    cost
}

//! Again and again, until it breaks.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::task::Poll;
use std::time::Duration;

use crate::Runtime;

/// Runs `body` until it breaks, and is what it breaks with. Others of the thread have a turn between
/// two rounds, however quick they are.
///
/// ```
/// # let node = libprocess::Runtime::start(libprocess::Config { listen: None, http_workers: 0, ..Default::default() })?;
/// use libprocess::toolbox::repeat;
/// use std::ops::ControlFlow::{Break, Continue};
///
/// let mut rounds = 0;
/// let done = node.block_on(repeat(|| {
///     rounds += 1;
///     std::future::ready(if rounds < 10_000 { Continue(()) } else { Break(rounds) })
/// }));
/// assert_eq!(done, 10_000);
/// # node.shutdown();
/// # Ok::<(), libprocess::StartError>(())
/// ```
pub async fn repeat<T, F>(mut body: impl FnMut() -> F) -> T
where
    F: Future<Output = ControlFlow<T>>,
{
    loop {
        if let ControlFlow::Break(done) = body().await {
            return done;
        }
        yield_once().await;
    }
}

impl Runtime {
    /// Runs `body` at once and then every `period`, until it breaks. A round that takes longer than
    /// the period is followed by the next at once; rounds that were slept through are not made up for.
    pub async fn repeat_every<T, F>(&self, period: Duration, mut body: impl FnMut() -> F) -> T
    where
        F: Future<Output = ControlFlow<T>>,
    {
        let mut next = self.elapsed();
        loop {
            if let ControlFlow::Break(done) = body().await {
                return done;
            }
            let now = self.elapsed();
            next = next.saturating_add(period).max(now);
            if next > now {
                self.sleep(next - now).await;
            } else {
                yield_once().await;
            }
        }
    }
}

/// Lets everybody else have a turn.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|poller| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        poller.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;

    #[test]
    fn rounds_keep_their_period_and_a_slow_one_is_not_made_up_for() {
        let mut sim = Sim::new(1);
        let node = sim.node("10.0.0.1:5050");
        let second = Duration::from_secs(1);
        let mut began = Vec::new();
        let clock = node.clone();
        let rounds = sim.block_on(node.repeat_every(second, || {
            began.push(clock.elapsed());
            let (round, clock) = (began.len(), clock.clone());
            async move {
                if round == 2 {
                    clock.sleep(second * 5 / 2).await;
                }
                if round == 4 { ControlFlow::Break(round) } else { ControlFlow::Continue(()) }
            }
        }));
        assert_eq!(rounds, 4);
        assert_eq!(began, [Duration::ZERO, second, second * 7 / 2, second * 9 / 2]);
    }
}

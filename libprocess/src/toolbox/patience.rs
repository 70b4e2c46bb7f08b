//! What may not take longer, and what is to come later, on the runtime's clock.

use std::future::Future;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::Backoff;
use crate::Runtime;

/// What was awaited took too long, and was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not done within {0:?}")]
pub struct TimedOut(pub Duration);

impl Runtime {
    /// Awaits `work`, but no longer than `within`; then it is dropped.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let mut sim = libprocess::sim::Sim::new(1);
    /// # let node = sim.node("10.0.0.1:5050");
    /// use libprocess::toolbox::TimedOut;
    ///
    /// let minute = Duration::from_secs(60);
    /// sim.block_on(async {
    ///     assert_eq!(node.timeout(minute, async { 1 }).await, Ok(1));
    ///     assert_eq!(node.timeout(minute, std::future::pending::<()>()).await, Err(TimedOut(minute)));
    /// });
    /// ```
    pub async fn timeout<F: Future>(&self, within: Duration, work: F) -> Result<F::Output, TimedOut> {
        match select(std::pin::pin!(work), self.sleep(within)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(TimedOut(within)),
        }
    }

    /// Awaits `work`, which begins after a while.
    pub async fn after<F: Future>(&self, delay: Duration, work: F) -> F::Output {
        self.sleep(delay).await;
        work.await
    }

    /// Tries until it works, at most `attempts` times, waiting longer each time; then the last error
    /// stands. `purpose` names the chance that spreads the waits.
    ///
    /// ```
    /// # let mut sim = libprocess::sim::Sim::new(1);
    /// # let node = sim.node("10.0.0.1:5050");
    /// use libprocess::toolbox::Backoff;
    ///
    /// let mut tried = 0;
    /// let third = sim.block_on(node.retry("fetching", Backoff::default(), 5, || {
    ///     tried += 1;
    ///     std::future::ready(if tried < 3 { Err("not yet") } else { Ok(tried) })
    /// }));
    /// assert_eq!(third, Ok(3));
    /// ```
    pub async fn retry<T, E, F>(
        &self,
        purpose: &str,
        backoff: Backoff,
        attempts: u32,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut rng = self.environment().rng.stream(purpose);
        let mut failures = 0;
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => {
                    failures += 1;
                    if failures >= attempts {
                        return Err(error);
                    }
                    self.sleep(backoff.draw(failures, &mut rng)).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;

    #[test]
    fn the_last_error_stands_after_as_many_attempts_as_were_given() {
        let mut sim = Sim::new(1);
        let node = sim.node("10.0.0.1:5050");
        let second = Duration::from_secs(1);
        let backoff = Backoff::new(second, second * 60).jitter(super::super::Jitter::None);
        let mut tried = 0;
        let failed: Result<(), u32> = sim.block_on(node.retry("test", backoff, 4, || {
            tried += 1;
            std::future::ready(Err(tried))
        }));
        assert_eq!(failed, Err(4));
        assert_eq!(node.elapsed(), second * (1 + 2 + 4));
    }

    #[test]
    fn what_comes_later_comes_later() {
        let mut sim = Sim::new(1);
        let node = sim.node("10.0.0.1:5050");
        let minute = Duration::from_secs(60);
        let clock = node.clone();
        assert_eq!(sim.block_on(node.after(minute, async move { clock.elapsed() })), minute);
    }
}

//! One after the other: what is begun waits until all before it is done.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Overloaded;

/// Runs futures one at a time, in the order in which they are first polled. Cheap to clone; clones
/// share the line.
///
/// Who is dropped leaves the line, or ends if its turn had come; the next goes on either way.
///
/// ```
/// use libprocess::toolbox::Sequence;
/// # let node = libprocess::Runtime::start(libprocess::Config { listen: None, http_workers: 0, ..Default::default() })?;
///
/// let writes = Sequence::new(64); // at most so many in the line
/// let answer = node.block_on(writes.run(async { 42 }))?;
/// assert_eq!(answer, 42);
/// # node.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Held by whose turn it is.
    turn: Arc<Semaphore>,
    /// One for each that may be in the line.
    places: Arc<Semaphore>,
}

impl Sequence {
    /// At most `line_max` may be in the line, the one at work included.
    pub fn new(line_max: usize) -> Sequence {
        let places = Semaphore::new(line_max.min(Semaphore::MAX_PERMITS));
        Sequence { turn: Arc::new(Semaphore::new(1)), places: Arc::new(places) }
    }

    /// Waits for its turn, then runs `work`.
    ///
    /// Errors: when the line is full; `work` is dropped then.
    pub async fn run<F: Future>(&self, work: F) -> Result<F::Output, Overloaded> {
        let _place = self.places.try_acquire().map_err(|_| Overloaded)?;
        let _turn = self.turn.acquire().await.expect("never closed");
        Ok(work.await)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;

    use super::*;
    use crate::sim::Sim;

    #[test]
    fn nobody_begins_before_the_last_is_done() {
        let mut sim = Sim::new(1);
        let node = sim.node("10.0.0.1:5050");
        let (sequence, notes) = (Sequence::new(3), Mutex::new(Vec::new()));
        let work = |name: &'static str, takes: u64| {
            let (node, notes) = (node.clone(), &notes);
            async move {
                notes.lock().push((name, "begins"));
                node.sleep(Duration::from_millis(takes)).await;
                notes.lock().push((name, "ends"));
            }
        };
        sim.block_on(async {
            let dropped = async {
                let waits = Box::pin(sequence.run(work("dropped", 1)));
                let late = node.sleep(Duration::from_millis(1));
                futures_util::future::select(waits, late).await;
            };
            let all = (
                sequence.run(work("a", 30)),
                dropped,
                sequence.run(work("b", 1)),
                sequence.run(work("c", 1)),
            );
            let (a, (), b, c) = futures_util::join!(all.0, all.1, all.2, all.3);
            assert_eq!((a, b, c), (Ok(()), Ok(()), Err(Overloaded)));
        });
        assert_eq!(*notes.lock(), [("a", "begins"), ("a", "ends"), ("b", "begins"), ("b", "ends")]);
    }
}

//! Panics of simulated processes, noted instead of printed.
//!
//! A disk that is full ends those who have to write. In a simulation that is what was asked for, and nobody wants a
//! backtrace of each.

use std::cell::RefCell;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use super::world::World;

/// How many are kept; of more, only the last.
const KEPT_MAX: usize = 1_000;

thread_local! {
    /// What was noted; `None` while panics are printed as ever.
    static NOTED: RefCell<Option<Vec<Panicked>>> = const { RefCell::new(None) };
}

/// A panic in code of a simulated node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// Since the simulation began.
    pub at: Duration,
    pub node: SocketAddr,
    /// Its text, and where it began.
    pub what: String,
}

/// Does something during which panics in code of simulated nodes are noted and not printed; gives them with its
/// result. One that no process catches is printed all the same, as it goes on to whoever called.
pub fn quietly<T>(work: impl FnOnce() -> T) -> (T, Vec<Panicked>) {
    let listening = Listening(NOTED.replace(Some(Vec::new())));
    let result = work();
    let noted = NOTED.take().unwrap_or_default();
    drop(listening);
    (result, noted)
}

/// Notes a panic, if it is of a simulated node and somebody listens; says whether it was noted.
pub(crate) fn note(what: impl FnOnce() -> String) -> bool {
    let Some((world, life)) = World::try_here() else { return false };
    let noted = NOTED.try_with(|noted| {
        let mut noted = noted.try_borrow_mut().ok()?;
        let list = noted.as_mut()?;
        list.truncate(KEPT_MAX - 1);
        list.push(Panicked { at: world.core.now(), node: life.runtime.address(), what: what() });
        Some(())
    });
    matches!(noted, Ok(Some(())))
}

/// Restores who listened before.
struct Listening(Option<Vec<Panicked>>);

impl Drop for Listening {
    fn drop(&mut self) {
        let noted = NOTED.replace(self.0.take());
        if std::thread::panicking()
            && let Some(Panicked { at, node, what }) = noted.and_then(|noted| noted.into_iter().next_back())
        {
            drop(writeln!(std::io::stderr(), "at {at:?}, {node}: {what}"));
        }
    }
}

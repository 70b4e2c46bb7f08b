//! Whether a process is to have a turn: said once, however many push.
//!
//! ```text
//!          push, wake: to be said            turn takes all
//!   No ─────────────────────────► Scheduled ───────────────► No
//!                                  │  ▲ more is left, to come again
//!                          futures │  │
//!                                  ▼  │
//!                                 Woken: in the turn, futures go on
//! ```
//!
//! Changed under the lock of the lanes alone. `tests/wake.rs` goes through every interleaving of pushes
//! and turns.

/// Whether a turn is due. Small, as there is one for each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    No,
    /// Nobody need say so again. So it is until the process has started.
    Scheduled,
    /// And in it, futures of the process may go on.
    Woken,
}

impl Due {
    /// Something was pushed. Whether the shard has to be told.
    #[inline]
    pub(crate) fn pushed(&mut self) -> bool {
        let tell = *self == Due::No;
        if tell {
            *self = Due::Scheduled;
        }
        tell
    }

    /// A future may go on. Whether the shard has to be told.
    pub(crate) fn woken(&mut self) -> bool {
        std::mem::replace(self, Due::Woken) == Due::No
    }

    /// A turn begins, and has taken what it will handle; with `again`, the shard comes back without being
    /// told. Whether futures may go on.
    #[inline]
    pub(crate) fn taken(&mut self, again: bool) -> bool {
        let next = if again { Due::Scheduled } else { Due::No };
        std::mem::replace(self, next) == Due::Woken
    }

    /// Nothing waits: the process rests until something is pushed. False if futures may go on.
    pub(crate) fn rests(&mut self) -> bool {
        let rests = *self != Due::Woken;
        if rests {
            *self = Due::No;
        }
        rests
    }
}

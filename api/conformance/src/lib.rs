//! What a running Mesos answered, beside what we answer: for tests alone.
//!
//! Read in this order:
//! 1. [`capture`]: exchanges that were recorded, one per file;
//! 2. [`compare`]: whether two JSON texts say the same;
//! 3. [`answer`]: whether an answer of ours says what the captured one says;
//! 4. [`judge`]: which differences are meant, and whether they are still there.
//!
//! Left out on purpose: who asks. Each part's tests bring their own story, and a client of their own.

mod answer;
mod capture;
mod compare;
mod judge;

pub use answer::Answer;
pub use capture::{Captures, Exchange, Stream};
pub use compare::differences;
pub use judge::{Deviation, Judge};

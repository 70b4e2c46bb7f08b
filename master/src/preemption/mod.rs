//! Preemption: under strict priority, tasks of lighter roles make room for what a heavier one asks for in vain.
//!
//! Read in this order:
//! 1. [`rank`]: who outranks whom;
//! 2. [`plan`]: what gives way on which agent, a pure rule;
//! 3. [`wishes`]: what frameworks lack, and who was told to go;
//! 4. [`look`]: whoever has waited long enough gets a plan, and who gives way is told by inverse offers;
//! 5. [`overdue`]: who is still there when the grace is over is ended.
//!
//! ```text
//!   REQUEST ── wait ──► look ── offers of lighter roles ──► rescinded
//!                        │
//!                        └──── tasks of lighter roles ──► inverse offer ── grace ──► killed
//! ```
//! What comes free is the allocator's to give, and it asks the heavier role first.

mod look;
mod overdue;
mod plan;
mod rank;
mod wishes;

pub(crate) use look::look;
pub(crate) use overdue::overdue;
pub use wishes::Preemption;
pub(crate) use wishes::{Preemptions, wished};

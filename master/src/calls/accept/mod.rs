//! ACCEPT: a framework uses offers.
//!
//! Read in this order:
//! 1. [`operations`]: take the offers, carry out each operation on what is left, give back the rest;
//! 2. [`take`]: which offers may be used together;
//! 3. [`convert`]: resources become others;
//! 4. [`launch`] and [`launch_group`]: tasks become records and messages;
//! 5. [`validate`] and [`values`]: which tasks may run;
//! 6. [`refuse`]: what a framework is told of what was not done.

mod convert;
mod launch;
mod launch_group;
mod operations;
#[cfg(test)]
mod refusals;
mod refuse;
mod take;
mod validate;
mod values;

pub(super) use operations::accept;

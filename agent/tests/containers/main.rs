//! The containerizer from outside, with real processes: launched, watched, ended, found again.

mod cost;
mod fetch;
mod life;
mod machine;
mod recovery;

//! Whole clusters, small ones.

mod basic;
mod scenarios;
mod seeds;

//! Whole clusters, small ones.

mod basic;

//! The order in which roles, and the frameworks inside a role, are asked.
//!
//! Read in this order:
//! 1. [`tally`]: amounts of scalar resources, by name;
//! 2. [`rank`]: a place in line, and the dominant share it comes from;
//! 3. [`tree`]: the roles as a tree, each level a line of its own, kept in order while shares move;
//! 4. [`walk`]: reading it; [`random`]: the other order, weighted chance.
//!
//! Source: Ghodsi et al., "Dominant resource fairness" (NSDI 2011); Bhattacharya et al., "Hierarchical scheduling for
//! diverse datacenter workloads" (SoCC 2013).

mod random;
pub(crate) mod rank;
pub(crate) mod tally;
pub(crate) mod tree;
mod walk;

use std::time::Duration;

pub(crate) use tally::{Names, Tally};
pub(crate) use tree::{Class, Client, Tree};

/// Which order a sorter keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Who holds the least in proportion to its weight comes first: dominant resource fairness.
    #[default]
    Drf,
    /// Drawn anew for each agent; a weight of two is drawn first twice as often as a weight of one.
    Random,
    /// The heavier role first, whatever it holds; among those of one weight, who holds the least.
    Priority,
    /// Roles that weigh 1 or more are the foreground and come first; the others are the background. A role in the background
    /// that has got nothing for `aging` counts as foreground until it gets something. Within either, dominant resource fairness.
    ///
    /// Source: the multilevel feedback queue of operating systems.
    Multilevel {
        /// How long a role waits at most behind the foreground.
        aging: Duration,
    },
}

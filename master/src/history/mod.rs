//! Histories: whatever happens in whatever order, the books stay balanced, the master's and the allocator's alike.
//!
//! 1. [`steps`]: what can happen;
//! 2. [`play`]: how it does, to a master and the built-in allocator;
//! 3. [`converting`], [`decreeing`]: the parts of it that are about operations, and about what operators decree.

mod converting;
mod decreeing;
mod play;
mod steps;

use proptest::prelude::*;

use play::History;
use steps::steps;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_unbalances_the_books(steps in steps()) {
        let mut history = History::new();
        for step in steps {
            history.step(step);
        }
        history.compare();
    }
}

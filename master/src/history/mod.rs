//! Histories: whatever happens in whatever order, the books stay balanced, the master's and the allocator's alike.
//!
//! 1. [`steps`]: what can happen;
//! 2. [`play`]: how it does, to a master and the built-in allocator;
//! 3. [`converting`], [`decreeing`], [`preempting`]: the parts of it that are about operations, about what operators decree, and about
//!    lighter roles that make room for heavier ones.

mod converting;
mod decreeing;
mod play;
mod preempting;
mod steps;

use proptest::prelude::*;

use play::History;
use steps::steps;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_unbalances_the_books(steps in steps(), preempts in any::<bool>()) {
        let mut history = if preempts { History::preempting() } else { History::new() };
        for step in steps {
            history.step(step);
        }
        history.compare();
    }
}

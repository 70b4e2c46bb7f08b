//! Whether a history of one register could have happened one operation at a time.
//!
//! Wing and Gong's search, with Lowe's memory of where it has been: an operation may come next if it began before any
//! other that is left has ended. One without an answer may have happened at any time after it began, or never.

use std::collections::BTreeSet;

/// What was asked of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    Write(u64),
    /// The second value, if it is the first.
    Swap(u64, u64),
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Value(u64),
    Written,
    Swapped(bool),
}

/// One operation. Unit of its times: events, counted by whoever saw them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) call: Call,
    pub(crate) began: u64,
    /// None: nobody heard what became of it.
    pub(crate) ended: Option<(u64, Answer)>,
}

/// How many operations one register's history may have.
pub(crate) const OPERATIONS_MAX: usize = 128;

/// Whether there is an order of these operations that explains every answer, the register being 0 at first.
pub(crate) fn is_linearizable(history: &[Operation]) -> bool {
    assert!(history.len() <= OPERATIONS_MAX, "a history of {} operations", history.len());
    let answered = history.iter().enumerate().filter(|(_, operation)| operation.ended.is_some());
    let all = answered.fold(0_u128, |all, (number, _)| all | 1 << number);
    let mut been = BTreeSet::new();
    let mut open = vec![(0_u128, 0_u64)];
    while let Some((done, value)) = open.pop() {
        if done & all == all {
            return true;
        }
        if !been.insert((done, value)) {
            continue;
        }
        let left = || history.iter().enumerate().filter(move |(number, _)| done & 1 << number == 0);
        let first_end = left().filter_map(|(_, operation)| operation.ended).map(|(at, _)| at).min();
        for (number, operation) in left() {
            if first_end.is_some_and(|end| operation.began > end) {
                continue;
            }
            if let Some(value) = step(value, operation) {
                open.push((done | 1 << number, value));
            }
        }
    }
    false
}

/// The value after an operation, if it could be answered so.
fn step(value: u64, operation: &Operation) -> Option<u64> {
    let (after, answer) = match operation.call {
        Call::Read => (value, Answer::Value(value)),
        Call::Write(new) => (new, Answer::Written),
        Call::Swap(old, new) if old == value => (new, Answer::Swapped(true)),
        Call::Swap(..) => (value, Answer::Swapped(false)),
    };
    operation.ended.is_none_or(|(_, answered)| answered == answer).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(call: Call, began: u64, ended: u64, answer: Answer) -> Operation {
        Operation { call, began, ended: Some((ended, answer)) }
    }

    fn write(value: u64, began: u64, ended: u64) -> Operation {
        operation(Call::Write(value), began, ended, Answer::Written)
    }

    fn read(value: u64, began: u64, ended: u64) -> Operation {
        operation(Call::Read, began, ended, Answer::Value(value))
    }

    #[test]
    fn operations_at_one_time_may_come_in_any_order() {
        assert!(is_linearizable(&[write(1, 0, 9), read(0, 1, 2), read(1, 3, 4)]));
        assert!(is_linearizable(&[write(1, 0, 9), write(2, 0, 9), read(2, 1, 2), read(1, 3, 4)]));
    }

    #[test]
    fn what_was_read_once_is_not_unread() {
        assert!(!is_linearizable(&[write(1, 0, 9), read(1, 1, 2), read(0, 3, 4)]));
    }

    #[test]
    fn a_read_that_misses_what_was_answered_is_stale() {
        assert!(!is_linearizable(&[write(1, 0, 1), read(0, 2, 3)]));
    }

    #[test]
    fn what_nobody_heard_of_happened_or_did_not() {
        let unheard = Operation { call: Call::Write(7), began: 0, ended: None };
        assert!(is_linearizable(&[unheard, read(0, 1, 2)]));
        assert!(is_linearizable(&[unheard, read(0, 1, 2), read(7, 3, 4)]));
        assert!(!is_linearizable(&[unheard, read(7, 1, 2), read(0, 3, 4)]));
    }

    #[test]
    fn of_two_swaps_of_one_value_one_succeeds() {
        let swap = |new, swapped| operation(Call::Swap(0, new), 0, 9, Answer::Swapped(swapped));
        assert!(is_linearizable(&[swap(1, true), swap(2, false)]));
        assert!(!is_linearizable(&[swap(1, true), swap(2, true)]));
    }

    #[test]
    fn the_search_agrees_with_trying_all_orders() {
        // Three operations, each of a few kinds, over every way their times can overlap.
        let times = [(0, 1), (0, 3), (2, 3), (2, 5), (4, 5)];
        let kinds = [
            (Call::Write(1), Answer::Written),
            (Call::Read, Answer::Value(0)),
            (Call::Read, Answer::Value(1)),
        ];
        for one in 0..15 {
            for two in 0..15 {
                for three in 0..15 {
                    let history = [one, two, three].map(|number| {
                        let ((began, ended), (call, answer)) = (times[number / 3], kinds[number % 3]);
                        operation(call, began, ended, answer)
                    });
                    assert_eq!(is_linearizable(&history), by_all_orders(&history), "{history:?}");
                }
            }
        }
    }

    fn by_all_orders(history: &[Operation; 3]) -> bool {
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        orders.iter().any(|order| {
            let ordered = order.map(|number| history[number]);
            let in_time = (0..3).all(|later| {
                (0..later).all(|earlier| ordered[later].ended.unwrap().0 >= ordered[earlier].began)
            });
            in_time && ordered.iter().try_fold(0, step).is_some()
        })
    }
}

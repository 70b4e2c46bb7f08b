//! A smaller plan that fails in the same way: fewer troubles, fewer orders, fewer jobs.

use super::{Outcome, Plan, run};

/// How many runs a search may take.
const TRIES_MAX: usize = 60;

/// Looks for a smaller plan that still fails; gives the smallest that was found and what came of it.
///
/// Half of a list is left out at a time, then a quarter and so on, as long as that helps. The seed stays, so what is
/// found can be run again. `progress` is told how many tries there were and what is left of the plan.
pub fn shrink(plan: Plan, outcome: Outcome, progress: &mut dyn FnMut(usize, &Plan)) -> (Plan, Outcome) {
    let (mut best, mut worst, mut tries) = (plan, outcome, 0);
    for list in [List::Troubles, List::Orders, List::Jobs] {
        let mut size = list.len(&best).div_ceil(2);
        while size > 0 && tries < TRIES_MAX {
            let mut from = 0;
            while from < list.len(&best) && tries < TRIES_MAX {
                let smaller = list.without(&best, from, size);
                tries += 1;
                progress(tries, &best);
                match run(&smaller, &mut |_, _| {}) {
                    Ok(outcome) if !outcome.wrongs.is_empty() => (best, worst) = (smaller, outcome),
                    _ => from += size,
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }
    (best, worst)
}

/// What may be left out of a plan.
#[derive(Clone, Copy)]
enum List {
    Troubles,
    Orders,
    Jobs,
}

impl List {
    fn len(self, plan: &Plan) -> usize {
        match self {
            List::Troubles => plan.troubles.len(),
            List::Orders => plan.orders.len(),
            List::Jobs => plan.jobs.len(),
        }
    }

    fn without(self, plan: &Plan, from: usize, size: usize) -> Plan {
        let mut plan = plan.clone();
        let gone = from..(from + size).min(self.len(&plan));
        match self {
            List::Troubles => drop(plan.troubles.drain(gone)),
            List::Orders => drop(plan.orders.drain(gone)),
            List::Jobs => drop(plan.jobs.drain(gone)),
        }
        plan
    }
}

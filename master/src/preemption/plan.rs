//! What gives way on which agent so that something fits: a pure rule.
//!
//! Of the agents on which it can be made to fit, that one is taken where the least is lost: where only offers give way, then where
//! the heaviest task that ends is the lightest, then where the fewest end. On an agent offers go first, then the lightest tasks,
//! of those the youngest; and nothing goes without which it fits as well.

use std::cmp::Ordering;

use model::{AgentId, FrameworkId, OfferId, Quantities, TaskId, Time};

/// An agent on which something may be made to fit.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) agent: AgentId,
    /// What nobody else has to give up.
    pub(super) free: Quantities,
    /// What those hold who are outranked.
    pub(super) claims: Vec<Claim>,
}

/// What somebody holds who is outranked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    pub(super) held: Held,
    pub(super) amounts: Quantities,
    /// Of its role, see [`outranked`](super::rank::outranked).
    pub(super) weight: f64,
    /// When it began, if that is known.
    pub(super) since: Option<Time>,
}

/// How it is held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    Offer(OfferId),
    Task(FrameworkId, TaskId),
}

/// What gives way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) agent: AgentId,
    pub(super) gives_way: Vec<Claim>,
}

/// What has to give way for `wanted` to fit on one of the agents. `None`: it fits as it is, or nobody can make it fit.
pub(super) fn plan(wanted: &Quantities, places: impl IntoIterator<Item = Place>) -> Option<Plan> {
    let mut best: Option<Plan> = None;
    for Place { agent, free, claims } in places {
        if free.contains(wanted) {
            return None;
        }
        let Some(gives_way) = yielding(wanted, free, claims) else { continue };
        if best.as_ref().is_none_or(|best| loss(&gives_way, &best.gives_way).is_lt()) {
            best = Some(Plan { agent, gives_way });
        }
    }
    best
}

/// Which of the claims have to go on one agent; `None` if all of them are not enough.
fn yielding(wanted: &Quantities, mut free: Quantities, mut claims: Vec<Claim>) -> Option<Vec<Claim>> {
    claims.sort_by(first_to_go);
    let mut going: Vec<Claim> = Vec::new();
    for claim in claims {
        if free.contains(wanted) {
            break;
        }
        free += &claim.amounts;
        going.push(claim);
    }
    if !free.contains(wanted) {
        return None;
    }
    // What went later may have made what went before superfluous; the last to go are spared first.
    for at in (0..going.len()).rev() {
        let mut without = free.clone();
        without -= &going[at].amounts;
        if without.contains(wanted) {
            free = without;
            going.remove(at);
        }
    }
    Some(going)
}

fn first_to_go(one: &Claim, other: &Claim) -> Ordering {
    let is_task = |claim: &Claim| matches!(claim.held, Held::Task(..));
    is_task(one)
        .cmp(&is_task(other))
        .then(one.weight.total_cmp(&other.weight))
        .then(other.since.cmp(&one.since))
        .then_with(|| one.held.cmp(&other.held))
}

/// Which of two is the smaller loss.
fn loss(one: &[Claim], other: &[Claim]) -> Ordering {
    let measure = |claims: &[Claim]| {
        let tasks = claims.iter().filter(|claim| matches!(claim.held, Held::Task(..)));
        tasks.fold((f64::NEG_INFINITY, 0), |(heaviest, count), task| (task.weight.max(heaviest), count + 1))
    };
    let ((one, few), (other, many)) = (measure(one), measure(other));
    one.total_cmp(&other).then(few.cmp(&many))
}

#[cfg(test)]
mod tests {
    use model::Scalar;
    use proptest::prelude::*;

    use super::*;

    fn cpus(amount: i64) -> Quantities {
        Quantities::from_iter([("cpus", Scalar::whole(amount))])
    }

    fn task(id: &str, amount: i64, weight: f64, second: u64) -> Claim {
        let since = Some(Time::START + std::time::Duration::from_secs(second));
        Claim { held: Held::Task("f".into(), id.into()), amounts: cpus(amount), weight, since }
    }

    fn offer(id: &str, amount: i64) -> Claim {
        Claim { held: Held::Offer(id.into()), amounts: cpus(amount), weight: 1.0, since: None }
    }

    fn place(agent: &str, free: i64, claims: &[Claim]) -> Place {
        Place { agent: agent.into(), free: cpus(free), claims: claims.to_vec() }
    }

    /// The agent and what goes, in words.
    fn told(wanted: i64, places: Vec<Place>) -> Option<String> {
        let Plan { agent, gives_way } = plan(&cpus(wanted), places)?;
        let one = |claim: &Claim| match &claim.held {
            Held::Offer(id) => id.to_string(),
            Held::Task(_, id) => id.to_string(),
        };
        Some(format!("{agent}: {}", gives_way.iter().map(one).collect::<Vec<_>>().join(" ")))
    }

    #[test]
    fn nobody_gives_way_where_it_fits_or_cannot_fit() {
        let claims = [task("t", 1, 1.0, 0)];
        assert_eq!(told(2, vec![place("a", 1, &claims), place("b", 2, &[])]), None);
        assert_eq!(told(3, vec![place("a", 1, &claims)]), None);
    }

    #[test]
    fn offers_go_before_tasks_then_the_lightest_then_the_youngest() {
        let claims =
            [task("old", 1, 1.0, 0), task("heavy", 4, 2.0, 9), offer("o", 1), task("young", 1, 1.0, 5)];
        assert_eq!(told(1, vec![place("a", 0, &claims)]).unwrap(), "a: o");
        assert_eq!(told(2, vec![place("a", 0, &claims)]).unwrap(), "a: o young");
        assert_eq!(told(3, vec![place("a", 0, &claims)]).unwrap(), "a: o young old");
    }

    #[test]
    fn what_is_not_needed_after_all_stays() {
        let claims = [task("small", 1, 1.0, 0), task("large", 8, 2.0, 0)];
        assert_eq!(told(8, vec![place("a", 0, &claims)]).unwrap(), "a: large");
    }

    #[test]
    fn the_agent_is_taken_where_the_least_is_lost() {
        let many = place("many", 0, &[task("a", 1, 1.0, 0), task("b", 1, 1.0, 0)]);
        let heavy = place("heavy", 0, &[task("c", 2, 3.0, 0)]);
        let one = place("one", 0, &[task("d", 2, 1.0, 0)]);
        let offered = place("offered", 0, &[offer("o", 2)]);
        assert_eq!(told(2, vec![many.clone(), heavy.clone()]).unwrap(), "many: a b");
        assert_eq!(told(2, vec![many.clone(), heavy.clone(), one.clone()]).unwrap(), "one: d");
        assert_eq!(told(2, vec![many, heavy, one, offered]).unwrap(), "offered: o");
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let amounts = (0..6_i64, 0..6_i64);
        let one = (amounts, 0..4_u8, 0..9_u64, any::<bool>()).prop_map(
            |((cores, mem), weight, second, offered)| {
                let amounts =
                    Quantities::from_iter([("cpus", Scalar::whole(cores)), ("mem", Scalar::whole(mem))]);
                Claim {
                    amounts,
                    weight: f64::from(weight),
                    ..if offered { offer("", 0) } else { task("", 0, 0.0, second) }
                }
            },
        );
        prop::collection::vec(one, 0..8).prop_map(|claims| {
            let named = claims.into_iter().enumerate().map(|(at, claim)| {
                let held = match claim.held {
                    Held::Offer(_) => Held::Offer(format!("o{at}").as_str().into()),
                    Held::Task(framework, _) => Held::Task(framework, format!("t{at}").as_str().into()),
                };
                Claim { held, ..claim }
            });
            named.collect()
        })
    }

    proptest! {
        #[test]
        fn what_goes_is_enough_and_none_of_it_too_much(
            (cores, mem) in (1..12_i64, 0..12_i64),
            places in prop::collection::vec((0..4_i64, claims()), 0..5),
        ) {
            let wanted = Quantities::from_iter([("cpus", Scalar::whole(cores)), ("mem", Scalar::whole(mem))]);
            let places: Vec<Place> = places
                .into_iter()
                .enumerate()
                .map(|(at, (free, claims))| Place { agent: format!("a{at}").as_str().into(), free: cpus(free), claims })
                .collect();
            let sum = |place: &Place, claims: &[Claim]| {
                claims.iter().fold(place.free.clone(), |mut sum, claim| { sum += &claim.amounts; sum })
            };
            let fits = |place: &Place| sum(place, &[]).contains(&wanted);
            match plan(&wanted, places.clone()) {
                None => prop_assert!(
                    places.iter().any(fits) || places.iter().all(|place| !sum(place, &place.claims).contains(&wanted))
                ),
                Some(Plan { agent, gives_way }) => {
                    prop_assert!(!places.iter().any(fits), "nobody goes where it fits");
                    let place = places.iter().find(|place| place.agent == agent).expect("one of them");
                    prop_assert!(gives_way.iter().all(|claim| place.claims.contains(claim)));
                    prop_assert!(sum(place, &gives_way).contains(&wanted));
                    for at in 0..gives_way.len() {
                        let mut others = gives_way.clone();
                        others.remove(at);
                        prop_assert!(!sum(place, &others).contains(&wanted), "each is needed");
                    }
                }
            }
        }
    }
}

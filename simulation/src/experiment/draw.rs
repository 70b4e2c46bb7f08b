//! What operators do, drawn by chance.

use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Order;
use crate::cluster::{Part, Setup};

/// Draws what operators do between two times, in order of time. What was taken away is given back before the end; of an
/// agent, one thing is done at a time, and so of masters.
pub(super) fn orders(
    setup: &Setup,
    roles: &[&str],
    (from, until): (Duration, Duration),
    every: Duration,
) -> Vec<(Duration, Order)> {
    let mut chance = ChaCha8Rng::seed_from_u64(setup.seed ^ 0x6f70_6572_6174_6f72);
    let (mut orders, mut at) = (Vec::new(), from);
    // Until when an agent is somebody's work; masters are in the last place.
    let mut busy = vec![from; setup.agents + 1];
    let mut masters = setup.masters;
    loop {
        at += every.mul_f64(chance.random_range(0.2..1.8));
        if at >= until {
            orders.sort_by_key(|(at, _)| *at);
            return orders;
        }
        let end = (at + Duration::from_secs_f64(30.0 * chance.random::<f64>() + 1.0)).min(until);
        let agent = chance.random_range(0..setup.agents.max(1));
        let kind = chance.random_range(0..8);
        let place = if kind >= 5 { setup.agents } else { agent };
        if (kind < 3 && setup.agents == 0) || (!(3..5).contains(&kind) && busy[place] > at) {
            continue;
        }
        match kind {
            0 => orders.extend([(at, Order::Drain(agent)), (end, Order::Reactivate(agent))]),
            1 => {
                let (begins, lasts) = ((end - at) / 3, end - at);
                orders.extend([
                    (at, Order::Schedule { agent, begins, lasts }),
                    (at + begins, Order::Down(agent)),
                    (end, Order::Up(agent)),
                ]);
            }
            2 => orders.push((at, Order::Upgrade(Part::Agent(agent)))),
            3 | 4 => orders.extend(shares(&mut chance, roles, (at, end))),
            5 => {
                orders.extend([(at, Order::AddMaster), (end, Order::RemoveMaster(masters))]);
                masters += 1;
            }
            6 => orders.push((at, Order::Upgrade(Part::Master(chance.random_range(0..setup.masters))))),
            _ => orders.push((at, Order::HandOver)),
        }
        if !(3..5).contains(&kind) {
            busy[place] = end;
        }
    }
}

/// A role may have less, or is to have more, for a while.
fn shares(
    chance: &mut ChaCha8Rng,
    roles: &[&str],
    (at, end): (Duration, Duration),
) -> Vec<(Duration, Order)> {
    let Some(role) = roles.choose(chance).map(|role| (*role).to_owned()) else { return Vec::new() };
    if chance.random() {
        let weight = |weight: u32| Order::Weight { role: role.clone(), weight: f64::from(weight) };
        return vec![(at, weight(chance.random_range(2..6))), (end, weight(1))];
    }
    let limits = format!("cpus:{};mem:65536", chance.random_range(1..16)).parse().expect("resources");
    let quota = |limits| Order::Quota { role: role.clone(), limits };
    vec![(at, quota(limits)), (end, quota(Default::default()))]
}

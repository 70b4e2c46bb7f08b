//! What holds of every history: nothing is given twice, shares follow weights, filters are honoured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, FrameworkCapabilities, FrameworkCapability,
    FrameworkId, FrameworkInfo, Quantities, Quota, Resources, Role, Scalar, Time, Weight,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Hierarchical, Settings};
use crate::allocator::{Agent, Allocation, Allocator, Framework};

/// An allocator, the clock and chance it is run with.
struct World {
    allocator: Hierarchical,
    now: Time,
    rng: StdRng,
}

fn resources(text: &str) -> Resources {
    text.parse().expect("resources")
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn framework(id: &str, roles: &[&str], capabilities: &[FrameworkCapability]) -> Framework {
    let mut info = FrameworkInfo::new(id, "root");
    info.roles = roles.iter().map(|role| Role::from(*role)).collect();
    let capabilities = capabilities.iter().copied().chain([FrameworkCapability::MultiRole]);
    info.capabilities = FrameworkCapabilities::from_iter(capabilities);
    Framework { id: id.into(), info: Arc::new(info), suppressed: BTreeSet::new(), constraints: None }
}

fn agent(id: &str, total: &str) -> Agent {
    let total = resources(total);
    let info = AgentInfo {
        id: Some(id.into()),
        hostname: format!("{id}.example"),
        port: 5051,
        resources: total.clone(),
        attributes: Default::default(),
        domain: None,
    };
    let capabilities = AgentCapabilities::from_iter(AgentCapability::ALL);
    Agent { id: id.into(), incarnation: 1, info: Arc::new(info), capabilities, total }
}

impl World {
    fn new(settings: Settings) -> World {
        World { allocator: Hierarchical::new(settings), now: Time::START, rng: StdRng::seed_from_u64(1) }
    }

    fn of(frameworks: &[(&str, &[&str])], agents: &[(&str, &str)]) -> World {
        let mut world = World::new(Settings::default());
        for (id, roles) in frameworks {
            world.allocator.add_framework(framework(id, roles, &[]), &[], true);
        }
        for (id, total) in agents {
            world.allocator.add_agent(agent(id, total), &[]);
        }
        world
    }

    fn allocate(&mut self) -> Vec<Allocation> {
        let allocations = self.allocator.allocate(self.now, &mut self.rng);
        self.allocator.check();
        allocations
    }

    /// Who gets what where, one per line.
    fn offers(&mut self) -> Vec<String> {
        let mut offers: Vec<String> = self
            .allocate()
            .iter()
            .map(|one| format!("{} {} {}", one.framework, one.agent, one.resources.unallocate()))
            .collect();
        offers.sort();
        offers
    }

    fn decline(&mut self, allocation: &Allocation, refuse: Option<Duration>) {
        let Allocation { framework, agent, resources, .. } = allocation;
        self.allocator.recover(framework, agent, resources, refuse, self.now);
    }
}

#[test]
fn an_idle_run_looks_at_nobody() {
    let mut world = World::of(&[("f1", &["a"])], &[("a1", "cpus:4;mem:1024")]);
    assert!(world.allocator.pending());
    assert_eq!(world.offers(), ["f1 a1 cpus:4; mem:1024"]);
    assert!(!world.allocator.pending());
    assert!(world.offers().is_empty());
}

#[test]
fn agents_go_to_frameworks_in_turn() {
    let mut world =
        World::of(&[("f1", &["a"]), ("f2", &["b"])], &[("a1", "cpus:4;mem:1024"), ("a2", "cpus:4;mem:1024")]);
    let mut got: Vec<FrameworkId> = world.allocate().into_iter().map(|one| one.framework).collect();
    got.sort();
    assert_eq!(got, [FrameworkId::from("f1"), FrameworkId::from("f2")]);
}

#[test]
fn what_was_declined_comes_back_after_its_time_and_to_others_at_once() {
    let mut world = World::of(&[("f1", &["a"]), ("f2", &["b"])], &[("a1", "cpus:4;mem:1024")]);
    let first = world.allocate().remove(0);
    world.decline(&first, Some(secs(5)));
    let second = world.allocate().remove(0);
    assert_ne!(first.framework, second.framework);
    world.decline(&second, Some(secs(60)));
    assert!(world.allocate().is_empty());

    assert_eq!(world.allocator.deadline(), Some(world.now + secs(5)));
    world.now = world.now + secs(5);
    let third = world.allocate().remove(0);
    assert_eq!(third.framework, first.framework);
}

#[test]
fn a_filter_lasts_no_less_than_the_allocation_interval() {
    let mut world = World::of(&[("f1", &["a"])], &[("a1", "cpus:4;mem:1024")]);
    let offer = world.allocate().remove(0);
    world.decline(&offer, Some(Duration::from_millis(1)));
    assert_eq!(world.allocator.deadline(), Some(world.now + secs(1)));
}

#[test]
fn more_than_was_refused_passes_the_filter_and_less_does_not() {
    let mut world = World::of(&[("f1", &["a"])], &[("a1", "cpus:4;mem:1024")]);
    let offer = world.allocate().remove(0);
    let role = Role::from("a");
    // A task keeps one cpu; the rest is refused.
    let rest = offer.resources.clone() - resources("cpus:1").allocate(&role);
    world.allocator.recover(&offer.framework, &offer.agent, &rest, Some(secs(60)), world.now);
    assert!(world.allocate().is_empty());

    world.allocator.recover(
        &offer.framework,
        &offer.agent,
        &resources("cpus:1").allocate(&role),
        None,
        world.now,
    );
    assert_eq!(world.offers(), ["f1 a1 cpus:4; mem:1024"]);
}

#[test]
fn revive_ends_filters_and_suppression() {
    let mut world = World::of(&[("f1", &["a", "b"])], &[("a1", "cpus:4;mem:1024")]);
    let f1 = FrameworkId::from("f1");
    for _ in 0..2 {
        let offer = world.allocate().remove(0);
        world.decline(&offer, Some(secs(600)));
    }
    assert!(world.allocate().is_empty());
    world.allocator.revive(&f1, &BTreeSet::from(["b".into()]));
    let offer = world.allocate().remove(0);
    assert_eq!(offer.role, Role::from("b"));

    world.allocator.suppress(&f1, &BTreeSet::new());
    world.decline(&offer, None);
    assert!(world.allocate().is_empty());
    world.allocator.revive(&f1, &BTreeSet::new());
    assert_eq!(world.allocate().len(), 1);
}

#[test]
fn reservations_go_to_their_role_and_those_below_it() {
    let mut world =
        World::of(&[("f1", &["b"]), ("f2", &["a/x"])], &[("a1", "cpus:4;mem:64;cpus(a):2;mem(a):64")]);
    for _ in 0..2 {
        for offer in world.allocate() {
            if offer.framework.as_str() == "f1" {
                assert_eq!(offer.resources.unallocate(), resources("cpus:4;mem:64"));
            } else {
                assert!(offer.resources.unallocate().contains(&resources("cpus(a):2;mem(a):64")));
            }
            world.decline(&offer, None);
        }
    }
}

#[test]
fn gpus_and_old_agents_are_for_those_who_can_live_with_them() {
    let mut world = World::new(Settings::default());
    world.allocator.add_framework(framework("f1", &["a"], &[]), &[], true);
    world.allocator.add_agent(agent("a1", "cpus:4;mem:1024;gpus:1"), &[]);
    let mut old = agent("a2", "cpus:4;mem:1024");
    old.capabilities = AgentCapabilities::default();
    world.allocator.add_agent(old, &[]);
    assert!(world.allocate().is_empty());
    world.allocator.update_framework(framework("f1", &["a"], &[FrameworkCapability::GpuResources]));
    assert_eq!(world.offers(), ["f1 a1 cpus:4; mem:1024; gpus:1"]);
}

#[test]
fn crumbs_are_not_offered() {
    let mut world = World::of(&[("f1", &["a"])], &[("a1", "cpus:0.005;mem:31;disk:100"), ("a2", "mem:32")]);
    assert_eq!(world.offers(), ["f1 a2 mem:32"]);
}

#[test]
fn an_agent_that_is_put_aside_or_not_listed_is_not_offered() {
    let mut world = World::of(&[("f1", &["a"])], &[("a1", "cpus:4"), ("a2", "cpus:2")]);
    world.allocator.deactivate_agent(&"a1".into());
    world.allocator.update_whitelist(Some(BTreeSet::from(["a1.example".into()])));
    assert!(world.allocate().is_empty());
    world.allocator.activate_agent(&"a1".into());
    assert_eq!(world.offers(), ["f1 a1 cpus:4"]);
    world.allocator.update_whitelist(None);
    assert_eq!(world.offers(), ["f1 a2 cpus:2"]);
}

#[test]
fn what_tasks_held_before_a_failover_counts_for_their_framework() {
    let mut world = World::of(&[("f2", &["a"])], &[]);
    let used = resources("cpus:3;mem:512").allocate(&"a".into());
    world.allocator.add_agent(agent("a1", "cpus:4;mem:1024"), &[("f1".into(), used.clone())]);
    world.allocator.add_framework(framework("f1", &["a"], &[]), &[("a1".into(), used.clone())], true);
    assert_eq!(world.offers(), ["f2 a1 cpus:1; mem:512"]);
    world.allocator.remove_framework(&"f1".into());
    assert_eq!(world.offers(), ["f2 a1 cpus:3; mem:512"]);
}

#[test]
fn random_order_gives_everybody_something() {
    let mut world = World::new(Settings { order: crate::allocator::Order::Random, ..Settings::default() });
    for id in ["f1", "f2", "f3"] {
        world.allocator.add_framework(framework(id, &[id], &[]), &[], true);
    }
    for id in 0..60 {
        world.allocator.add_agent(agent(&format!("a{id}"), "cpus:1"), &[]);
    }
    let mut got: BTreeMap<FrameworkId, usize> = BTreeMap::new();
    for one in world.allocate() {
        *got.entry(one.framework).or_default() += 1;
    }
    assert!(got.len() == 3 && got.values().all(|count| *count > 8), "{got:?}");
}

/// One thing that happens to an allocator.
#[derive(Clone, Debug)]
enum Step {
    AddFramework(u8, u8),
    RemoveFramework(u8),
    Connect(u8, bool),
    AddAgent(u8, u8),
    RemoveAgent(u8),
    UseAgent(u8, bool),
    Resize(u8, u8),
    Suppress(u8, bool),
    /// Gives back the nth thing held: all of it or half, refused or not.
    Return(usize, bool, u8),
    Wait(u8),
    /// What a role at the top is promised and may have; none, if both are zero.
    Quota(u8, u8, u8),
    Allocate,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u8..4, 0u8..4).prop_map(|(one, role)| Step::AddFramework(one, role)),
        (0u8..4).prop_map(Step::RemoveFramework),
        (0u8..4, any::<bool>()).prop_map(|(one, on)| Step::Connect(one, on)),
        (0u8..6, 1u8..9).prop_map(|(one, size)| Step::AddAgent(one, size)),
        (0u8..6).prop_map(Step::RemoveAgent),
        (0u8..6, any::<bool>()).prop_map(|(one, on)| Step::UseAgent(one, on)),
        (0u8..6, 1u8..9).prop_map(|(one, size)| Step::Resize(one, size)),
        (0u8..4, any::<bool>()).prop_map(|(one, on)| Step::Suppress(one, on)),
        (any::<usize>(), any::<bool>(), 0u8..9)
            .prop_map(|(which, half, refuse)| Step::Return(which, half, refuse)),
        (0u8..9).prop_map(Step::Wait),
        (0u8..2, 0u8..6, 0u8..9).prop_map(|(role, promised, limit)| Step::Quota(role, promised, limit)),
        Just(Step::Allocate),
        Just(Step::Allocate),
    ];
    proptest::collection::vec(step, 0..120)
}

/// What the world outside knows: which offers are held, and what was refused until when.
#[derive(Default)]
struct Outside {
    held: Vec<Allocation>,
    refused: Vec<(Allocation, Time)>,
    incarnations: BTreeMap<AgentId, u64>,
    totals: BTreeMap<AgentId, Resources>,
    silent: BTreeSet<FrameworkId>,
    absent: BTreeSet<FrameworkId>,
    /// How many cpus roles may have at most.
    limits: BTreeMap<Role, Scalar>,
}

const ROLES: [&str; 4] = ["a", "a/x", "b", "b/y/z"];

impl Outside {
    fn step(&mut self, world: &mut World, step: Step) {
        let f = |one: u8| FrameworkId::from(format!("f{one}"));
        let a = |one: u8| AgentId::from(format!("a{one}"));
        let total = |size: u8| format!("cpus:{size};mem:{};cpus(a):1;ports:[1-{size}]", 64 * u32::from(size));
        match step {
            Step::AddFramework(one, role) => {
                self.silent.remove(&f(one));
                self.absent.remove(&f(one));
                self.refused.retain(|(refused, _)| refused.framework != f(one));
                let roles = [ROLES[usize::from(role)], ROLES[(usize::from(role) + 1) % 4]];
                world.allocator.add_framework(framework(f(one).as_str(), &roles, &[]), &[], true);
            }
            Step::RemoveFramework(one) => {
                self.held.retain(|held| held.framework != f(one));
                self.refused.retain(|(refused, _)| refused.framework != f(one));
                world.allocator.remove_framework(&f(one));
            }
            Step::Connect(one, true) => {
                self.absent.remove(&f(one));
                world.allocator.activate_framework(&f(one));
            }
            Step::Connect(one, false) => {
                self.absent.insert(f(one));
                self.refused.retain(|(refused, _)| refused.framework != f(one));
                world.allocator.deactivate_framework(&f(one));
            }
            Step::AddAgent(one, size) => {
                let mut agent = agent(a(one).as_str(), &total(size));
                agent.incarnation = self.incarnations.get(&a(one)).map_or(1, |before| before + 1);
                self.incarnations.insert(a(one), agent.incarnation);
                self.totals.insert(a(one), agent.total.clone());
                self.drop_agent(&a(one));
                world.allocator.add_agent(agent, &[]);
            }
            Step::RemoveAgent(one) => {
                self.drop_agent(&a(one));
                self.totals.remove(&a(one));
                world.allocator.remove_agent(&a(one));
            }
            Step::UseAgent(one, true) => world.allocator.activate_agent(&a(one)),
            Step::UseAgent(one, false) => world.allocator.deactivate_agent(&a(one)),
            Step::Resize(one, size) => {
                // Shrinking under what is held is the master's to prevent; here only idle agents change.
                if self.totals.contains_key(&a(one)) && self.held.iter().all(|held| held.agent != a(one)) {
                    let mut agent = agent(a(one).as_str(), &total(size));
                    agent.incarnation = self.incarnations[&a(one)];
                    self.totals.insert(a(one), agent.total.clone());
                    self.refused.retain(|(refused, _)| refused.agent != a(one));
                    world.allocator.update_agent(agent);
                }
            }
            Step::Suppress(one, true) => {
                self.silent.insert(f(one));
                world.allocator.suppress(&f(one), &BTreeSet::new());
            }
            Step::Suppress(one, false) => {
                self.silent.remove(&f(one));
                self.refused.retain(|(refused, _)| refused.framework != f(one));
                world.allocator.revive(&f(one), &BTreeSet::new());
            }
            Step::Return(which, half, refuse) => {
                if self.held.is_empty() {
                    return;
                }
                let at = which % self.held.len();
                let mut back = self.held.swap_remove(at);
                if half {
                    let kept = back.resources.filter(|resource| &*resource.name == "cpus");
                    if !kept.is_empty() && kept != back.resources {
                        self.held.push(Allocation { resources: kept.clone(), ..back.clone() });
                        back.resources -= kept;
                    }
                }
                let refuse = (refuse > 0).then(|| secs(refuse.into()));
                world.decline(&back, refuse);
                if let Some(refuse) = refuse.filter(|_| !self.absent.contains(&back.framework)) {
                    self.refused.push((back, world.now + refuse));
                }
            }
            Step::Quota(role, promised, limit) => {
                let cpus = |amount: u8| match amount {
                    0 => Quantities::new(),
                    amount => Quantities::from_iter([("cpus", Scalar::whole(amount.into()))]),
                };
                let limit = if limit == 0 { 0 } else { limit.max(promised) };
                let role = Role::from(["a", "b"][usize::from(role)]);
                match limit {
                    0 => drop(self.limits.remove(&role)),
                    limit => drop(self.limits.insert(role.clone(), Scalar::whole(limit.into()))),
                }
                let quota = Quota { role, guarantees: cpus(promised), limits: cpus(limit) };
                world.allocator.update_quotas(&[quota]);
            }
            Step::Wait(time) => world.now = world.now + secs(time.into()),
            Step::Allocate => {
                for one in world.allocate() {
                    self.judge(world, &one);
                    self.judge_quota(&one);
                    self.held.push(one);
                }
            }
        }
    }

    fn drop_agent(&mut self, agent: &AgentId) {
        self.held.retain(|held| held.agent != *agent);
        self.refused.retain(|(refused, _)| refused.agent != *agent);
    }

    /// Of what is kept for nobody, a role with a limit is given no more than that lets it: what is kept for it counts, too.
    fn judge_quota(&self, one: &Allocation) {
        let top = one.role.top();
        let open = |bag: &Resources| bag.filter(|resource| resource.is_unreserved()).cpus();
        let (Some(limit), given) = (self.limits.get(&Role::from(top)), open(&one.resources)) else { return };
        if given.is_zero() {
            return;
        }
        let held = self.held.iter().filter(|held| held.role.top() == top).map(|held| open(&held.resources));
        let kept = self.totals.values().map(|total| total.reserved(&Role::from(top)).cpus());
        let consumed = held.chain(kept).fold(given, |sum, more| sum + more);
        assert!(consumed <= *limit, "{top} has {consumed} and may have {limit}");
    }

    fn judge(&self, world: &World, one: &Allocation) {
        assert!(!one.resources.is_empty());
        assert_eq!(one.incarnation, self.incarnations[&one.agent]);
        assert!(!self.silent.contains(&one.framework), "{} is suppressed", one.framework);
        assert!(!self.absent.contains(&one.framework), "{} is not connected", one.framework);
        let here = self.held.iter().filter(|held| held.agent == one.agent);
        let held = here.fold(one.resources.unallocate(), |sum, held| sum + held.resources.unallocate());
        let total = &self.totals[&one.agent];
        assert!(total.contains(&held), "{} gives {held} of {total}", one.agent);
        for (refused, until) in &self.refused {
            let same =
                refused.framework == one.framework && refused.agent == one.agent && refused.role == one.role;
            assert!(
                !(same && *until > world.now && refused.resources.contains(&one.resources)),
                "{} refused {} until {until}",
                one.framework,
                refused.resources,
            );
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_given_twice_and_no_refusal_is_overheard(history in steps()) {
        let mut world = World::new(Settings::default());
        let mut outside = Outside::default();
        for step in history {
            outside.step(&mut world, step);
            world.allocator.check();
        }
    }

    /// After a run nobody could be given more: asking everybody about everything again offers nothing.
    #[test]
    fn looking_only_at_what_changed_misses_nothing(history in steps()) {
        let mut world = World::new(Settings::default());
        let mut outside = Outside::default();
        for step in history {
            outside.step(&mut world, step);
        }
        outside.step(&mut world, Step::Allocate);
        world.allocator.dirty.agents = world.allocator.agents.idle.clone();
        let more = world.allocate();
        prop_assert!(more.is_empty(), "{more:?}");
    }

    #[test]
    fn shares_approach_weights(weights in proptest::collection::vec(1u8..6, 2..5)) {
        let mut world = World::new(Settings::default());
        for (index, weight) in weights.iter().enumerate() {
            let (id, role) = (format!("f{index}"), format!("r{index}"));
            world.allocator.add_framework(framework(&id, &[&role], &[]), &[], true);
            world.allocator.update_weights(&[Weight::new(role.as_str().into(), f64::from(*weight)).unwrap()]);
        }
        for index in 0..120 {
            world.allocator.add_agent(agent(&format!("a{index}"), "cpus:2;mem:64"), &[]);
        }
        let mut got: BTreeMap<FrameworkId, Scalar> = BTreeMap::new();
        for one in world.allocate() {
            *got.entry(one.framework).or_default() += one.resources.cpus();
        }
        let all: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        for (index, weight) in weights.iter().enumerate() {
            let fair = 240.0 * f64::from(*weight) / all;
            let share = got[&FrameworkId::from(format!("f{index}"))].as_f64();
            prop_assert!((share - fair).abs() <= 4.0, "f{index} holds {share}, fair is {fair}");
        }
    }
}

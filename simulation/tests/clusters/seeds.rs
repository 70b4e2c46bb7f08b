//! Small clusters with faults, one for each seed; `HECTARE_SEEDS` says how many, `HECTARE_SEED` which one.

use std::time::Duration;

use simulation::{Framework, Kind, Mix, Outcome, Plan, Setup, TaskFaults, run, scenario, shrink};

/// How many are run when nobody says.
const SEEDS: u64 = 2;

/// Every fourth one has operators in it, every third five masters, every fifth begins in the version before.
fn plan(seed: u64) -> Plan {
    let frameworks = vec![Framework::new("web", "prod"), Framework::new("nightly", "batch")];
    let lasts = Duration::from_secs(60);
    let mix = Mix {
        kind: Kind::Mixed,
        frameworks: frameworks.iter().map(|framework| framework.name.clone()).collect(),
        tasks: 40,
        within: lasts / 2,
        mean: Duration::from_secs(15),
        faults: TaskFaults { fails: 0.05, crashes: 0.02, hangs: 0.0 },
    };
    let setup = Setup {
        seed,
        masters: if seed.is_multiple_of(3) { 5 } else { 3 },
        older: seed.is_multiple_of(5),
        agents: 5,
        agent_reregister_timeout: Duration::from_secs(60),
        agent_ping_timeout: Duration::from_secs(5),
        ..Setup::default()
    };
    let jobs = mix.draw(seed);
    let settles = Duration::from_secs(1800);
    let plan = Plan { setup, frameworks, jobs, lasts, settles, ..Plan::default() };
    let plan = plan.troubled(Duration::from_secs(4));
    if seed.is_multiple_of(4) { plan.operated(Duration::from_secs(8)) } else { plan }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_or_given_twice() {
    let seeds = match variable("HECTARE_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=variable("HECTARE_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let outcome = run(&plan(seed), &mut |_, _| {}).unwrap();
        if !outcome.wrongs.is_empty() {
            fail(plan(seed), outcome);
        }
        let finished: u64 = outcome.frameworks.iter().map(|(_, counts)| counts.finished).sum();
        assert!(finished > 0, "seed {seed}: nothing was done");
    }
}

fn fail(plan: Plan, outcome: Outcome) -> ! {
    let seed = plan.setup.seed;
    let before = outcome.wrongs.join("\n  ");
    let (plan, outcome) = shrink(plan, outcome, &mut |_, _| {});
    panic!(
        "seed {seed}:\n  {before}\nthe smallest that fails:\n{}and then:\n  {}\n\
         again: HECTARE_SEED={seed} cargo test -p simulation --test clusters whatever",
        scenario::write(&plan),
        outcome.wrongs.join("\n  ")
    );
}

#[test]
fn one_seed_is_one_history_with_trouble_too() {
    let hash = || {
        let short = Duration::from_secs(20);
        let plan = Plan { lasts: short, settles: Duration::ZERO, ..plan(3) }.troubled(Duration::from_secs(2));
        let outcome = run(&plan, &mut |_, _| {}).unwrap();
        (outcome.trace_hash, outcome.events)
    };
    assert_eq!(hash(), hash());
}

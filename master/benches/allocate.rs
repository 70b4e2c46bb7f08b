//! How long the allocator takes, by the size of the cluster.
//!
//! The published record for 10,000 agents and 200 frameworks on such a machine: adding the agents 0.84 s, a cycle 0.48–0.55 s,
//! a round in which everything is declined 0.6 s; and 345 ms for a cycle of 1,000 × 50 in which everything is filtered.
//!
//! `HECTARE_BENCH_AGENTS` and `HECTARE_BENCH_FRAMEWORKS` set other sizes. `cargo test` runs each once, small.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use master::allocator::hierarchical::Settings;
use master::allocator::{Agent, Allocation, Allocator, Framework, Hierarchical};
use model::{
    AgentCapabilities, AgentCapability, AgentInfo, FrameworkCapabilities, FrameworkCapability, FrameworkInfo,
    Resources, Role, Time,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// As the program has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A cluster's size.
#[derive(Clone, Copy)]
struct Size {
    agents: usize,
    frameworks: usize,
}

impl Size {
    fn name(self) -> String {
        format!("{}x{}", self.agents, self.frameworks)
    }
}

fn sizes() -> Vec<Size> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match (number("HECTARE_BENCH_AGENTS"), number("HECTARE_BENCH_FRAMEWORKS")) {
        (Some(agents), Some(frameworks)) => vec![Size { agents, frameworks }],
        // `cargo bench` says so; the test suite does not.
        _ if !std::env::args().any(|argument| argument == "--bench") => {
            vec![Size { agents: 50, frameworks: 5 }]
        }
        _ => vec![
            Size { agents: 1_000, frameworks: 50 },
            Size { agents: 10_000, frameworks: 200 },
            Size { agents: 10_000, frameworks: 1_000 },
        ],
    }
}

fn framework(index: usize) -> Framework {
    let id = format!("6f1c5e0a-1d7a-4c51-9d3c-2a0d5f7e8b11-{index:04}");
    let mut info = FrameworkInfo::new(&*id, "root");
    info.roles = vec![Role::from(format!("role{index}"))];
    info.capabilities = FrameworkCapabilities::from_iter([FrameworkCapability::MultiRole]);
    Framework { id: id.into(), info: Arc::new(info), suppressed: BTreeSet::new(), constraints: None }
}

/// An agent whose ports are in pieces, with something used already, as after a while of work.
fn agent(index: usize) -> (Agent, Resources) {
    let id = format!("6f1c5e0a-1d7a-4c51-9d3c-2a0d5f7e8b11-S{index}");
    let total: Resources = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]".parse().expect("resources");
    let used: Resources =
        "cpus:0.5;mem:64;disk:32;ports:[31126-31140,31503-31515]".parse().expect("resources");
    let info = AgentInfo {
        id: Some((&*id).into()),
        hostname: format!("host{index}.example"),
        port: 5051,
        resources: total.clone(),
        attributes: "rack:r1;zone:z1".parse().expect("attributes"),
        domain: None,
    };
    let capabilities = AgentCapabilities::from_iter(AgentCapability::ALL);
    (Agent { id: id.into(), incarnation: 1, info: Arc::new(info), capabilities, total }, used)
}

struct Cluster {
    allocator: Hierarchical,
    rng: StdRng,
    now: Time,
}

impl Cluster {
    fn with_frameworks(size: Size) -> Cluster {
        let mut allocator = Hierarchical::new(Settings::default());
        for index in 0..size.frameworks {
            allocator.add_framework(framework(index), &[], true);
        }
        Cluster { allocator, rng: StdRng::seed_from_u64(1), now: Time::START }
    }

    fn add_agents(&mut self, agents: &[(Agent, Resources)], frameworks: usize) {
        for (index, (agent, used)) in agents.iter().enumerate() {
            let holder = framework(index % frameworks);
            let used = used.allocate(&holder.info.roles[0]);
            self.allocator.add_agent(agent.clone(), &[(holder.id, used)]);
        }
    }

    fn whole(size: Size) -> Cluster {
        let mut cluster = Cluster::with_frameworks(size);
        cluster.add_agents(&(0..size.agents).map(agent).collect::<Vec<_>>(), size.frameworks);
        cluster
    }

    fn allocate(&mut self) -> Vec<Allocation> {
        self.allocator.allocate(self.now, &mut self.rng)
    }

    fn decline(&mut self, offers: &[Allocation], refuse: Duration) {
        for offer in offers {
            self.allocator.recover(&offer.framework, &offer.agent, &offer.resources, Some(refuse), self.now);
        }
    }
}

fn allocate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allocate");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    let year = Duration::from_secs(365 * 24 * 3600);
    for size in sizes() {
        let agents: Vec<_> = (0..size.agents).map(agent).collect();
        group.bench_with_input(BenchmarkId::new("add_agents", size.name()), &size, |bench, size| {
            let setup = || Cluster::with_frameworks(*size);
            bench.iter_batched(
                setup,
                |mut cluster| {
                    cluster.add_agents(&agents, size.frameworks);
                    cluster
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_with_input(BenchmarkId::new("cycle", size.name()), &size, |bench, size| {
            let setup = || Cluster::whole(*size);
            bench.iter_batched(
                setup,
                |mut cluster| {
                    let offers = cluster.allocate();
                    assert_eq!(offers.len(), size.agents);
                    (cluster, offers)
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_with_input(
            BenchmarkId::new("decline_all_and_cycle", size.name()),
            &size,
            |bench, size| {
                let setup = || {
                    let mut cluster = Cluster::whole(*size);
                    let offers = cluster.allocate();
                    (cluster, offers)
                };
                bench.iter_batched(
                    setup,
                    |(mut cluster, offers)| {
                        cluster.decline(&offers, year);
                        let offers = cluster.allocate();
                        (cluster, offers)
                    },
                    BatchSize::PerIteration,
                );
            },
        );
        // Filters of all pairs take a while to set up; the smaller sizes show as much.
        if size.agents * size.frameworks <= 100_000 {
            let mut cluster = Cluster::whole(size);
            for _ in 0..size.frameworks {
                let offers = cluster.allocate();
                cluster.decline(&offers, year);
            }
            assert!(cluster.allocate().is_empty());
            group.bench_function(BenchmarkId::new("idle_all_filtered", size.name()), |bench| {
                bench.iter(|| black_box(cluster.allocate()));
            });
            let ids: Vec<_> = agents.iter().map(|(agent, _)| agent.id.clone()).collect();
            group.bench_function(BenchmarkId::new("everybody_asked_all_filtered", size.name()), |bench| {
                bench.iter(|| {
                    for id in &ids {
                        cluster.allocator.activate_agent(id);
                    }
                    assert!(cluster.allocate().is_empty());
                });
            });
        }
        group.bench_with_input(BenchmarkId::new("one_task_ends", size.name()), &size, |bench, size| {
            let mut cluster = Cluster::whole(*size);
            let mut offers = cluster.allocate();
            bench.iter(|| {
                let offer = offers.pop().expect("one comes back for each that goes");
                cluster.allocator.recover(
                    &offer.framework,
                    &offer.agent,
                    &offer.resources,
                    None,
                    cluster.now,
                );
                offers.append(&mut cluster.allocate());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, allocate);
criterion_main!(benches);

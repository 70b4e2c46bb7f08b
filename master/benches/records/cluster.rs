//! An allocator with agents and frameworks, as the published benchmarks have them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use master::allocator::hierarchical::Settings;
use master::allocator::{Agent, Allocation, Allocator, Framework, Hierarchical};
use model::{
    AgentCapabilities, AgentCapability, AgentId, AgentInfo, FrameworkCapabilities, FrameworkCapability,
    FrameworkInfo, Quantities, Quota, Reservation, Resources, Role, Scalar, Time,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::{is_bench, number};

/// How many agents, and how many frameworks with a role each.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) agents: usize,
    pub(crate) frameworks: usize,
}

impl Size {
    /// As asked for; else so much, or a little if this is a test.
    pub(crate) fn or(agents: usize, frameworks: usize) -> Size {
        let (agents, frameworks) = if is_bench() { (agents, frameworks) } else { (20, 10) };
        Size {
            agents: number("AGENTS").unwrap_or(agents),
            frameworks: number("FRAMEWORKS").unwrap_or(frameworks),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} agents, {} frameworks", self.agents, self.frameworks)
    }
}

pub(crate) struct Cluster {
    allocator: Hierarchical,
    agents: Vec<AgentId>,
    /// What an operator reserves again and again.
    spare: Resources,
    rng: StdRng,
    now: Time,
}

fn role(index: usize) -> Role {
    Role::from(format!("role{index}"))
}

fn framework(index: usize) -> Framework {
    let id = format!("6f1c5e0a-1d7a-4c51-9d3c-2a0d5f7e8b11-{index:04}");
    let mut info = FrameworkInfo::new(&*id, "root");
    info.roles = vec![role(index)];
    info.capabilities = FrameworkCapabilities::from_iter([
        FrameworkCapability::MultiRole,
        FrameworkCapability::GpuResources,
        FrameworkCapability::ReservationRefinement,
    ]);
    Framework { id: id.into(), info: Arc::new(info), suppressed: BTreeSet::new(), constraints: None }
}

fn agent(index: usize, total: Resources) -> Agent {
    let id = AgentId::from(format!("6f1c5e0a-1d7a-4c51-9d3c-2a0d5f7e8b11-S{index}"));
    let info = AgentInfo {
        id: Some(id.clone()),
        hostname: format!("host{index}.example"),
        port: 5051,
        resources: total.clone(),
        attributes: "rack:r1;zone:z1".parse().expect("attributes"),
        domain: None,
    };
    let capabilities = AgentCapabilities::from_iter(AgentCapability::ALL);
    Agent { id, incarnation: 1, info: Arc::new(info), capabilities, total }
}

fn resources(text: &str) -> Resources {
    text.parse().expect("resources")
}

impl Cluster {
    fn with_frameworks(size: Size) -> Cluster {
        let mut allocator = Hierarchical::new(Settings::default());
        (0..size.frameworks).for_each(|index| allocator.add_framework(framework(index), &[], true));
        Cluster {
            allocator,
            agents: Vec::new(),
            spare: resources("cpus:1;mem:64"),
            rng: StdRng::seed_from_u64(1),
            now: Time::START,
        }
    }

    fn add_agent(&mut self, agent: Agent, used: &[(model::FrameworkId, Resources)]) {
        self.agents.push(agent.id.clone());
        self.allocator.add_agent(agent, used);
    }

    /// Ports in pieces, and something used already, as after a while of work.
    pub(crate) fn whole(size: Size) -> Cluster {
        let mut cluster = Cluster::with_frameworks(size);
        let total = resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
        let used = resources("cpus:0.5;mem:64;disk:32;ports:[31126-31140,31503-31515]");
        for index in 0..size.agents {
            let holder = framework(index % size.frameworks);
            let used = used.allocate(&holder.info.roles[0]);
            cluster.add_agent(agent(index, total.clone()), &[(holder.id, used)]);
        }
        cluster
    }

    /// Every role is promised some of an agent, half of them twice as much as the others, and may have no more.
    pub(crate) fn with_quota(size: Size) -> Cluster {
        let mut cluster = Cluster::with_frameworks(size);
        let total = resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
        (0..size.agents).for_each(|index| cluster.add_agent(agent(index, total.clone()), &[]));
        let share = (16 * size.agents / size.frameworks.max(1)).max(2) as i64;
        let quota = |index: usize| {
            let part = if index.is_multiple_of(2) { share } else { share / 2 };
            let amounts =
                Quantities::from_iter([("cpus", Scalar::whole(part)), ("mem", Scalar::whole(part * 128))]);
            Quota { role: role(index), guarantees: amounts.clone(), limits: amounts }
        };
        cluster.allocator.update_quotas(&(0..size.frameworks).map(quota).collect::<Vec<_>>());
        cluster
    }

    /// So many resources in all, of which each role has cpus and mem that are kept for it, evenly over the agents.
    pub(crate) fn with_reservations(size: Size, count: usize) -> Cluster {
        let mut cluster = Cluster::with_frameworks(size);
        let mut totals: Vec<String> = vec!["cpus:8;mem:1024".to_owned(); size.agents];
        for index in 0..count / 4 {
            let role = role(index % size.frameworks);
            let more = format!(";cpus({role}):2;mem({role}):256;disk({role}):64;gpus({role}):1");
            totals[index % size.agents].push_str(&more);
        }
        for (index, total) in totals.iter().enumerate() {
            cluster.add_agent(agent(index, resources(total)), &[]);
        }
        cluster
    }

    pub(crate) fn allocate(&mut self) -> Vec<Allocation> {
        self.allocator.allocate(self.now, &mut self.rng)
    }

    pub(crate) fn decline(&mut self, offers: &[Allocation], refuse: Duration) {
        for offer in offers {
            self.allocator.recover(&offer.framework, &offer.agent, &offer.resources, Some(refuse), self.now);
        }
    }

    /// Everybody is to be asked about every agent again.
    pub(crate) fn touch(&mut self) {
        self.agents.iter().for_each(|agent| self.allocator.activate_agent(agent));
    }

    /// An operator takes what is offered of one agent, keeps some of it for a role, and undoes it.
    pub(crate) fn reserve_and_unreserve(&mut self, time: usize, offers: &mut Vec<Allocation>) {
        let agent = self.agents[time % self.agents.len()].clone();
        let reservation = Reservation::dynamic(role(time), Some("operator"));
        let (before, after) = (self.spare.clone(), self.spare.push_reservation(&reservation));
        for (before, after) in [(&before, &after), (&after, &before)] {
            let holds =
                |offer: &Allocation| offer.agent == agent && offer.resources.unallocate().contains(before);
            // What is kept for a role nobody is in was offered to nobody.
            if let Some(at) = offers.iter().position(holds) {
                let rescinded = offers.swap_remove(at);
                self.decline(&[rescinded], Duration::from_secs(5));
            }
            self.allocator.update_available(&agent, before, after);
            offers.append(&mut self.allocate());
        }
    }
}

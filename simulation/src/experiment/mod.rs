//! One run: a cluster, what is run on it, what goes wrong, and what came of it.
//!
//! 1. [`Plan`]: everything that is to happen, decided before it begins; [`Order`]: what operators do in it;
//! 2. [`run`]: lets it happen, looking often;
//! 3. [`Outcome`]: what was seen;
//! 4. [`shrink`]: a smaller plan that fails in the same way.

mod draw;
mod expect;
mod operator;
mod run;
mod shrink;
mod transcript;

use std::time::Duration;

use model::{FrameworkInfo, Role};

pub use expect::{Expectation, Relation, Tally};
pub use operator::Order;
pub use run::{Progress, run};
pub use shrink::shrink;

use crate::cluster::{self, Setup, Trouble};
use crate::workload::{Counts, Job, Style};

/// Everything that is to happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub setup: Setup,
    pub frameworks: Vec<Framework>,
    pub jobs: Vec<Job>,
    pub troubles: Vec<Trouble>,
    pub orders: Vec<(Duration, Order)>,
    pub expectations: Vec<Expectation>,
    /// How long it goes on.
    pub lasts: Duration,
    /// How long all is well after that, before everybody must agree; nothing is asked if it is zero.
    pub settles: Duration,
}

impl Plan {
    /// The same with trouble in it, drawn from the seed: something goes wrong every so often, in the mean, between the
    /// first twentieth and the last tenth of the run.
    pub fn troubled(mut self, every: Duration) -> Plan {
        let parts = (self.setup.masters, self.setup.agents, self.frameworks.len());
        let window = (self.lasts / 20, self.lasts * 9 / 10);
        self.troubles = cluster::draw(self.setup.seed, parts, window, every);
        self
    }

    /// The same with operators in it, drawn from the seed: one does something every so often, in the mean, in the same
    /// part of the run, and undoes it later.
    pub fn operated(mut self, every: Duration) -> Plan {
        let roles: Vec<&str> = self.frameworks.iter().map(|framework| framework.role.as_str()).collect();
        let window = (self.lasts / 20, self.lasts * 9 / 10);
        self.orders = draw::orders(&self.setup, &roles, window, every);
        self
    }

    /// Whether every task is as good as every other, wherever it runs.
    pub(crate) fn is_even(&self) -> bool {
        let limits = |(_, order): &(Duration, Order)| matches!(order, Order::Quota { .. });
        let plain = |job: &Job| job.only.is_none() && job.style != Style::Gang;
        let alike = self.jobs.windows(2).all(|pair| pair[0].resources == pair[1].resources);
        alike && self.jobs.iter().all(plain) && !self.orders.iter().any(limits)
    }
}

/// A framework of jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Framework {
    pub name: String,
    pub role: String,
}

impl Framework {
    pub fn new(name: impl Into<String>, role: impl Into<String>) -> Framework {
        Framework { name: name.into(), role: role.into() }
    }

    /// How it subscribes.
    fn info(&self) -> FrameworkInfo {
        use model::FrameworkCapability::{
            MultiRole, PartitionAware, ReservationRefinement, TaskKillingState,
        };
        let mut info = FrameworkInfo::new(self.name.as_str(), "root");
        info.roles = vec![Role::from(self.role.as_str())];
        info.role = None;
        info.capabilities =
            [PartitionAware, MultiRole, ReservationRefinement, TaskKillingState].into_iter().collect();
        info.checkpoint = true;
        info.failover_timeout = Duration::from_secs(7 * 24 * 3600);
        info
    }
}

/// What was seen of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What must not be; empty when all is well.
    pub wrongs: Vec<String>,
    /// What is worth knowing: orders that were refused, above all.
    pub notes: Vec<String>,
    /// Which processes ended by a panic, as those do whose disk is full, when and why; bounded.
    pub panics: Vec<String>,
    /// What happened, a line each: troubles, orders, leaders, expectations.
    pub transcript: Vec<String>,
    pub samples: Vec<Sample>,
    pub frameworks: Vec<(String, Counts)>,
    /// From a task's submission to its launch. Unit: seconds, in order of size.
    pub waits: Vec<f32>,
    /// From a launch until the task ran. Unit: seconds, in order of size.
    pub launches: Vec<f32>,
    pub elections: usize,
    pub events: u64,
    pub trace_hash: u64,
    /// What the run took. Unit: time of this machine.
    pub took: Duration,
}

/// The cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub at: Duration,
    pub agents: usize,
    /// Of all frameworks.
    pub counts: Counts,
    /// The part of all processors that tasks hold; between 0 and 1.
    pub cpus: f64,
    /// The part of all memory that tasks hold; between 0 and 1.
    pub mem: f64,
    /// The larger part of the cluster's processors or memory that each role holds; between 0 and 1.
    pub shares: Vec<(String, f64)>,
    pub leads: Option<usize>,
}

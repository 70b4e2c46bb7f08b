//! A whole cluster on the simulated environment of libprocess.
//!
//! Masters stand on replicas of the registry, agents speak for pretended machines, frameworks are drivers with a
//! scheduler each. Every one of them is the code that ships, on a node of its own.
//!
//! ```text
//! 10.0.0.1 …   masters        :5050
//! 10.1.0.0 …   agents         :5051, what runs on their machines :1
//! 10.2.0.0 …   frameworks     :1
//! ```

mod agents;
mod masters;
mod setup;
mod trouble;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use libprocess::Runtime;
use libprocess::http::{Request, StatusCode};
use libprocess::sim::{Disk, Sim};
use master::Snapshot;
use model::FrameworkInfo;

use agents::AgentNode;
use masters::MasterNode;
pub use setup::{Setup, SetupError};
pub(crate) use trouble::draw;
pub use trouble::{Trouble, What};

/// How long a cluster may take to find its first leader, or the next one.
const ELECTION_MAX: Duration = Duration::from_secs(60);

/// The longest answer of a master that is read. Unit: bytes.
const ANSWER_MAX: usize = 64 * 1024;

/// A cluster in one thread. Time passes only by its methods.
///
/// ```
/// use std::time::Duration;
/// use driver::{Calls, Scheduler};
/// use model::{FrameworkInfo, Offer};
///
/// struct Modest;
/// impl Scheduler for Modest {
///     fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
///         calls.decline(offers.into_iter().map(|offer| offer.id), Default::default());
///     }
/// }
///
/// let mut cluster = simulation::Cluster::start(simulation::Setup { agents: 3, ..Default::default() }).unwrap();
/// cluster.framework(FrameworkInfo::new("modest", "root"), || Modest);
/// cluster.advance(Duration::from_secs(10));
/// assert_eq!(cluster.leader().unwrap().agents.len(), 3);
/// ```
pub struct Cluster {
    sim: Sim,
    setup: Setup,
    masters: Vec<MasterNode>,
    agents: Vec<AgentNode>,
    frameworks: Vec<Runtime>,
    /// Who is on a node, for its restart.
    homes: BTreeMap<SocketAddr, Home>,
}

/// Who lives on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Master(usize),
    Agent(usize),
    Tasks(usize),
    Framework,
}

/// One of a cluster's parts, by its number from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Whichever master leads when it is meant; the first while none does.
    Leader,
    Master(usize),
    Agent(usize),
    Framework(usize),
}

impl Cluster {
    /// Starts a cluster, and lets time pass until it has a leader.
    ///
    /// Errors: the setup asks for what cannot be.
    pub fn start(setup: Setup) -> Result<Cluster, SetupError> {
        setup.check()?;
        let mut sim = Sim::new(setup.seed);
        sim.add_older(setup.older);
        let mut cluster = Cluster {
            sim,
            masters: Vec::new(),
            agents: Vec::new(),
            frameworks: Vec::new(),
            homes: BTreeMap::new(),
            setup,
        };
        let addresses = master_addresses(cluster.setup.masters);
        (0..addresses.len()).for_each(|number| cluster.start_master(number, &addresses));
        let led = cluster.await_leader();
        assert!(led, "no master leads after {ELECTION_MAX:?} (seed {})", cluster.setup.seed);
        for number in 0..cluster.setup.agents {
            cluster.add_agent(number, &addresses);
        }
        Ok(cluster)
    }

    fn node(&mut self, address: SocketAddr, home: Home) -> Runtime {
        self.homes.insert(address, home);
        self.sim.node(&address.to_string())
    }

    fn start_master(&mut self, number: usize, all: &[SocketAddr]) {
        let node = self.node(all[number], Home::Master(number));
        let master = MasterNode::start(&mut self.sim, node, &self.setup, all);
        self.masters.push(master);
    }

    fn add_agent(&mut self, number: usize, masters: &[SocketAddr]) {
        let node = self.node(agent_address(number), Home::Agent(number));
        self.homes.insert(tasks_address(number), Home::Tasks(number));
        let below = self.sim.bare_node(&tasks_address(number).to_string());
        self.agents.push(AgentNode::start(&mut self.sim, number, node, below, &self.setup, masters));
    }

    /// Adds machines like the ones there are; they register by themselves.
    pub fn grow(&mut self, agents: usize) {
        let masters = master_addresses(self.masters.len());
        for number in self.agents.len()..self.agents.len() + agents {
            self.add_agent(number, &masters);
        }
    }

    /// Starts one more master, which others have still to take in; gives its address.
    ///
    /// Errors: there are enough.
    pub fn add_master(&mut self) -> Result<SocketAddr, SetupError> {
        let number = self.masters.len();
        if number >= setup::MASTERS_MAX {
            return Err(SetupError::TooMany {
                what: "masters",
                number: number + 1,
                most: setup::MASTERS_MAX,
            });
        }
        self.start_master(number, &master_addresses(number + 1));
        Ok(master_address(number))
    }

    /// Ends a master that takes part no more, for good.
    pub fn retire(&mut self, master: usize) {
        self.kill(Part::Master(master));
        self.masters[master].retire();
    }

    /// The address of a master that has not been retired.
    pub fn master_address(&self, master: usize) -> Option<SocketAddr> {
        let found = self.masters.get(master)?;
        (!found.is_retired()).then(|| found.node.address())
    }

    /// Ends a part, and starts it in the newest version on what its disk kept.
    pub fn upgrade(&mut self, part: Part) {
        let part = self.resolved(part);
        let node = self.node_of(part);
        self.sim.upgrade(&node);
        self.kill(part);
        self.restart(part, Disk::Kept);
    }

    /// Adds a framework with a scheduler of its own.
    pub fn framework<S: driver::Scheduler>(
        &mut self,
        info: FrameworkInfo,
        scheduler: impl FnOnce() -> S + Send + 'static,
    ) -> driver::Handle<S> {
        self.framework_at(info, |_| scheduler())
    }

    /// Adds a framework whose scheduler is told its node, by whose clock it can keep time.
    pub fn framework_at<S: driver::Scheduler>(
        &mut self,
        info: FrameworkInfo,
        scheduler: impl FnOnce(Runtime) -> S + Send + 'static,
    ) -> driver::Handle<S> {
        let node = self.node(framework_address(self.frameworks.len()), Home::Framework);
        self.frameworks.push(node.clone());
        let masters = (0..self.masters.len()).map(|number| master_address(number).to_string());
        let config = driver::Config::new(masters, info);
        let inside = node.clone();
        driver::spawn(&node, config, move || scheduler(inside)).expect("a node that was just made")
    }

    /// Lets this much time pass, and all that happens within it.
    pub fn advance(&mut self, time: Duration) {
        self.sim.advance(time);
    }

    /// Lets time pass until something is so, but no more than `limit`; says whether it became so.
    pub fn run_until(&mut self, mut so: impl FnMut(&Cluster) -> bool, limit: Duration) -> bool {
        let until = self.sim.now() + limit;
        loop {
            if so(self) {
                return true;
            }
            if self.sim.now() >= until {
                return false;
            }
            let step = STEP.min(until.saturating_sub(self.sim.now()));
            self.sim.advance(step);
        }
    }

    /// Time since the cluster was switched on.
    pub fn now(&self) -> Duration {
        self.sim.now()
    }

    /// A hash of everything that happened so far; alike for the same seed and the same calls.
    pub fn trace_hash(&self) -> u64 {
        self.sim.trace_hash()
    }

    /// How many events happened so far: turns, packets, timers, jobs.
    pub fn events(&self) -> u64 {
        self.sim.events()
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub fn agents(&self) -> usize {
        self.agents.len()
    }

    /// What the leading master knows; `None` while nobody leads.
    pub fn leader(&self) -> Option<Arc<Snapshot>> {
        self.leading().next().map(|(_, snapshot)| snapshot)
    }

    /// All masters that believe that they lead.
    pub(crate) fn leading(&self) -> impl Iterator<Item = (usize, Arc<Snapshot>)> + '_ {
        let snapshots = self.masters.iter().enumerate().filter_map(|(number, master)| {
            Some((number, master.published()?)).filter(|(_, snapshot)| snapshot.leading)
        });
        snapshots.filter(|(number, _)| self.masters[*number].holds())
    }

    /// What runs on a machine, whoever knows of it.
    pub fn containers(&self, agent: usize) -> usize {
        self.agents[agent].machine.running().len()
    }

    fn await_leader(&mut self) -> bool {
        self.run_until(|cluster| cluster.leader().is_some(), ELECTION_MAX)
    }

    /// Kills a part as `kill -9` does; an agent's tasks run on.
    pub fn kill(&mut self, part: Part) {
        let part = self.resolved(part);
        let node = self.node_of(part);
        self.sim.kill(&node);
        if let Part::Master(number) = part {
            self.masters[number].died();
        }
    }

    /// Starts a master or an agent again on what its disk kept.
    ///
    /// Panics: for a framework, whose scheduler only its maker can make again.
    pub fn restart(&mut self, part: Part, disk: Disk) {
        if let Part::Master(number) = part
            && self.masters[number].is_retired()
        {
            return;
        }
        let node = self.node_of(part);
        let node = self.sim.restart(&node, disk);
        self.begin(&node);
    }

    /// Takes a machine's power, and gives it back: its tasks are gone, and what was not yet on disk.
    pub fn reboot(&mut self, agent: usize) {
        let (node, below) = (self.agents[agent].node.clone(), self.agents[agent].below.clone());
        self.sim.power_off(&node);
        self.sim.power_off(&below);
        let below = self.sim.restart(&below, Disk::Torn);
        self.begin(&below);
        let node = self.sim.restart(&node, Disk::Torn);
        self.begin(&node);
    }

    /// Closes all ways between a part and everybody else.
    pub fn isolate(&mut self, part: Part) {
        let node = self.node_of(part);
        for other in self.others(&node) {
            self.sim.partition(&node, &other);
        }
    }

    /// Opens every way that was closed.
    pub fn heal(&mut self) {
        self.sim.heal_all();
    }

    /// Which master leads.
    pub fn leader_number(&self) -> Option<usize> {
        self.leading().next().map(|(number, _)| number)
    }

    /// Asks the leading master over HTTP, as an operator does, and lets time pass until its answer is there: status
    /// and text. `None` if nobody leads, or it takes longer than `limit`.
    pub fn request(&mut self, request: Request, limit: Duration) -> Option<(StatusCode, String)> {
        let node = self.masters[self.leader_number()?].node.clone();
        let mut response = self.sim.request_within(&node, request, limit)?;
        let body = self.sim.block_on_for(response.bytes(ANSWER_MAX), limit)?.unwrap_or_default();
        Some((response.status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// Waits for something, letting time pass.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.sim.block_on(future)
    }

    /// The true wall clock. Unit: nanoseconds since 1970.
    pub(crate) fn wall_nanos(&self) -> i64 {
        let since = self.sim.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }

    fn begin(&mut self, node: &Runtime) {
        let home = self.homes[&node.address()];
        begin(&mut self.sim, node, home, &mut self.masters, &mut self.agents, &self.setup);
    }

    /// The leader by its number.
    fn resolved(&self, part: Part) -> Part {
        match part {
            Part::Leader => Part::Master(self.leader_number().unwrap_or(0)),
            part => part,
        }
    }

    fn node_of(&self, part: Part) -> Runtime {
        match part {
            Part::Leader => self.masters[self.leader_number().unwrap_or(0)].node.clone(),
            Part::Master(number) => self.masters[number].node.clone(),
            Part::Agent(number) => self.agents[number].node.clone(),
            Part::Framework(number) => self.frameworks[number].clone(),
        }
    }

    /// Every node but one and its machine's other half.
    fn others(&self, node: &Runtime) -> Vec<Runtime> {
        let halves = self.agents.iter().flat_map(|agent| [&agent.node, &agent.below]);
        let all = self.masters.iter().map(|master| &master.node).chain(halves).chain(&self.frameworks);
        all.filter(|other| other.address().ip() != node.address().ip()).cloned().collect()
    }
}

/// How often [`Cluster::run_until`] looks.
const STEP: Duration = Duration::from_millis(50);

/// Spawns what belongs on a node that has started again.
fn begin(
    sim: &mut Sim,
    node: &Runtime,
    home: Home,
    masters: &mut [MasterNode],
    agents: &mut [AgentNode],
    setup: &Setup,
) {
    let addresses = master_addresses(masters.len());
    match home {
        Home::Master(number) => masters[number] = MasterNode::start(sim, node.clone(), setup, &addresses),
        Home::Agent(number) => agents[number].restart(sim, node.clone(), setup, &addresses),
        Home::Tasks(number) => agents[number].booted(node.clone()),
        Home::Framework => {}
    }
}

fn master_addresses(masters: usize) -> Vec<SocketAddr> {
    (0..masters).map(master_address).collect()
}

fn master_address(number: usize) -> SocketAddr {
    address([10, 0], number + 1, 5050)
}

fn agent_address(number: usize) -> SocketAddr {
    address([10, 1], number, 5051)
}

fn tasks_address(number: usize) -> SocketAddr {
    address([10, 1], number, 1)
}

fn framework_address(number: usize) -> SocketAddr {
    address([10, 2], number, 1)
}

/// What the machine of an agent calls itself.
pub(crate) fn machine(number: usize) -> String {
    format!("machine-{number}")
}

/// Who lives at an address, in words.
pub(crate) fn resident(address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    let IpAddr::V4(ip) = ip else { return address.to_string() };
    let [_, network, high, low] = ip.octets();
    let number = usize::from(u16::from_be_bytes([high, low]));
    match (network, port) {
        (0, _) => Part::Master(number.saturating_sub(1)).to_string(),
        (1, 1) => format!("a task of agent {number}"),
        (1, _) => Part::Agent(number).to_string(),
        (2, _) => Part::Framework(number).to_string(),
        _ => address.to_string(),
    }
}

/// The number-th address of a network with 65,536.
fn address([a, b]: [u8; 2], number: usize, port: u16) -> SocketAddr {
    let [c, d] = u16::try_from(number).expect("no more parts than `Setup` allows").to_be_bytes();
    SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port)
}

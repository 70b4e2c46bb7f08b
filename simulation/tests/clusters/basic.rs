//! A cluster comes up, runs what it is given, and is the same cluster each time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver::{Calls, Scheduler};
use model::{CommandInfo, FrameworkInfo, Offer, Resources, TaskInfo, TaskState, TaskStatus};
use simulation::{Behaviour, Cluster, Part, Setup};

/// Runs so many tasks of one kind, and notes what it hears.
struct Runner {
    left: usize,
    need: Resources,
    behaviour: Behaviour,
    heard: Heard,
}

type Heard = Arc<Mutex<Vec<(String, TaskState)>>>;

impl Scheduler for Runner {
    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
        for offer in offers {
            let mut free = offer.resources.unallocate();
            let mut tasks = Vec::new();
            while self.left > 0 && free.contains(&self.need) {
                free -= &self.need;
                self.left -= 1;
                let id = format!("t{}", self.left);
                let mut task = TaskInfo::new(id.as_str(), offer.agent_id.clone(), self.need.clone());
                task.command = Some(CommandInfo::shell(self.behaviour.command()));
                tasks.push(task);
            }
            calls.launch([offer.id], tasks);
        }
    }

    fn update(&mut self, _: &mut Calls, status: &TaskStatus) {
        self.heard.lock().unwrap().push((status.task_id.to_string(), status.state));
    }
}

fn run(seed: u64, behaviour: Behaviour, tasks: usize) -> (Cluster, Heard) {
    let mut cluster = Cluster::start(Setup { seed, masters: 3, agents: 4, ..Setup::default() }).unwrap();
    let heard = Heard::default();
    let need = "cpus:1;mem:128".parse().unwrap();
    let noted = heard.clone();
    let mut info = FrameworkInfo::new("runner", "root");
    info.checkpoint = true;
    info.failover_timeout = Duration::from_secs(3600);
    cluster.framework(info, move || Runner { left: tasks, need, behaviour, heard: noted });
    (cluster, heard)
}

#[test]
fn tasks_run_to_their_ends() {
    let lasts = Some(Duration::from_secs(30));
    let (mut cluster, heard) = run(1, Behaviour { lasts, ..Behaviour::FOREVER }, 20);
    cluster.advance(Duration::from_secs(20));
    assert_eq!((0..4).map(|agent| cluster.containers(agent)).sum::<usize>(), 20);
    cluster.advance(Duration::from_secs(60));
    let heard = heard.lock().unwrap();
    assert_eq!(heard.iter().filter(|(_, state)| *state == TaskState::Finished).count(), 20);
    assert_eq!((0..4).map(|agent| cluster.containers(agent)).sum::<usize>(), 0);
}

#[test]
fn one_seed_is_one_history() {
    let hash = || {
        let (mut cluster, _) = run(5, Behaviour::FOREVER, 12);
        cluster.advance(Duration::from_secs(30));
        (cluster.trace_hash(), cluster.events())
    };
    assert_eq!(hash(), hash());
}

#[test]
fn tasks_outlive_their_agent_and_the_leading_master() {
    let (mut cluster, heard) = run(3, Behaviour::FOREVER, 8);
    cluster.advance(Duration::from_secs(20));
    let running = |heard: &Heard| {
        heard.lock().unwrap().iter().filter(|(_, state)| *state == TaskState::Running).count()
    };
    assert_eq!(running(&heard), 8);
    let leader = cluster.leader_number().unwrap();
    cluster.kill(Part::Master(leader));
    (0..4).for_each(|agent| cluster.kill(Part::Agent(agent)));
    cluster.advance(Duration::from_secs(5));
    assert_eq!((0..4).map(|agent| cluster.containers(agent)).sum::<usize>(), 8);
    (0..4).for_each(|agent| cluster.restart(Part::Agent(agent), libprocess::sim::Disk::Kept));
    cluster.advance(Duration::from_secs(60));
    let known = cluster.leader().expect("another master leads");
    let tasks = known.frameworks.values().flat_map(|framework| framework.tasks.values());
    assert_eq!(tasks.filter(|task| task.state == TaskState::Running).count(), 8);
    assert!(!heard.lock().unwrap().iter().any(|(_, state)| state.is_terminal()));
}

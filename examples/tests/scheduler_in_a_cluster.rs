//! How a framework developer tests a scheduler: against a whole cluster, in one thread, in an ordinary test.
//!
//! The scheduler is the one that ships; so are the masters and agents. What is pretended is what its tasks do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver::{Calls, Scheduler};
use model::{CommandInfo, FrameworkInfo, Offer, TaskInfo, TaskState, TaskStatus};
use simulation::{Cluster, Part, Setup};

/// Keeps one server running, whatever happens to it.
struct Keeper {
    started: u32,
    running: bool,
    /// What the test looks at.
    log: Arc<Mutex<Vec<TaskState>>>,
}

impl Scheduler for Keeper {
    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
        for offer in offers {
            if self.running {
                calls.decline([offer.id], Default::default());
                continue;
            }
            self.running = true;
            self.started += 1;
            let need = "cpus:1;mem:64".parse().expect("resources");
            let id = format!("server-{}", self.started);
            let mut task = TaskInfo::new(id.as_str(), offer.agent_id.clone(), need);
            // On a pretended machine: runs for a minute, then fails.
            task.command = Some(CommandInfo::shell("sleep 60; exit 1"));
            calls.launch([offer.id], vec![task]);
        }
    }

    fn update(&mut self, calls: &mut Calls, status: &TaskStatus) {
        self.log.lock().unwrap().push(status.state);
        if status.state.is_terminal() {
            self.running = false;
            calls.revive(Vec::new());
        }
    }
}

#[test]
fn a_server_that_fails_is_started_again_and_no_master_is_missed() {
    let setup = Setup { seed: 42, masters: 3, agents: 2, ..Setup::default() };
    let mut cluster = Cluster::start(setup).unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = log.clone();
    let mut info = FrameworkInfo::new("keeper", "root");
    info.failover_timeout = Duration::from_secs(3600);
    info.checkpoint = true;
    let keeper = cluster.framework(info, move || Keeper { started: 0, running: false, log: seen });

    cluster.advance(Duration::from_secs(30));
    cluster.kill(Part::Leader);
    // Five simulated minutes: some four failures.
    cluster.advance(Duration::from_secs(300));

    let started = cluster.block_on(keeper.ask(Duration::from_secs(1), |keeper, _| keeper.started)).unwrap();
    assert!((4..=6).contains(&started), "started {started} times");
    let log = log.lock().unwrap();
    assert_eq!(log.iter().filter(|state| state.is_terminal()).count() as u32, started - 1);
    assert!(!log.contains(&TaskState::Lost), "the loss of a master loses no task");
}

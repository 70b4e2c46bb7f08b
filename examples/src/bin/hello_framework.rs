//! The smallest framework: runs five tasks, prints how they fare, and leaves.
//!
//! `cargo run -p examples --bin hello_framework -- 127.0.0.1:5050`

use driver::{Calls, Config, Scheduler};
use model::{CommandInfo, FrameworkInfo, Offer, Resources, TaskId, TaskInfo, TaskStatus};

struct Hello {
    task: Resources,
    launched: u32,
    ended: u32,
}

const TASKS: u32 = 5;

impl Scheduler for Hello {
    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
        for offer in offers {
            let mut left = offer.resources.unallocate();
            let mut tasks = Vec::new();
            while self.launched < TASKS && left.contains(&self.task) {
                left -= &self.task;
                self.launched += 1;
                let id = TaskId::new(format!("hello-{}", self.launched));
                let mut task = TaskInfo::new(id, offer.agent_id.clone(), self.task.clone());
                task.command = Some(CommandInfo::shell("echo hello from $(hostname)"));
                tasks.push(task);
            }
            calls.launch([offer.id], tasks); // what is not used is declined
        }
    }

    fn update(&mut self, calls: &mut Calls, status: &TaskStatus) {
        println!("{} is {}", status.task_id, status.state.name());
        if status.state.is_terminal() {
            self.ended += 1;
            if self.ended == TASKS {
                calls.teardown();
            }
        }
    }
}

fn main() -> anyhow::Result<()> {
    let master = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5050".to_owned());
    let runtime = libprocess::Runtime::start(libprocess::Config { listen: None, ..Default::default() })?;
    let config = Config::new([master], FrameworkInfo::new("hello", "root"));
    let task: Resources = "cpus:0.1;mem:32".parse()?;
    let driver = driver::spawn(&runtime, config, || Hello { task, launched: 0, ended: 0 })?;
    runtime.block_on(driver.wait());
    runtime.shutdown();
    Ok(())
}

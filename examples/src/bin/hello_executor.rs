//! The smallest executor: says hello for each task, tells its scheduler so, and counts it as done.
//!
//! An agent starts it: launch a task whose `ExecutorInfo` has this program as its command.

use executor::{Driver, Executor};
use model::{KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus};

struct Hello;

impl Executor for Hello {
    type Input = ();

    fn launch(&mut self, driver: &mut Driver<'_, Self>, task: TaskInfo) {
        driver.update(TaskStatus::new(task.id.clone(), TaskState::Running));
        println!("hello from {}", task.id); // into the sandbox's `stdout`
        driver.message(format!("hello from {}", task.id).into_bytes());
        driver.update(TaskStatus::new(task.id, TaskState::Finished));
    }

    fn kill(&mut self, driver: &mut Driver<'_, Self>, task: TaskId, _: Option<KillPolicy>) {
        driver.update(TaskStatus::new(task, TaskState::Killed));
    }
}

fn main() -> anyhow::Result<()> {
    Ok(executor::run(|| Hello)?)
}

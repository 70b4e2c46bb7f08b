//! The scheduler of a job: launches its tasks on what is offered, and tells how they fare.

use std::collections::{BTreeSet, VecDeque};

use driver::{Calls, Scheduler};
use model::call::Call;
use model::container::{Image, ImageSource, MesosInfo, TtyInfo};
use model::{
    AgentId, ContainerInfo, ContainerKind, FrameworkId, Offer, Resources, StatusReason, TaskId, TaskInfo,
    TaskState, TaskStatus, Time,
};
use tokio::sync::mpsc::UnboundedSender;

use super::Job;

/// What the outside hears.
pub(super) enum News {
    /// A task's state, and whether it was the last word of the last task.
    Status { status: Box<TaskStatus>, framework: FrameworkId, last: bool },
    /// Why nothing happens at the moment.
    Waiting(String),
    /// The master will not have us.
    Refused(String),
}

/// Tasks that wait for an offer, and those that run.
pub(super) struct Runner {
    job: Job,
    waiting: VecDeque<TaskId>,
    running: BTreeSet<TaskId>,
    leaving: bool,
    news: UnboundedSender<News>,
    /// What was said last of why nothing happens; it is not said twice.
    said: String,
}

impl Runner {
    /// Task ids hold the time, so that running the same thing twice gives two tasks.
    pub(super) fn new(job: Job, now: Time, news: UnboundedSender<News>) -> Runner {
        let stamp = now.nanos() / 1_000_000 % 1_000_000_000;
        let id = |number: u32| match job.instances {
            1 => TaskId::new(format!("{}-{stamp}", job.name)),
            _ => TaskId::new(format!("{}-{stamp}-{}", job.name, number + 1)),
        };
        let waiting = (0..job.instances).map(id).collect();
        Runner { job, waiting, running: BTreeSet::new(), leaving: false, news, said: String::new() }
    }

    /// Ends what runs; what has not been launched never will be.
    pub(super) fn kill_all(&mut self, calls: &mut Calls) {
        self.leaving = true;
        self.waiting.clear();
        for task in &self.running {
            calls.kill(task.clone(), self.job.kill_policy);
        }
        if self.running.is_empty() {
            calls.teardown();
        }
    }

    fn wait(&mut self, why: String) {
        if self.said != why {
            self.said.clone_from(&why);
            self.tell(News::Waiting(why));
        }
    }

    fn tell(&self, news: News) {
        // When nobody listens any more, the process is about to end.
        let _ = self.news.send(news);
    }

    fn task(&self, id: TaskId, agent: AgentId) -> TaskInfo {
        let mut task = TaskInfo::new(id, agent, self.job.resources.clone());
        task.name = self.job.name.clone();
        task.command = Some(self.job.command.clone());
        task.kill_policy = self.job.kill_policy;
        task.health_check = self.job.health_check.clone();
        if self.job.tty || self.job.image.is_some() {
            let mut container = ContainerInfo::new(ContainerKind::Mesos);
            container.tty = self.job.tty.then(TtyInfo::default);
            container.mesos = self.job.image.clone().map(image);
            task.container = Some(container);
        }
        task
    }
}

/// An image by name, which need not be looked for again where it was seen before.
fn image(name: String) -> MesosInfo {
    let source = ImageSource::Docker { name, credential: None, config: None };
    MesosInfo { image: Some(Image { source, cached: true }) }
}

impl Scheduler for Runner {
    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
        for offer in offers {
            let mut left: Resources = offer.resources.unallocate();
            let mut tasks = Vec::new();
            while let Some(id) = self.waiting.front() {
                let Some(rest) = left.checked_sub(&self.job.resources) else { break };
                left = rest;
                tasks.push(self.task(id.clone(), offer.agent_id.clone()));
                self.running.insert(id.clone());
                self.waiting.pop_front();
            }
            if !tasks.is_empty() {
                calls.launch([offer.id], tasks);
                continue;
            }
            if !self.waiting.is_empty() {
                self.wait(format!("offered {left}, need {}; waiting for more", self.job.resources));
            }
            calls.decline([offer.id], Default::default());
        }
        if self.waiting.is_empty() {
            calls.suppress(Vec::new());
        }
    }

    fn update(&mut self, calls: &mut Calls, status: &TaskStatus) {
        let known = self.running.contains(&status.task_id);
        if !known || status.state == TaskState::Unknown || is_echo(status) {
            return;
        }
        if status.state.is_terminal() {
            self.running.remove(&status.task_id);
        }
        let last = self.waiting.is_empty() && self.running.is_empty();
        self.tell(News::Status {
            status: Box::new(status.clone()),
            framework: calls.framework().clone(),
            last,
        });
    }

    fn disconnected(&mut self, calls: &mut Calls, why: &str) {
        if self.leaving {
            return calls.stop();
        }
        self.wait(format!("{why}; trying again"));
    }

    fn refused(&mut self, calls: &mut Calls, call: &Call, why: &str) {
        if matches!(call, Call::Accept(_)) {
            self.tell(News::Refused(why.to_owned()));
            calls.teardown();
        }
    }

    fn error(&mut self, _: &mut Calls, message: &str) {
        self.tell(News::Refused(message.to_owned()));
    }
}

/// Whether a master that was just found repeats an end of which the agent has yet to tell how it came about. What only
/// a master can say of a task, that it is lost, nobody will tell better.
fn is_echo(status: &TaskStatus) -> bool {
    use TaskState::{Error, Failed, Finished, Killed};
    matches!(status.state, Finished | Failed | Killed | Error)
        && status.uuid.is_none()
        && status.reason == Some(StatusReason::Reconciliation)
}

/// A status as a line for a person.
pub(super) fn sentence(status: &TaskStatus) -> String {
    let mut line =
        format!("{} {}", status.task_id, status.state.name().trim_start_matches("TASK_").to_lowercase());
    if let Some(message) = status.message.as_deref().filter(|message| !message.is_empty()) {
        line += ": ";
        line += message;
    }
    if let Some(reason) =
        status.reason.filter(|_| status.state.is_terminal() && status.state != TaskState::Finished)
    {
        line += &format!(" ({})", reason.name());
    }
    line
}

/// What a command that ended so would have given its shell.
pub(super) fn exit_code(status: &TaskStatus) -> u8 {
    let message = status.message.as_deref().unwrap_or_default();
    if status.state == TaskState::Finished {
        return 0;
    }
    if let Some(code) = message.strip_prefix("Command exited with status ").and_then(|code| code.parse().ok())
    {
        return code;
    }
    let signal = message.strip_prefix("Command terminated with signal ").and_then(number_of_signal);
    signal.map_or(1, |signal| 128 + signal)
}

/// By the names the C library prints.
fn number_of_signal(name: &str) -> Option<u8> {
    const NAMES: [(&str, u8); 10] = [
        ("Hangup", 1),
        ("Interrupt", 2),
        ("Quit", 3),
        ("Illegal instruction", 4),
        ("Aborted", 6),
        ("Bus error", 7),
        ("Floating point exception", 8),
        ("Killed", 9),
        ("Segmentation fault", 11),
        ("Terminated", 15),
    ];
    NAMES.iter().find(|(known, _)| name.starts_with(known)).map(|&(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(state: TaskState, message: &str) -> TaskStatus {
        TaskStatus { message: Some(message.to_owned()), ..TaskStatus::new(TaskId::new("t"), state) }
    }

    #[test]
    fn the_exit_code_is_the_commands_own() {
        assert_eq!(exit_code(&ended(TaskState::Finished, "Command exited with status 0")), 0);
        assert_eq!(exit_code(&ended(TaskState::Failed, "Command exited with status 7")), 7);
        assert_eq!(exit_code(&ended(TaskState::Failed, "Command terminated with signal Killed")), 137);
        assert_eq!(exit_code(&ended(TaskState::Killed, "Command terminated with signal Terminated")), 143);
        assert_eq!(exit_code(&ended(TaskState::Lost, "agent went away")), 1);
    }

    #[test]
    fn the_end_of_a_task_is_heard_from_its_agent() {
        let mut status = ended(TaskState::Failed, "Reconciliation: Latest task state");
        status.reason = Some(StatusReason::Reconciliation);
        assert!(is_echo(&status));
        status.state = TaskState::Lost;
        assert!(!is_echo(&status));
    }

    #[test]
    fn a_line_says_why_a_task_failed() {
        let status = ended(TaskState::Failed, "Command exited with status 7");
        assert_eq!(sentence(&status), "t failed: Command exited with status 7");
    }
}

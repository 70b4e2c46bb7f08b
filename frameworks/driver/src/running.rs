//! Which tasks run, as far as we know, and which of them are in doubt.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{AgentId, TaskId, TaskInfo, TaskStatus};

/// How long the first answer is waited for before the question is repeated; doubled each time.
const ANSWER_WAIT_MIN: Duration = Duration::from_secs(10);
/// The longest wait between two questions.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5 * 60);

/// The tasks a scheduler launched that have not ended.
///
/// A task is *in doubt* once something happened that may have taken it away unheard (a new leader, an agent that is
/// lost), until any status of it is heard. A master that waits for a task's agent does not answer, and the leader
/// that launched it may have taken the task with it; so whoever is in doubt asks again and again.
#[derive(Debug, Default)]
pub(crate) struct Running {
    agents: BTreeMap<TaskId, AgentId>,
    doubted: BTreeSet<TaskId>,
    /// How often those in doubt were asked about since something new came into doubt.
    asked: u32,
}

impl Running {
    pub(crate) fn launched(&mut self, task: &TaskInfo) {
        self.agents.insert(task.id.clone(), task.agent_id.clone());
    }

    /// A status of a task was heard, so it is known what became of it.
    pub(crate) fn heard(&mut self, status: &TaskStatus) {
        self.doubted.remove(&status.task_id);
        if status.state.is_terminal() {
            self.agents.remove(&status.task_id);
        }
    }

    /// Where a task runs.
    pub(crate) fn agent_of(&self, task: &TaskId) -> Option<&AgentId> {
        self.agents.get(task)
    }

    /// Nothing is sure any more.
    pub(crate) fn doubt_all(&mut self) {
        self.doubted = self.agents.keys().cloned().collect();
        self.asked = 0;
    }

    /// The tasks of an agent are not sure any more.
    pub(crate) fn doubt_on(&mut self, lost: &AgentId) {
        let on_it = self.agents.iter().filter(|(_, agent)| *agent == lost);
        let before = self.doubted.len();
        self.doubted.extend(on_it.map(|(task, _)| task.clone()));
        if self.doubted.len() > before {
            self.asked = 0;
        }
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        !self.doubted.is_empty()
    }

    /// What is to be asked about now, and how long to wait before asking again.
    pub(crate) fn ask(&mut self) -> (Vec<(TaskId, Option<AgentId>)>, Duration) {
        let wait = ANSWER_WAIT_MIN.saturating_mul(1 << self.asked.min(16)).min(ANSWER_WAIT_MAX);
        self.asked = self.asked.saturating_add(1);
        let tasks = self.doubted.iter().map(|task| (task.clone(), self.agents.get(task).cloned()));
        (tasks.collect(), wait)
    }
}

#[cfg(test)]
mod tests {
    use model::TaskState;

    use super::*;

    /// `t1` and `t3` on agent `a`, `t2` on agent `b`.
    fn three() -> Running {
        let agents = [("t1", "a"), ("t2", "b"), ("t3", "a")];
        let agents = agents.map(|(task, agent)| (TaskId::from(task), AgentId::from(agent))).into();
        Running { agents, ..Running::default() }
    }

    fn asked(running: &mut Running) -> (Vec<String>, u64) {
        let (tasks, wait) = running.ask();
        (tasks.into_iter().map(|(task, _)| task.to_string()).collect(), wait.as_secs())
    }

    #[test]
    fn of_an_agent_that_is_lost_our_tasks_are_in_doubt_and_no_others() {
        let mut running = three();
        running.doubt_on(&"c".into());
        assert!(!running.is_in_doubt(), "nothing of ours was there");
        running.doubt_on(&"a".into());
        assert_eq!(asked(&mut running).0, ["t1", "t3"]);
    }

    #[test]
    fn those_in_doubt_are_asked_about_until_each_was_answered() {
        let mut running = three();
        running.doubt_all();
        assert_eq!(asked(&mut running), (vec!["t1".into(), "t2".into(), "t3".into()], 10));
        running.heard(&TaskStatus::new("t2".into(), TaskState::Running));
        assert_eq!(asked(&mut running), (vec!["t1".into(), "t3".into()], 20));
        running.heard(&TaskStatus::new("t1".into(), TaskState::Gone));
        assert_eq!(asked(&mut running), (vec!["t3".into()], 40));
        assert_eq!(running.agent_of(&"t1".into()), None, "it has ended");
        running.heard(&TaskStatus::new("t3".into(), TaskState::Running));
        assert!(!running.is_in_doubt());
    }

    #[test]
    fn questions_come_ever_less_often_until_there_is_something_new_to_ask() {
        let mut running = three();
        running.doubt_on(&"a".into());
        let waits: Vec<u64> = (0..7).map(|_| asked(&mut running).1).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        running.doubt_on(&"a".into());
        assert_eq!(asked(&mut running).1, 300, "nothing new");
        running.doubt_on(&"b".into());
        assert_eq!(asked(&mut running).1, 10);
    }
}

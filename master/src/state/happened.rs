//! What those who watch the master are told: noted where it happens, taken when the turn is over.

use std::fmt;
use std::sync::Arc;

use model::{AgentId, FrameworkId, FrameworkInfo, StreamId, Task, TaskState, TaskStatus};

use super::{Agent, Framework, State};

/// Something that operators who watch hear of.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A task was launched, or came with its agent.
    TaskAdded(Arc<Task>),
    /// A status of a task, and the state its record is in now.
    TaskUpdated {
        /// Whose task it is.
        framework: FrameworkId,
        /// What was said.
        status: Arc<TaskStatus>,
        /// The newest state that is known.
        state: TaskState,
    },
    /// An agent joined the registered ones.
    AgentAdded(Arc<Agent>),
    /// An agent left them.
    AgentRemoved(AgentId),
    /// A framework subscribed for the first time, or came with its agents.
    FrameworkAdded(Arc<Framework>),
    /// A framework subscribed once more, or says something else of itself.
    FrameworkUpdated(Arc<Framework>),
    /// A framework ended.
    FrameworkRemoved(Arc<FrameworkInfo>),
}

impl State {
    /// Lets somebody watch. Returns who is sent away for them: the one who has watched for longest, when too many do.
    pub(crate) fn watch(&mut self, stream: StreamId) -> Option<StreamId> {
        self.watchers.push_back(stream);
        self.touch();
        let sent_away = match self.watchers.len() > self.settings.max_operator_event_stream_subscribers {
            true => self.watchers.pop_front(),
            false => None,
        };
        self.world.watchers = self.watchers.len();
        sent_away
    }

    /// Somebody watches no longer. Says whether they did.
    pub(crate) fn unwatch(&mut self, stream: &StreamId) -> bool {
        let before = self.watchers.len();
        self.watchers.retain(|watcher| watcher != stream);
        self.touch();
        self.world.watchers = self.watchers.len();
        self.watchers.len() < before
    }

    /// Notes what happened, if anybody watches.
    pub(super) fn note(&mut self, happening: impl FnOnce() -> Happening) {
        if !self.watchers.is_empty() {
            self.happened.push(happening());
        }
    }

    /// Notes a status of a task.
    pub(crate) fn note_status(&mut self, framework: &FrameworkId, status: &TaskStatus, state: TaskState) {
        self.note(|| Happening::TaskUpdated {
            framework: framework.clone(),
            status: Arc::new(status.clone()),
            state,
        });
    }

    /// Notes that a framework is not what it was.
    pub(crate) fn note_framework(&mut self, id: &FrameworkId) {
        let Some(framework) = self.world.frameworks.get(id).cloned() else { return };
        self.note(|| Happening::FrameworkUpdated(framework));
    }

    /// What this turn brought about.
    pub(crate) fn take_happened(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happened)
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Happening::TaskAdded(task) => write!(f, "TASK_ADDED {}", task.id),
            Happening::TaskUpdated { status, state, .. } => {
                write!(f, "TASK_UPDATED {} {state}", status.task_id)
            }
            Happening::AgentAdded(agent) => write!(f, "AGENT_ADDED {}", agent.id),
            Happening::AgentRemoved(id) => write!(f, "AGENT_REMOVED {id}"),
            Happening::FrameworkAdded(framework) => write!(f, "FRAMEWORK_ADDED {}", framework.id),
            Happening::FrameworkUpdated(framework) => write!(f, "FRAMEWORK_UPDATED {}", framework.id),
            Happening::FrameworkRemoved(info) => write!(f, "FRAMEWORK_REMOVED {}", info.name),
        }
    }
}

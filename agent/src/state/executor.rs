//! An executor: its container on one side, its stream on the other, its tasks between.

use std::path::Path;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use libprocess::Upid;
use model::{
    ContainerId, ExecutorId, ExecutorInfo, FrameworkId, KillPolicy, Resources, StatusReason, Task, TaskId,
    TaskInfo, TaskState,
};

use crate::containerizer::Identity;
use crate::http::StreamNo;

/// One run of an executor.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    pub id: ExecutorId,
    pub framework: FrameworkId,
    pub info: Arc<ExecutorInfo>,
    pub container: ContainerId,
    /// Its sandbox.
    pub directory: Arc<Path>,
    /// Made by the agent for a command task; the framework never hears of it.
    pub generated: bool,
    /// Whether it is to outlive the agent; follows its framework.
    pub checkpoint: bool,
    pub phase: Phase,
    pub run: Run,
    /// Who its container is, once it exists.
    pub identity: Option<Identity>,
    /// Where it reads its events.
    pub stream: Option<StreamNo>,
    /// Where its driver is, if it is on an old one.
    pub driver: Option<Upid>,
    /// Waiting until it subscribes, in the order the master sent them.
    pub queued: Vector<Queued>,
    /// Given to it and not ended.
    pub tasks: OrdMap<TaskId, Arc<Task>>,
    /// Ended; the last update is not acknowledged yet.
    pub terminated: OrdMap<TaskId, Arc<Task>>,
    /// Ended and acknowledged, oldest first, at most 200.
    pub completed: Vector<Arc<Task>>,
    /// Whether it was ever given a task; one that never was is of no use once nothing is queued.
    pub used: bool,
    /// Kills that came while it was not connected.
    pub kills: OrdMap<TaskId, Option<KillPolicy>>,
    /// Why the agent ends it; what its tasks will be told.
    pub ending: Option<Ending>,
}

/// How far an executor has come.
///
/// | from          | on                                        | to            |
/// |---------------|-------------------------------------------|---------------|
/// | `Registering` | SUBSCRIBE                                 | `Running`     |
/// | any           | shutdown, timeout, framework gone         | `Terminating` |
/// | any           | its container ended                       | `Terminated`  |
///
/// A terminated one stays until its tasks' last updates are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Registering,
    Running,
    Terminating,
    Terminated,
}

/// How far its container has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// The intent to launch it is on its way to the disk.
    Intended,
    /// The containerizer is at work, or was when the last agent stopped.
    Launching,
    /// Its first process has this number.
    Running(u32),
    Ended,
}

/// What waits for an executor: a task, or tasks that start together or not at all.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub tasks: Vec<Arc<TaskInfo>>,
    pub group: bool,
    /// Whether the agent would remember them after a crash; until then the executor does not hear of them.
    pub durable: bool,
    /// Whether their volumes are in the sandbox; what has none does not wait for that.
    pub shown: bool,
}

impl Queued {
    /// The one that stands for them all.
    pub(crate) fn first(&self) -> Option<&TaskId> {
        self.tasks.first().map(|task| &task.id)
    }

    pub(crate) fn holds(&self, task: &TaskId) -> bool {
        self.tasks.iter().any(|info| info.id == *task)
    }
}

/// What the tasks of an executor are told when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub state: TaskState,
    pub reason: StatusReason,
    pub message: String,
    pub limitation: Option<Resources>,
}

impl Executor {
    pub(crate) fn is_ended(&self) -> bool {
        self.phase == Phase::Terminated
    }

    /// Whether it can be given tasks now.
    pub(crate) fn listens(&self) -> Option<StreamNo> {
        self.stream.filter(|_| self.phase == Phase::Running)
    }

    pub(crate) fn queued_tasks(&self) -> impl Iterator<Item = &Arc<TaskInfo>> {
        self.queued.iter().flat_map(|queued| &queued.tasks)
    }

    /// Counts tasks as given that no longer wait.
    pub(crate) fn give(&mut self, queued: &Queued) {
        self.used = true;
        for info in &queued.tasks {
            let record = Task::staging(info, self.framework.clone());
            self.tasks.insert(info.id.clone(), Arc::new(record));
        }
    }

    /// Its process, once it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self.run {
            Run::Running(pid) => Some(pid),
            _ => None,
        }
    }

    /// What it and its tasks hold: the executor's own, and that of every task not ended.
    pub(crate) fn resources(&self) -> Resources {
        let mut sum = self.info.resources.clone();
        for task in self.tasks.values() {
            sum += &task.resources;
        }
        for task in self.queued_tasks() {
            sum += &task.resources;
        }
        sum
    }
}

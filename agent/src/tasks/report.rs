//! Statuses the agent makes itself.

use std::sync::Arc;

use model::{FrameworkId, Resources, StatusReason, StatusSource, TaskId, TaskState, TaskStatus, Time};

use super::settle;
use super::settle::last_said;
use crate::effects::{Effect, Effects};
use crate::recovery::{Durable, Record};
use crate::state::{Ending, Key, State};

/// What the agent says of a task.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub state: TaskState,
    pub reason: StatusReason,
    pub message: String,
    pub limitation: Option<Resources>,
}

impl Report {
    pub(crate) fn new(state: TaskState, reason: StatusReason, message: impl Into<String>) -> Self {
        Self { state, reason, message: message.into(), limitation: None }
    }
}

impl From<Ending> for Report {
    fn from(ending: Ending) -> Self {
        let Ending { state, reason, message, limitation } = ending;
        Self { state, reason, message, limitation }
    }
}

/// Whose tasks are reported on.
#[derive(Clone, Debug)]
pub(crate) enum Whose {
    /// An executor that is here.
    Executor(Key),
    /// Tasks that never reached one.
    Nobody { framework: FrameworkId, checkpoint: bool },
}

/// Says the same of some tasks: each gets an update of its own, delivered like an executor's.
///
/// Source: Mesos task status updates; the state is the one the framework understands.
pub(crate) fn report(
    state: &mut State,
    whose: &Whose,
    tasks: &[TaskId],
    report: &Report,
    now: Time,
) -> Effects {
    let (framework, executor, checkpoint) = match whose {
        Whose::Executor(key) => {
            let Some(executor) = state.executor(key) else { return Effects::new() };
            (key.0.clone(), Some(key.1.clone()), executor.checkpoint)
        }
        Whose::Nobody { framework, checkpoint } => (framework.clone(), None, *checkpoint),
    };
    let aware =
        state.frameworks.get(&framework).is_none_or(|known| known.info.capabilities.partition_aware());
    let (mut records, mut then) = (Vec::new(), Vec::new());
    for task in tasks {
        let uuid = state.ids.update();
        let mut status = TaskStatus::new(task.clone(), report.state.for_framework(aware));
        status.uuid = Some(uuid);
        status.source = Some(StatusSource::Agent);
        status.reason = Some(report.reason);
        status.message = Some(report.message.clone());
        status.limitation = report.limitation.clone();
        status.agent_id = state.id.clone();
        status.executor_id = executor.clone();
        let of = match whose {
            Whose::Executor(key) => state.executor(key),
            Whose::Nobody { .. } => None,
        };
        status.timestamp = Some(now.after(of.and_then(|of| last_said(of, task))));
        let status = Arc::new(status);
        state.streams.push(&framework, executor.as_ref(), uuid, Arc::clone(&status));
        if let Whose::Executor(key) = whose {
            settle(state, key, &status);
        }
        state.counters.valid_status_updates += 1;
        if checkpoint {
            let status = Box::new(status.as_ref().clone());
            records.push(Record::Update { framework: framework.clone(), executor: executor.clone(), status });
        }
        then.push(Durable::Update { framework: framework.clone(), task: task.clone(), uuid });
    }
    if then.is_empty() { Effects::new() } else { vec![Effect::Record { records, then }] }
}

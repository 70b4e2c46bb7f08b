//! What a framework is told of what was not done.

use std::sync::Arc;

use model::call::Accept;
use model::event::Event;
use model::{
    AgentId, OperationId, OperationKind, OperationState, OperationStatus, StatusReason, TaskId, TaskState,
    Time,
};

use super::operations::Accepting;
use crate::effects::Effects;
use crate::state::State;
use crate::tasks;

/// Every task of the call is dropped, and every operation that has a name is in error: its offers are void.
pub(super) fn all(state: &mut State, call: &Accept, message: &str, now: Time, effects: &mut Effects) {
    let Some(framework) = state.world.frameworks.get(&call.framework_id).cloned() else { return };
    let dropped = TaskState::Dropped.for_framework(framework.partition_aware());
    let mut drop_task = |task: &TaskId, agent: &AgentId| {
        let message = format!("Task launched with invalid offers: {message}");
        let status = tasks::status(task, Some(agent), dropped, StatusReason::InvalidOffers, message, now);
        state.task_ended(&call.framework_id, dropped, &status);
        effects.tell(&framework, Event::Update(Arc::new(status)));
    };
    for operation in &call.operations {
        match &operation.kind {
            OperationKind::Launch(tasks) => tasks.iter().for_each(|task| match task {
                Ok(task) => drop_task(&task.id, &task.agent_id),
                Err(task) => drop_task(&task.task_id, &task.agent_id),
            }),
            OperationKind::LaunchGroup(Ok(group)) => {
                group.tasks.iter().for_each(|task| drop_task(&task.id, &task.agent_id));
            }
            OperationKind::LaunchGroup(Err(group)) => {
                group.tasks.iter().for_each(|(task, agent)| drop_task(task, agent));
            }
            OperationKind::Convert(_) | OperationKind::Invalid { .. } => {}
        }
    }
    for operation in &call.operations {
        if !matches!(operation.kind, OperationKind::Convert(_) | OperationKind::Invalid { .. }) {
            continue;
        }
        state.world.tally.operation_ended(operation.kind.name(), OperationState::Error);
        if let Some(id) = operation.id.clone() {
            let message = format!("Operation attempted with invalid offers: {message}");
            effects.tell(&framework, Event::UpdateOperationStatus(Arc::new(error(id, message))));
        }
    }
}

impl Accepting<'_> {
    /// The task is in error, and never existed otherwise.
    pub(super) fn refuse_task(
        &mut self,
        task: &TaskId,
        agent: &AgentId,
        reason: StatusReason,
        message: &str,
    ) {
        let status = tasks::status(task, Some(agent), TaskState::Error, reason, message, self.now);
        self.state.task_ended(&self.framework, status.state, &status);
        if let Some(framework) = self.state.framework(&self.framework) {
            self.effects.tell(framework, Event::Update(Arc::new(status)));
        }
    }

    /// The operation is in error; the framework is told if it gave it a name to be told by.
    pub(super) fn refuse_operation(&mut self, name: &'static str, id: Option<OperationId>, message: String) {
        self.state.world.tally.operation_ended(name, OperationState::Error);
        if let (Some(id), Some(framework)) = (id, self.state.framework(&self.framework)) {
            self.effects.tell(framework, Event::UpdateOperationStatus(Arc::new(error(id, message))));
        }
    }
}

fn error(id: OperationId, message: String) -> OperationStatus {
    OperationStatus { message: Some(message), ..OperationStatus::new(Some(id), OperationState::Error) }
}

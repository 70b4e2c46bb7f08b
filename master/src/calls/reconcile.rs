//! A framework asks what its tasks are doing.

use std::sync::Arc;

use model::call::ReconcileTask;
use model::event::Event;
use model::{AgentId, FrameworkId, StatusReason, Task, TaskId, TaskState, TaskStatus, Time};

use crate::effects::Effects;
use crate::state::{Framework, State};
use crate::tasks;

/// Answers about the tasks named; with none named, about every task that runs or waits for an acknowledgement.
///
/// Source: scheduler semantics §6.
pub(crate) fn reconcile(state: &mut State, id: &FrameworkId, tasks: &[ReconcileTask], now: Time) -> Effects {
    state.world.tally.messages_reconcile_tasks += 1;
    match tasks {
        [] => implicit(state, id, now),
        _ => explicit(state, id, tasks, now),
    }
}

fn implicit(state: &State, id: &FrameworkId, now: Time) -> Effects {
    let mut effects = Effects::none();
    let Some(framework) = state.framework(id) else { return effects };
    for task in framework.tasks.values() {
        effects.tell(framework, Event::Update(Arc::new(latest(task, now))));
    }
    effects
}

/// Answers about each task named, in order.
pub(super) fn explicit(state: &State, id: &FrameworkId, tasks: &[ReconcileTask], now: Time) -> Effects {
    let mut effects = Effects::none();
    let Some(framework) = state.framework(id) else { return effects };
    for asked in tasks {
        if let Some(status) = answer(state, framework, &asked.task_id, asked.agent_id.as_ref(), now) {
            effects.tell(framework, Event::Update(Arc::new(status)));
        }
    }
    effects
}

/// What is known of one task; `None` while its agent may still come to this master and tell.
fn answer(
    state: &State,
    framework: &Framework,
    task: &TaskId,
    agent: Option<&AgentId>,
    now: Time,
) -> Option<TaskStatus> {
    if let Some(known) = framework.tasks.get(task) {
        return Some(latest(known, now));
    }
    let unreachable = framework.unreachable_tasks.get(task).map(|task| &task.agent_id);
    let agent = agent.or(unreachable);
    let world = &state.world;
    let awaited = match agent {
        Some(agent) => world.recovered.contains_key(agent),
        None => !world.recovered.is_empty(),
    };
    if awaited {
        return None;
    }
    let (into, message) = match agent {
        Some(agent) if world.agents.contains_key(agent) => (TaskState::Gone, "Task is unknown to the agent"),
        Some(agent) if world.unreachable.contains_key(agent) => {
            (TaskState::Unreachable, "Task is unreachable")
        }
        Some(agent) if world.gone.contains_key(agent) => (TaskState::GoneByOperator, "Task is gone"),
        _ => (TaskState::Unknown, "Task is unknown"),
    };
    let told = into.for_framework(framework.partition_aware());
    let message = format!("Reconciliation: {message}");
    let mut status = tasks::status(task, agent, told, StatusReason::Reconciliation, message, now);
    status.unreachable_time = agent.and_then(|agent| world.unreachable.get(agent)).copied();
    Some(status)
}

/// The state the framework was told last, or the current one if it was told none.
fn latest(task: &Task, now: Time) -> TaskStatus {
    let into = task.status_update_state.unwrap_or(task.state);
    let message = "Reconciliation: Latest task state";
    let mut status =
        tasks::status(&task.id, Some(&task.agent_id), into, StatusReason::Reconciliation, message, now);
    status.executor_id = task.executor_id.clone();
    if let Some(last) = task.statuses.last() {
        status.healthy = last.healthy;
        status.check_status = last.check_status;
        status.container_status = last.container_status.clone();
    }
    status
}

#[cfg(test)]
mod tests {
    use model::call::{Call, Reconcile, ReconcileTask};
    use model::{FrameworkId, FrameworkInfo};

    use crate::messages::Input;
    use crate::registrar::{Delta, Registry, Report};
    use crate::testing::{Stage, events, register};

    fn ask(framework: &FrameworkId, tasks: &[(&str, Option<&str>)]) -> Call {
        let task = |(task, agent): &(&str, Option<&str>)| ReconcileTask {
            task_id: (*task).into(),
            agent_id: agent.map(Into::into),
        };
        let tasks = tasks.iter().map(task).collect();
        Call::Reconcile(Reconcile { framework_id: framework.clone(), tasks })
    }

    #[test]
    fn a_question_that_names_no_task_is_about_all_that_run() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        let told = "s1 <- UPDATE t TASK_RUNNING REASON_RECONCILIATION: Reconciliation: Latest task state";
        assert_eq!(events(&stage.call(ask(&framework, &[]))), [told]);
    }

    #[test]
    fn an_answer_depends_on_what_is_known_of_the_agent() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        let tasks = [("a", None), ("b", Some(agent.as_str())), ("c", Some("nope-S7"))];
        assert_eq!(
            events(&stage.call(ask(&framework, &tasks))),
            [
                "s1 <- UPDATE a TASK_UNKNOWN REASON_RECONCILIATION: Reconciliation: Task is unknown",
                "s1 <- UPDATE b TASK_GONE REASON_RECONCILIATION: Reconciliation: Task is unknown to the agent",
                "s1 <- UPDATE c TASK_UNKNOWN REASON_RECONCILIATION: Reconciliation: Task is unknown",
            ]
        );
    }

    #[test]
    fn who_does_not_know_of_partitions_is_told_lost() {
        let mut stage = Stage::new();
        let mut info = FrameworkInfo::new("old", "nobody");
        info.capabilities = [model::FrameworkCapability::MultiRole].into_iter().collect();
        let framework = stage.framework_as(info);
        let told = "s1 <- UPDATE a TASK_LOST REASON_RECONCILIATION: Reconciliation: Task is unknown";
        assert_eq!(events(&stage.call(ask(&framework, &[("a", None)]))), [told]);
    }

    #[test]
    fn nothing_is_said_while_an_agent_may_still_tell() {
        let mut stage = Stage::new();
        let mut registry = Registry::default();
        let info = register(1, "cpus:4").info.into();
        registry.apply(&Delta::AdmitAgent { id: "old-S0".into(), info }).unwrap();
        stage.tell(Input::Registrar(Report::Recovered(registry)));
        let framework = stage.framework();
        assert!(events(&stage.call(ask(&framework, &[("a", None), ("b", Some("old-S0"))]))).is_empty());
    }
}

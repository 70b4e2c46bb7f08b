//! The agent is to be emptied.

use model::messages::KillTask;
use model::{DrainConfig, KillPolicy, Time};

use crate::effects::{Effect, Effects};
use crate::recovery::Record;
use crate::state::{Drain, State};
use crate::tasks;

/// Ends all tasks, and takes no new ones until the agent is empty. Told twice, tasks are asked to end twice.
///
/// Source: Mesos agent, draining.
pub(crate) fn drain(state: &mut State, config: DrainConfig, now: Time) -> Effects {
    if state.frameworks.is_empty() && state.operations.is_empty() {
        return Effects::new();
    }
    let started = state.drain.as_ref().map_or(now, |drain| drain.started);
    state.drain = Some(Drain { config, started });
    let record = Record::Drain(Some((config, started)));
    let mut effects = vec![Effect::Record { records: vec![record], then: Vec::new() }];
    let mut alive: Vec<KillTask> = Vec::new();
    for executor in state.executors() {
        let queued = executor.queued_tasks().map(|task| (&task.id, &task.kill_policy));
        let given = executor.tasks.values().map(|task| (&task.id, &task.kill_policy));
        alive.extend(queued.chain(given).map(|(task, own)| KillTask {
            epoch: state.epoch,
            framework_id: executor.framework.clone(),
            task_id: task.clone(),
            kill_policy: shorter(&config, own.as_ref()),
        }));
    }
    for kill in alive {
        effects.extend(tasks::kill(state, kill, now));
    }
    effects
}

/// The drain's grace period, unless the task's own is shorter.
fn shorter(config: &DrainConfig, own: Option<&KillPolicy>) -> Option<KillPolicy> {
    let most = config.max_grace_period?;
    match own.and_then(|own| own.grace_period) {
        Some(own) if own <= most => None,
        _ => Some(KillPolicy { grace_period: Some(most) }),
    }
}

/// Whether the agent has become empty: then it may be used as before, if its master wants to.
pub(crate) fn drained(state: &mut State) -> Effects {
    let idle = state.frameworks.is_empty() && state.operations.is_empty() && state.work.is_none();
    if state.drain.is_none() || !idle {
        return Effects::new();
    }
    tracing::info!("drained");
    state.drain = None;
    vec![Effect::Record { records: vec![Record::Drain(None)], then: Vec::new() }]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::messages::DrainAgent;
    use model::{DrainConfig, TaskState, UpdateId};

    use crate::messages::FromMaster;
    use crate::testing::{EPOCH, World, command_task, status};

    fn drain(world: &mut World, mark_gone: bool) -> Vec<String> {
        let config = DrainConfig { max_grace_period: Some(Duration::from_secs(2)), mark_gone };
        world.master(FromMaster::Drain(DrainAgent { epoch: EPOCH, config }))
    }

    #[test]
    fn a_drained_agent_ends_its_tasks_says_why_and_takes_no_new_ones_until_it_is_empty() {
        let mut world = World::with_custom_task();
        let told = drain(&mut world, false);
        assert!(told.contains(&"to stream 1: KILL t".to_owned()), "{told:?}");
        let told = world.run(command_task("t2"), true).join("\n");
        assert!(told.contains("update t2 TASK_DROPPED REASON_AGENT_DRAINING"), "{told}");
        let told = world.update("e", status("t", TaskState::Killed, 1)).join("\n");
        assert!(told.contains("update t TASK_KILLED REASON_AGENT_DRAINING"), "{told}");
        world.acknowledge("t", UpdateId::from_bytes([1; 16]));
        let uuid = world.outstanding("t2").unwrap();
        world.acknowledge("t2", uuid);
        assert!(world.state.drain.is_some(), "its executor is still there");
        world.exited("e", 0);
        assert!(world.state.drain.is_none());
        let told = world.run(command_task("t3"), true).join("\n");
        assert!(told.contains("launch"), "{told}");
    }

    #[test]
    fn what_ends_on_an_agent_that_will_be_gone_is_gone() {
        let mut world = World::with_custom_task();
        drain(&mut world, true);
        let told = world.update("e", status("t", TaskState::Killed, 1)).join("\n");
        assert!(told.contains("update t TASK_GONE_BY_OPERATOR REASON_AGENT_DRAINING"), "{told}");
    }

    #[test]
    fn a_restarted_agent_is_still_being_drained() {
        let mut world = World::with_custom_task();
        drain(&mut world, false);
        assert!(world.restart().state.drain.is_some());
    }

    #[test]
    fn an_empty_agent_has_nothing_to_drain() {
        let mut world = World::registered();
        assert!(drain(&mut world, false).is_empty());
    }
}

//! The agent is to end, and what else a master may decree.

use std::sync::Arc;

use model::messages::{ShutdownAgent, UnregisterAgent, UpdateFramework};

use crate::effects::{Effect, Effects, ToMaster};
use crate::executors;
use crate::recovery::Record;
use crate::state::{Life, Phase, Run, State};

/// The master wants this agent gone, id and all: every executor is shut down, then the agent ends.
pub(crate) fn shutdown(state: &mut State, shutdown: ShutdownAgent) -> Effects {
    tracing::warn!(message = shutdown.message, "master shuts this agent down");
    let mut effects = vec![Effect::Record { records: vec![Record::Left], then: Vec::new() }];
    state.life = Life::Terminating;
    let frameworks: Vec<_> = state.frameworks.keys().cloned().collect();
    for framework in frameworks {
        effects.extend(executors::shutdown_framework(state, &framework));
    }
    effects.extend(standing_alone(state));
    if state.frameworks.is_empty()
        && state.runs_nothing()
        && !effects.iter().any(|effect| matches!(effect, Effect::Stop(_)))
    {
        effects.push(Effect::Stop(shutdown.message));
    }
    effects
}

/// The agent's owner wants it gone with all it runs, now: containers are destroyed, then the agent ends.
pub(crate) fn finish(state: &mut State) -> Effects {
    let mut effects = Effects::new();
    state.life = Life::Terminating;
    let unregister = |agent_id| Effect::ToMaster(ToMaster::Unregister(UnregisterAgent { agent_id }));
    effects.extend(state.id.clone().map(unregister));
    let keys: Vec<_> =
        state.executors().map(|executor| (executor.framework.clone(), executor.id.clone())).collect();
    for key in keys {
        let Some(executor) = state.executor_mut(&key).filter(|executor| !executor.is_ended()) else {
            continue;
        };
        executor.phase = Phase::Terminating;
        // One that is only intended is not launched any more.
        if executor.run != Run::Intended {
            effects.push(Effect::Destroy(executor.container.clone()));
        }
    }
    effects.extend(standing_alone(state));
    if state.runs_nothing() {
        effects.push(Effect::Stop("told to".to_owned()));
    }
    effects
}

/// Containers that no executor takes along when it ends.
fn standing_alone(state: &State) -> Effects {
    let alone = state.containers.values().filter(|one| one.id.parent().is_none() && !one.is_ended());
    alone.map(|one| Effect::Destroy(one.id.clone())).collect()
}

/// A framework says something else of itself.
pub(crate) fn update_framework(state: &mut State, update: UpdateFramework) -> Effects {
    let UpdateFramework { framework, .. } = update;
    let Some(known) = framework.id.as_ref().and_then(|id| state.framework_mut(id)) else {
        return Effects::new();
    };
    known.info = Arc::new(framework);
    let record = known.info.checkpoint.then(|| Record::Framework(Box::new(known.info.as_ref().clone())));
    match record {
        Some(record) => vec![Effect::Record { records: vec![record], then: Vec::new() }],
        None => Effects::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Recover;
    use crate::containerizer::{Cause, ContainerEvent};
    use crate::messages::Input;
    use crate::testing::{World, custom_task, ended, identity, settings};

    #[test]
    fn an_agent_that_finishes_ends_its_containers_first() {
        let mut world = World::with_custom_task();
        let container = world.container("e");
        assert_eq!(
            world.hear(Input::Finish),
            ["to master: unregister".to_owned(), format!("destroy {container}")]
        );
        let told = world.exited("e", 9);
        assert_eq!(told.last().unwrap(), &format!("forget {container}"));
        assert!(told.contains(&"stop: all executors have ended".to_owned()), "{told:?}");
    }

    #[test]
    fn an_agent_that_finishes_launches_nothing_more() {
        let mut world = World::registered();
        world.hold_disk();
        world.run(custom_task("t"), true);
        assert_eq!(world.hear(Input::Finish), ["to master: unregister"]);
        let told = world.sync().join("\n");
        assert!(!told.contains("launch "), "{told}");
        assert!(told.contains("stop: "), "{told}");
    }

    #[test]
    fn an_agent_that_cleans_up_never_registers() {
        let mut before = World::with_custom_task();
        let container = before.container("e");
        let mut settings = settings();
        settings.recover = Recover::Cleanup;
        let mut world = World::with(settings);
        world.hear(Input::Restored(std::mem::take(&mut before.journal).into_iter().flatten().collect()));
        let running = vec![(container.clone(), identity())];
        let told = world.hear(Input::Container(ContainerEvent::Recovered { running, orphans: Vec::new() }));
        assert_eq!(told[0], "record left", "the next one may be another");
        assert!(told.contains(&format!("destroy {container}")), "{told:?}");
        assert!(!told.iter().any(|line| line.contains("register with")), "{told:?}");
        let termination = ended(Some(9), Cause::Destroyed);
        let told = world.hear(Input::Container(ContainerEvent::Terminated { id: container, termination }));
        assert!(told.contains(&"stop: all executors have ended".to_owned()), "{told:?}");
    }
}

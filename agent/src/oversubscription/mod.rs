//! What is given away and lies idle is given once more, to tasks that can be ended for it.
//!
//! ```text
//!   estimator ── so much more ──► + what revocable tasks have ──► master: the agent's revocable total
//!   controller ── these ────────► their containers are destroyed, REASON_CONTAINER_PREEMPTED
//! ```
//!
//! Source: Mesos agent, "Oversubscription".

mod controller;
mod estimator;
mod modules;

use std::sync::Arc;
use std::time::Duration;

pub use controller::QosController;
pub use estimator::ResourceEstimator;
pub(crate) use modules::Modules;

use model::messages::Oversubscribed;
use model::{Resources, StatusReason, TaskState};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects, ToMaster};
use crate::state::{Ending, Key, Phase, State};

/// Between two looks of the controller there is at least this.
const CORRECTION_MIN: Duration = Duration::from_secs(1);

/// Who decides, and how often.
#[derive(Clone, Debug)]
pub struct Oversubscription {
    pub estimator: Option<Arc<dyn ResourceEstimator>>,
    /// How often it is asked.
    pub interval: Duration,
    pub controller: Option<Arc<dyn QosController>>,
    /// How often that is asked at most.
    pub correction_interval: Duration,
}

impl Default for Oversubscription {
    fn default() -> Oversubscription {
        Oversubscription {
            estimator: None,
            interval: Duration::from_secs(15),
            controller: None,
            correction_interval: Duration::ZERO,
        }
    }
}

/// How many programs want a processor, on average over so many minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    pub one: f64,
    pub five: f64,
    pub fifteen: f64,
}

/// What an estimator or a controller may know.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// All that tasks and executors hold and may lose.
    pub revocable: Resources,
    /// Who holds it.
    pub executors: Vec<Key>,
    /// If it is known.
    pub load: Option<Load>,
}

fn usage(state: &State, load: Option<Load>) -> Usage {
    let mut usage = Usage { load, ..Usage::default() };
    for executor in state.executors().filter(|executor| !executor.is_ended()) {
        let revocable = executor.resources().revocable().unallocate();
        if !revocable.is_empty() {
            usage.revocable += &revocable;
            usage.executors.push((executor.framework.clone(), executor.id.clone()));
        }
    }
    usage
}

/// Begins to ask whoever is there to be asked.
pub(crate) fn begin(state: &State) -> Effects {
    let Oversubscription { estimator, interval, controller, .. } = &state.settings.oversubscription;
    let estimating = estimator.as_ref().map(|_| Effect::Wake(Alarm::Estimate, Delay::Exactly(*interval)));
    let correcting = controller.as_ref().map(|_| again(state));
    estimating.into_iter().chain(correcting).collect()
}

/// Time to ask the estimator.
pub(crate) fn estimate(state: &mut State) -> Effects {
    let mut effects = tell(state);
    let interval = state.settings.oversubscription.interval;
    effects.push(Effect::Wake(Alarm::Estimate, Delay::Exactly(interval)));
    effects
}

/// A master has taken the agent in, and knows of nothing revocable.
pub(crate) fn registered(state: &mut State) -> Effects {
    state.oversubscribed = Resources::default();
    tell(state)
}

/// Tells the master what may be given once more, unless it knows.
fn tell(state: &mut State) -> Effects {
    let Some(estimator) = &state.settings.oversubscription.estimator else { return Effects::new() };
    let (Some(agent_id), Some(_)) = (state.id.clone(), state.link.registered()) else {
        return Effects::new();
    };
    let usage = usage(state, None);
    let more = estimator.oversubscribable(&usage).filter(|more| more.revocable && more.is_unreserved());
    let revocable = more + &usage.revocable;
    if revocable == state.oversubscribed {
        return Effects::new();
    }
    state.oversubscribed = revocable.clone();
    vec![Effect::ToMaster(ToMaster::Oversubscribed(Oversubscribed { agent_id, revocable }))]
}

/// The load is known: whoever the controller names makes room.
pub(crate) fn correct(state: &mut State, load: Option<Load>) -> Effects {
    let Some(controller) = &state.settings.oversubscription.controller else { return Effects::new() };
    let corrections = controller.corrections(&usage(state, load));
    let mut effects: Effects = corrections.iter().filter_map(|key| preempt(state, key)).collect();
    effects.push(again(state));
    effects
}

fn again(state: &State) -> Effect {
    let interval = state.settings.oversubscription.correction_interval.max(CORRECTION_MIN);
    Effect::Wake(Alarm::Correct, Delay::Exactly(interval))
}

/// Ends an executor with all it runs; `TASK_GONE`, which a master tells as `TASK_LOST` to who does not know it.
fn preempt(state: &mut State, key: &Key) -> Option<Effect> {
    let executor =
        state.executor_mut(key).filter(|executor| !executor.is_ended() && executor.ending.is_none())?;
    executor.phase = Phase::Terminating;
    executor.ending = Some(Ending {
        state: TaskState::Gone,
        reason: StatusReason::ContainerPreempted,
        message: "Container preempted by QoS correction".to_owned(),
        limitation: None,
    });
    let container = executor.container.clone();
    state.counters.executors_preempted += 1;
    Some(Effect::Destroy(container))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::messages::Input;
    use crate::testing::{World, custom_task};

    const LIBRARIES: &str = r#"{"libraries": [{"modules": [
        {"name": "org_apache_mesos_FixedResourceEstimator", "parameters": [{"key": "resources", "value": "cpus:2"}]},
        {"name": "org_apache_mesos_LoadQoSController", "parameters": [{"key": "load_threshold_5min", "value": "4"}]}
    ]}]}"#;

    /// An agent that gives two processors once more, and takes them back when it is busy.
    fn world() -> World {
        let modules = Modules::parse(LIBRARIES).unwrap();
        let mut world = World::registered();
        Arc::make_mut(&mut world.state.settings).oversubscription = Oversubscription {
            estimator: Some(modules.estimator("org_apache_mesos_FixedResourceEstimator").unwrap()),
            controller: Some(modules.controller("org_apache_mesos_LoadQoSController").unwrap()),
            ..Oversubscription::default()
        };
        world
    }

    #[test]
    fn a_master_is_told_once_and_each_anew() {
        let mut world = world();
        let told = "to master: oversubscribed cpus{REV}:2".to_owned();
        let again = "wake after 15s: Estimate".to_owned();
        assert_eq!(world.hear(Input::Woke(Alarm::Estimate)), [told.clone(), again.clone()]);
        assert_eq!(world.hear(Input::Woke(Alarm::Estimate)), [again]);
        world.hear(Input::Lost(crate::testing::master()));
        assert!(world.register().contains(&told));
    }

    #[test]
    fn revocable_tasks_make_room_when_the_machine_is_busy_and_no_others() {
        let mut world = world();
        let mut revocable = custom_task("t");
        revocable.resources = "cpus{REV}:1;mem:64".parse().unwrap();
        world.run(revocable, true);
        world.launched("e");
        let again = "wake after 1s: Correct".to_owned();
        let load = |five| Input::Loaded(Some(Load { one: 0.0, five, fifteen: 0.0 }));
        assert_eq!(world.hear(load(1.0)), std::slice::from_ref(&again));

        let container = world.container("e");
        assert_eq!(world.hear(load(9.0)), [format!("destroy {container}"), again.clone()]);
        assert_eq!(world.hear(load(9.0)), [again], "it is ending already");

        let told = world.exited("e", 9).join("\n");
        let line = "update t TASK_GONE REASON_CONTAINER_PREEMPTED \"Container preempted by QoS correction\"";
        assert!(told.contains(line), "{told}");
        assert_eq!(world.state.counters.executors_preempted, 1);
        assert_eq!(usage(&world.state, None).executors, []);
    }
}

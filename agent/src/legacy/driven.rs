//! Where an executor's driver is, so that it can be asked back.

use libprocess::Upid;

use crate::effects::{Effect, Effects};
use crate::recovery::Record;
use crate::state::{Key, Phase, State};

/// An executor has subscribed, by its driver or on a stream; which is written down if it is to outlive the agent.
pub(crate) fn driven(state: &mut State, key: &Key, driver: Option<Upid>) -> Effects {
    let Some(executor) = state.executor_mut(key).filter(|executor| executor.driver != driver) else {
        return Effects::new();
    };
    executor.driver.clone_from(&driver);
    if !executor.checkpoint {
        return Effects::new();
    }
    let (framework, executor) = key.clone();
    let pid = driver.map(|driver| driver.to_string());
    vec![Effect::Record { records: vec![Record::Driver { framework, executor, pid }], then: Vec::new() }]
}

/// Asks every driver whose executor runs to say that it is there. The others come by themselves.
pub(crate) fn reconnect(state: &State) -> Effects {
    let waited_for = state.executors().filter(|executor| executor.phase == Phase::Registering);
    waited_for.filter_map(|executor| executor.driver.clone()).map(Effect::Reconnect).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::recovery::{replay, snapshot};
    use crate::state::State;
    use crate::testing::{World, custom_task, key};

    fn pid() -> Upid {
        "executor(1)@127.0.0.1:7".parse().unwrap()
    }

    #[test]
    fn a_driver_is_written_down_once_and_asked_by_the_next_agent() {
        let mut world = World::with_custom_task();
        let told = driven(&mut world.state, &key("e"), Some(pid()));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to_string(), "record driver of e");
        assert!(driven(&mut world.state, &key("e"), Some(pid())).is_empty(), "nothing new");
        assert!(reconnect(&world.state).is_empty(), "it is there");

        let mut next = State::new(Arc::clone(&world.state.settings), 1, model::Time::START);
        snapshot(&world.state).into_iter().for_each(|record| replay(&mut next, record));
        let asked: Vec<String> = reconnect(&next).iter().map(ToString::to_string).collect();
        assert_eq!(asked, ["ask executor(1)@127.0.0.1:7 back"]);
    }

    #[test]
    fn who_reads_a_stream_from_now_on_is_not_asked() {
        let mut world = World::with_custom_task();
        driven(&mut world.state, &key("e"), Some(pid()));
        world.resubscribe("e", 2, vec![custom_task("t")], Vec::new());
        assert_eq!(world.state.executor(&key("e")).unwrap().driver, None);
    }
}

//! SUBSCRIBE of operators: everything there is, then everything that happens.

use model::StreamId;

use crate::effects::{Effect, Effects};
use crate::messages::Watching;
use crate::state::State;

/// Lets somebody watch. When too many do, whoever has watched for longest is sent away.
///
/// Source: Mesos operator HTTP API, `SUBSCRIBE`.
pub(crate) fn watch(state: &mut State, stream: StreamId, watcher: Watching) -> Effects {
    let mut effects = Effects::from(Effect::Watch { stream: stream.clone(), watcher });
    effects.extend(state.watch(stream).map(Effect::Unwatch));
    effects
}

/// Nobody reads the stream any more.
pub(crate) fn unwatch(state: &mut State, stream: StreamId) -> Effects {
    match state.unwatch(&stream) {
        true => Effect::Unwatch(stream).into(),
        false => Effects::none(),
    }
}

#[cfg(test)]
mod tests {
    use model::{FrameworkInfo, StreamId, TaskState};

    use crate::config::Settings;
    use crate::effects::{Effect, Effects};
    use crate::messages::{Input, Watching};
    use crate::testing::{Stage, task};

    fn watch(stage: &mut Stage, name: &str) -> Effects {
        stage.tell(Input::Watch { stream: StreamId::from(name), watcher: Watching::default() })
    }

    fn happened(effects: &Effects) -> Vec<String> {
        let line = |effect: &Effect| match effect {
            Effect::Happened(all) => all.iter().map(|one| format!("{one}")).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        effects.iter().flat_map(line).collect()
    }

    #[test]
    fn who_watches_hears_of_all_that_happens() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4");
        watch(&mut stage, "w1");
        let framework = stage.framework();
        let offer = stage.offer(&framework, &agent, "cpus:1");
        let effects = stage.launch(&framework, &offer, vec![task("t", &agent, "cpus:1")]);
        assert_eq!(happened(&effects), ["TASK_ADDED t"]);
        let effects = stage.update(&framework, &agent, "t", TaskState::Running);
        assert_eq!(happened(&effects), ["TASK_UPDATED t TASK_RUNNING"]);
        let info = FrameworkInfo::clone(&stage.state.framework(&framework).unwrap().info);
        assert_eq!(happened(&stage.subscribe(info)), ["FRAMEWORK_UPDATED m-0000"]);
        let effects = stage.tell(Input::Teardown { framework, asker: Default::default() });
        assert_eq!(happened(&effects), ["TASK_UPDATED t TASK_KILLED", "FRAMEWORK_REMOVED tests"]);
        stage.tell(Input::WatchClosed { stream: StreamId::from("w1") });
        stage.framework();
        assert!(stage.state.take_happened().is_empty(), "nobody watches");
    }

    #[test]
    fn the_oldest_watcher_makes_room() {
        let settings = Settings { max_operator_event_stream_subscribers: 2, ..Settings::default() };
        let mut stage = Stage::with(settings);
        for name in ["w1", "w2"] {
            assert!(!watch(&mut stage, name).to_string().contains("closes"));
        }
        assert!(watch(&mut stage, "w3").to_string().contains("w1 closes"));
    }
}

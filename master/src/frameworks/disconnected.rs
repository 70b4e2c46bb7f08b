//! The stream of a scheduler is lost.

use model::{StreamId, Time};

use crate::alarms::Alarm;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::{Connection, State};

/// Puts the framework aside: its offers go back, its tasks run on, and it has its failover timeout to return.
///
/// A stream that another has replaced, or whose framework ended, is nobody's any more.
/// Source: scheduler semantics §2, 8; without a failover timeout the end comes at once.
pub(crate) fn disconnected(state: &mut State, stream: &StreamId, now: Time) -> Effects {
    let Some(id) = state.reader(stream).cloned() else { return Effects::none() };
    let framework = state.framework(&id).expect("a reader is a known framework");
    let patience = framework.info.failover_timeout;
    let deadline = now + patience;

    let mut effects = Effects::from(Effect::Allocator(allocator::Input::DeactivateFramework(id.clone())));
    offers::discard(state, &id, &mut effects);
    state.connect(&id, Connection::Disconnected { deadline });
    effects.push(Effect::Close { stream: stream.clone() });
    effects.push(Effect::Alarm { after: patience, alarm: Alarm::Failover { framework: id, deadline } });
    effects
}

#[cfg(test)]
mod tests {
    use model::FrameworkInfo;

    use crate::alarms::Alarm;
    use crate::effects::Effect;
    use crate::messages::{Input, Woken};
    use crate::testing::{Stage, to_allocator};

    #[test]
    fn a_lost_framework_has_its_failover_timeout_to_return() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:2");

        let effects = stage.tell(Input::StreamClosed { stream: stage.stream() });

        assert_eq!(
            to_allocator(&effects),
            ["deactivate framework m-0000", "recover cpus(allocated: web):2 on m-S0 from m-0000"]
        );
        let alarm = effects.into_iter().find_map(|effect| match effect {
            Effect::Alarm { alarm, .. } => Some(alarm),
            _ => None,
        });
        let alarm: Alarm = alarm.expect("it is waited for");
        stage.wait(60);
        stage.tell(Input::Woke(Woken(alarm)));
        assert!(stage.state.framework(&framework).is_none(), "it did not return");
    }

    #[test]
    fn who_returned_in_time_is_not_ended_by_an_old_alarm() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let info = FrameworkInfo::clone(&stage.state.framework(&framework).unwrap().info);
        let effects = stage.tell(Input::StreamClosed { stream: stage.stream() });
        stage.subscribe(info);
        stage.wait(60);
        for effect in effects {
            if let Effect::Alarm { alarm, .. } = effect {
                stage.tell(Input::Woke(Woken(alarm)));
            }
        }
        assert!(stage.state.framework(&framework).unwrap().connected());
    }

    #[test]
    fn the_end_of_a_replaced_stream_is_no_news() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let old = stage.stream();
        let info = FrameworkInfo::clone(&stage.state.framework(&framework).unwrap().info);
        stage.subscribe(info);
        stage.tell(Input::StreamClosed { stream: old });
        assert!(stage.state.framework(&framework).unwrap().connected());
    }
}

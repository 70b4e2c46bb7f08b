//! Who may speak for a framework over the old wire.

use libprocess::Upid;
use model::{FrameworkId, StreamId};

use crate::state::{Connection, State};

/// A scheduler's driver that subscribes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Where it is, and what its calls will come from.
    pub pid: Upid,
    /// Whether it takes its framework over from whoever speaks for it.
    pub force: bool,
}

/// What a driver that subscribes is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Whoever it says.
    Welcome,
    /// Subscribed, on this stream; it has not heard of it yet and asks again.
    Subscribed { framework: FrameworkId, stream: StreamId },
    /// One whose place another has taken.
    Replaced,
}

/// What a driver is that subscribes for a framework, or for a new one.
pub(crate) fn standing(state: &State, framework: Option<&FrameworkId>, driver: &Driver) -> Standing {
    let Some(id) = framework else {
        let mut known = state.world.frameworks.values();
        let already = known.find_map(|known| {
            Some((known.stream()?, known)).filter(|(_, known)| known.is_driven_by(&driver.pid))
        });
        return match already {
            Some((stream, known)) => Standing::Subscribed { framework: known.id.clone(), stream },
            None => Standing::Welcome,
        };
    };
    match state.framework(id) {
        // Nobody has spoken for it to this master yet.
        Some(known) if known.connection == Connection::Recovered => Standing::Welcome,
        Some(known) if !driver.force && !known.is_driven_by(&driver.pid) => Standing::Replaced,
        _ => Standing::Welcome,
    }
}

#[cfg(test)]
mod tests {
    use model::call::{Call, Subscribe, Suppress};
    use model::{FrameworkInfo, OfferConstraints, Role};

    use super::*;
    use crate::effects::Effects;
    use crate::messages::{Asker, Caller, Input, Outlet};
    use crate::testing::{ROLE, Stage, events, to_allocator};

    fn pid(number: u16) -> Upid {
        Upid::new("scheduler", ([127, 0, 0, 1], number).into())
    }

    /// A driver subscribes, on a stream of its own.
    fn drive(stage: &mut Stage, stream: &str, id: Option<&FrameworkId>, number: u16, force: bool) -> Effects {
        let mut info = FrameworkInfo::new("f", "nobody");
        info.role = Some(Role::from(ROLE));
        info.id = id.cloned();
        let call = Subscribe {
            framework_id: id.cloned(),
            framework: Ok(info),
            suppressed_roles: Vec::new(),
            constraints: OfferConstraints::default(),
        };
        stage.tell(Input::Subscribe {
            call: Box::new(call),
            principal: None,
            stream: StreamId::from(stream),
            outlet: Outlet::default(),
            driver: Some(Driver { pid: pid(number), force }),
        })
    }

    fn last(effects: &Effects) -> String {
        effects.iter().last().map(ToString::to_string).unwrap_or_default()
    }

    /// A stage with a framework whose driver is the first.
    fn driven() -> (Stage, FrameworkId) {
        let mut stage = Stage::new();
        let effects = drive(&mut stage, "one", None, 1, false);
        assert_eq!(events(&effects), ["one <- SUBSCRIBED m-0000", "one <- HEARTBEAT"]);
        (stage, "m-0000".into())
    }

    #[test]
    fn a_driver_that_registers_twice_is_one_framework_and_keeps_its_offers() {
        let (mut stage, framework) = driven();
        let agent = stage.agent(1, "cpus:4");
        stage.offer(&framework, &agent, "cpus:4");
        let effects = drive(&mut stage, "again", None, 1, false);
        assert_eq!(events(&effects), ["one <- SUBSCRIBED m-0000"]);
        assert_eq!(last(&effects), "close again");
        assert_eq!((stage.state.world.frameworks.len(), stage.state.world.offers.len()), (1, 1));
        drive(&mut stage, "other", None, 2, false);
        assert_eq!(stage.state.world.frameworks.len(), 2, "another is another");
    }

    #[test]
    fn only_who_takes_over_may_speak_from_elsewhere() {
        let (mut stage, framework) = driven();
        let effects = drive(&mut stage, "two", Some(&framework), 2, false);
        assert_eq!(events(&effects), ["two <- ERROR: Framework failed over"]);
        assert_eq!(last(&effects), "close two");
        assert_eq!(stage.state.framework(&framework).unwrap().stream(), Some("one".into()));

        let effects = drive(&mut stage, "two", Some(&framework), 2, true);
        let told = ["one <- ERROR: Framework failed over", "two <- SUBSCRIBED m-0000", "two <- HEARTBEAT"];
        assert_eq!(events(&effects), told);
        let effects = drive(&mut stage, "late", Some(&framework), 1, false);
        assert_eq!(events(&effects), ["late <- ERROR: Framework failed over"], "its place is taken");
    }

    #[test]
    fn a_driver_that_comes_back_is_told_nothing_of_itself_and_its_offers_are_void() {
        let (mut stage, framework) = driven();
        let agent = stage.agent(1, "cpus:4");
        stage.offer(&framework, &agent, "cpus:4");
        let effects = drive(&mut stage, "back", Some(&framework), 1, false);
        assert_eq!(events(&effects), ["back <- SUBSCRIBED m-0000", "back <- HEARTBEAT"]);
        assert!(effects.to_string().contains("close one\n"));
        assert!(to_allocator(&effects).iter().any(|told| told.starts_with("recover")));
        assert!(stage.state.world.offers.is_empty());
    }

    #[test]
    fn one_whose_line_broke_may_come_back_but_no_other_without_force() {
        let (mut stage, framework) = driven();
        stage.tell(Input::StreamClosed { stream: "one".into() });
        // It has no failover timeout, but nobody has looked at the clock yet.
        let effects = drive(&mut stage, "two", Some(&framework), 2, false);
        assert_eq!(events(&effects), ["two <- ERROR: Framework failed over"]);
        let effects = drive(&mut stage, "back", Some(&framework), 1, false);
        assert_eq!(events(&effects)[0], "back <- SUBSCRIBED m-0000");
    }

    #[test]
    fn a_framework_of_another_master_comes_without_force() {
        let mut stage = Stage::new();
        let effects = drive(&mut stage, "one", Some(&"old-0007".into()), 1, false);
        assert_eq!(events(&effects)[0], "one <- SUBSCRIBED old-0007");
    }

    #[test]
    fn a_framework_on_a_stream_is_not_a_drivers_unless_it_takes_over() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let effects = drive(&mut stage, "one", Some(&framework), 1, false);
        assert_eq!(events(&effects), ["one <- ERROR: Framework failed over"]);
    }

    #[test]
    fn the_calls_of_a_framework_come_from_its_driver_alone() {
        let (mut stage, framework) = driven();
        let mut suppress = |from: Option<u16>, stream: Option<&str>| {
            let call = Call::Suppress(Suppress { framework_id: framework.clone(), roles: Vec::new() });
            let caller =
                Caller { stream: stream.map(StreamId::from), driver: from.map(pid), principal: None };
            stage.tell(Input::Call { call: Box::new(call), caller, asker: Asker::default() }).to_string()
        };
        assert!(suppress(Some(2), None).contains("answer: 4"), "not this one's");
        assert!(suppress(Some(1), None).contains("answer: accepted"));
        assert!(suppress(None, Some("another")).contains("answer: 4"));
    }
}

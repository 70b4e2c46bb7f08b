//! Whether agents stand where this master can make something of it.

use libprocess::Upid;
use model::{AgentInfo, FaultDomain};

use crate::state::State;

/// Whether an agent is left to ask in vain; the log says why.
///
/// Source: scheduler semantics §9, "Registration".
pub(super) fn refuses(state: &State, from: &Upid, info: &AgentInfo) -> bool {
    let ours = state.world.identity.domain.as_ref();
    let Some(why) = misplaced(ours, state.settings.require_agent_domain, info.domain.as_ref()) else {
        return false;
    };
    tracing::warn!(agent = %from, hostname = info.hostname, why, "an agent is not taken in");
    true
}

fn misplaced(
    ours: Option<&FaultDomain>,
    required: bool,
    theirs: Option<&FaultDomain>,
) -> Option<&'static str> {
    match (ours, theirs) {
        (None, Some(_)) => {
            Some("it has a fault domain and this master has none: start the master with --domain too")
        }
        (_, None) if required => {
            Some("it says no fault domain, and --require_agent_domain is set: start it with --domain")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Input;
    use crate::testing::{Stage, register, upid};

    #[test]
    fn an_agent_with_a_domain_needs_a_master_with_one() {
        let domain = FaultDomain { region: "north".into(), zone: "a".into() };
        let some = Some(&domain);
        assert!(misplaced(None, false, some).is_some());
        assert!(misplaced(some, true, None).is_some());
        assert_eq!(misplaced(None, false, None), None);
        assert_eq!(misplaced(some, false, None), None);
        assert_eq!(misplaced(some, true, some), None);
    }

    #[test]
    fn who_stands_nowhere_asks_in_vain() {
        let mut stage = Stage::new();
        let mut body = register(1, "cpus:4");
        body.info.domain = Some(FaultDomain { region: "north".into(), zone: "a".into() });
        let effects = stage.tell(Input::Register { from: upid(1), principal: None, body: Box::new(body) });
        assert_eq!(effects.to_string(), "");
        assert!(stage.asked.is_empty(), "nothing is written down");
    }
}

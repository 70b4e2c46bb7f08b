//! Whether somebody may be an agent.

use libprocess::{Principal, Upid};
use security::Action;

use crate::authorization::allow_any;
use crate::state::State;

/// Whether who asks from there may, going by who its link proved it to be.
///
/// Source: scheduler semantics §9, REGISTER_AGENT.
pub(crate) fn may(state: &State, from: &Upid, principal: Option<&Principal>) -> bool {
    let rights = state.settings.policy.rights_of(principal.map(Principal::as_str));
    let allowed = allow_any(&rights, Action::RegisterAgent);
    if let Err(why) = &allowed {
        tracing::warn!(agent = %from, %why, "an agent is not let in");
    }
    allowed.is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use libprocess::Principal;
    use security::{Acls, Local, Policy};

    use crate::config::Settings;
    use crate::messages::Input;
    use crate::testing::{Stage, register, upid};

    #[test]
    fn only_those_who_may_are_let_in_and_others_hear_nothing() {
        let rules = r#"{"permissive": false,
            "register_agents": [{"principals": {"values": ["agent"]}, "agents": {"type": "ANY"}}]}"#;
        let local = Local::new(Acls::parse(rules).unwrap().acls);
        let mut stage = Stage::with(Settings { policy: Policy::of(Arc::new(local)), ..Settings::default() });
        let asks = |stage: &mut Stage, principal: Option<&str>| {
            let principal = principal.map(Principal::new);
            let body = Box::new(register(1, "cpus:4"));
            stage.tell(Input::Register { from: upid(1), principal, body }).to_string()
        };
        assert_eq!(asks(&mut stage, None), "");
        assert_eq!(asks(&mut stage, Some("eve")), "");
        assert!(asks(&mut stage, Some("agent")).contains("m-S0"));
    }
}

//! An agent has more to give to tasks that can be ended for it, or less.

use libprocess::Upid;
use model::OfferId;
use model::messages::Oversubscribed;

use super::add::for_allocator;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::State;

/// Counts on it. Offers of what could be taken back are, since they may be made of what is no longer there.
///
/// Source: scheduler semantics §12, "Oversubscription".
pub(crate) fn oversubscribed(state: &mut State, from: &Upid, message: Oversubscribed) -> Effects {
    state.world.tally.messages_update_slave += 1;
    let Oversubscribed { agent_id, revocable } = message;
    let Some(agent) = state.agent(&agent_id).filter(|agent| agent.upid == *from) else {
        return Effects::none();
    };
    if revocable.iter().any(|resource| !resource.revocable || !resource.is_unreserved()) {
        tracing::warn!(agent = %agent_id, %revocable, "an agent oversubscribes what it may not");
        return Effects::none();
    }
    let total = agent.total.non_revocable() + revocable;
    if agent.total == total {
        return Effects::none();
    }
    let stale: Vec<OfferId> = agent
        .offers
        .iter()
        .filter(|id| {
            state.world.offers.get(*id).is_some_and(|offer| offer.resources.iter().any(|one| one.revocable))
        })
        .cloned()
        .collect();
    let mut effects: Effects = stale.iter().flat_map(|offer| offers::rescind(state, offer)).collect();
    state.set_total(&agent_id, total);
    let agent = state.agent(&agent_id).expect("it was there above");
    effects.push(Effect::Allocator(allocator::Input::UpdateAgent(for_allocator(agent))));
    effects
}

#[cfg(test)]
mod tests {
    use model::Resources;
    use model::messages::Oversubscribed;

    use crate::effects::Effects;
    use crate::messages::Input;
    use crate::testing::{Stage, events, to_allocator, upid};

    fn say(stage: &mut Stage, number: u16, revocable: &str) -> Effects {
        let revocable: Resources = revocable.parse().unwrap();
        let body = Oversubscribed { agent_id: "m-S0".into(), revocable };
        stage.tell(Input::Oversubscribed { from: upid(number), body })
    }

    #[test]
    fn what_is_given_once_more_is_part_of_the_agents_total() {
        let mut stage = Stage::new();
        stage.agent(1, "cpus:4");
        let effects = say(&mut stage, 1, "cpus{REV}:2");
        assert_eq!(to_allocator(&effects), ["update agent m-S0 to cpus:4; cpus{REV}:2"]);
        assert_eq!(say(&mut stage, 1, "cpus{REV}:2").to_string(), "", "said again, it is nothing new");
        assert_eq!(to_allocator(&say(&mut stage, 1, "")), ["update agent m-S0 to cpus:4"]);
    }

    #[test]
    fn offers_of_it_are_taken_back_and_no_others() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        say(&mut stage, 1, "cpus{REV}:2");
        stage.offer(&framework, &agent, "cpus:1");
        stage.offer(&framework, &agent, "cpus{REV}:1");
        let effects = say(&mut stage, 1, "cpus{REV}:1");
        assert_eq!(events(&effects).len(), 1, "{effects}");
        assert_eq!(stage.state.world.offers.len(), 1);
    }

    #[test]
    fn nobody_else_says_so_and_nothing_is_made_for_keeps() {
        let mut stage = Stage::new();
        stage.agent(1, "cpus:4");
        assert_eq!(say(&mut stage, 2, "cpus{REV}:2").to_string(), "");
        assert_eq!(say(&mut stage, 1, "cpus:2").to_string(), "");
    }
}

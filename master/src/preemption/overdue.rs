//! The grace of those who were told to leave an agent is over.

use model::AgentId;
use model::event::Event;

use super::wishes::Notice;
use crate::effects::Effects;
use crate::state::State;
use crate::tasks;

/// Takes the questions back, and ends the tasks that are still there, if they are still in somebody's way.
pub(crate) fn overdue(state: &mut State, agent: &AgentId) -> Effects {
    let Some(Notice { wishes, tasks, asked }) = state.preemptions.notices.remove(agent) else {
        return Effects::none();
    };
    let mut effects = Effects::none();
    state.touch();
    for id in asked {
        let Some(offer) = state.world.inverse_offers.remove(&id) else { continue };
        if let Some(framework) = state.framework(&offer.framework_id) {
            effects.tell(framework, Event::RescindInverseOffer { inverse_offer_id: id });
        }
    }
    if !state.preemptions.wishes.contains_key(&wishes) {
        return effects;
    }
    for (framework, task) in tasks {
        let known = state.framework(&framework).and_then(|framework| framework.tasks.get(&task));
        if known.is_some_and(|task| task.agent_id == *agent && !task.state.is_terminal()) {
            tracing::info!(%framework, %task, %agent, "a task ends to make room");
            effects.extend(tasks::kill(state, &framework, &task, None));
        }
    }
    effects
}

//! What operators ask that changes something, one file per kind of call.

mod convert;

use model::{AgentId, Conversion};

use crate::effects::Effects;
use crate::messages::Asker;
use crate::state::State;

/// What an operator asks for.
#[derive(Clone, Debug)]
pub enum Ask {
    /// What an agent has is to become something else.
    Convert {
        /// Which agent.
        agent: AgentId,
        /// What goes, and what comes.
        conversion: Conversion,
    },
}

/// One line per call.
pub(crate) fn hear(state: &mut State, ask: Ask, asker: Asker) -> Effects {
    match ask {
        Ask::Convert { agent, conversion } => convert::convert(state, &agent, conversion, asker),
    }
}

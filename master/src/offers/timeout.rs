//! An offer has been out too long.

use model::OfferId;

use super::rescind;
use crate::effects::Effects;
use crate::state::State;

/// Rescinds the offer, unless it was answered in time.
///
/// Source: flag `offer_timeout`.
pub(crate) fn timeout(state: &mut State, offer: &OfferId) -> Effects {
    rescind(state, offer)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::alarms::Alarm;
    use crate::config::Settings;
    use crate::messages::{Input, Woken};
    use crate::testing::{Stage, events, to_allocator};

    #[test]
    fn an_offer_nobody_answers_is_rescinded() {
        let mut stage =
            Stage::with(Settings { offer_timeout: Some(Duration::from_secs(30)), ..Settings::default() });
        let (agent, framework) = (stage.agent(1, "cpus:1"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:1");
        let effects = stage.tell(Input::Woke(Woken(Alarm::Offer(offer))));
        assert_eq!(events(&effects), ["s1 <- RESCIND m-O0"]);
        assert_eq!(to_allocator(&effects), ["recover cpus(allocated: web):1 on m-S0 from m-0000"]);
    }
}

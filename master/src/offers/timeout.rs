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

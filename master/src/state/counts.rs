//! What passed between one framework and this master, counted.

use imbl::OrdMap;
use model::TaskState;
use model::event::Event;

/// Counters of one framework. Names are those of the API: `ACCEPT`, `OFFERS`, `LAUNCH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that were heard, by type.
    pub calls: OrdMap<&'static str, u64>,
    /// Events that were sent, by type.
    pub events: OrdMap<&'static str, u64>,
    /// Operations in ACCEPT calls, by type.
    pub operations: OrdMap<&'static str, u64>,
    /// Offers made.
    pub offers_sent: u64,
    /// Offers answered by ACCEPT.
    pub offers_accepted: u64,
    /// Offers answered by DECLINE.
    pub offers_declined: u64,
    /// Offers taken back before they were answered.
    pub offers_rescinded: u64,
    /// Tasks that ended, by state.
    pub ended: OrdMap<TaskState, u64>,
}

impl Counts {
    /// One more call.
    pub(crate) fn call(&mut self, name: &'static str) {
        *self.calls.entry(name).or_default() += 1;
    }

    /// One more event, and what it says of offers.
    pub(crate) fn event(&mut self, event: &Event) {
        *self.events.entry(event.name()).or_default() += 1;
        match event {
            Event::Offers(offers) => self.offers_sent += offers.len() as u64,
            Event::Rescind { .. } => self.offers_rescinded += 1,
            _ => {}
        }
    }

    /// One more operation.
    pub(crate) fn operation(&mut self, name: &'static str) {
        *self.operations.entry(name).or_default() += 1;
    }

    /// One more task that ended.
    pub(crate) fn task_ended(&mut self, state: TaskState) {
        *self.ended.entry(state).or_default() += 1;
    }
}

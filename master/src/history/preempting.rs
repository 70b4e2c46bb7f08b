//! A heavier role asks for what lighter ones have.

use std::sync::Arc;
use std::time::Duration;

use model::Role;
use model::call::{Call, Request, ResourceRequest};

use super::play::History;
use crate::allocator::hierarchical::Settings;
use crate::allocator::{Hierarchical, Order};
use crate::preemption::Preemption;
use crate::testing::bag;

/// Outranks the role of all others.
pub(super) const HEAVY: &str = "heavy";

impl History {
    /// One under strict priority, in which lighter roles make room.
    pub(super) fn preempting() -> Self {
        let mut history = History::new();
        let settings = Arc::make_mut(&mut history.stage.state.settings);
        settings.preemption =
            Some(Preemption { wait: Duration::from_secs(1), grace: Duration::from_secs(1) });
        history.stage.state.world.weights.insert(Role::from(HEAVY), 8.0);
        let weights = [(Role::from(HEAVY), 8.0)].into();
        history.allocator =
            Hierarchical::new(Settings { order: Order::Priority, weights, ..Settings::default() });
        history
    }

    pub(super) fn request(&mut self, number: usize, cpus: u8, somewhere: Option<u16>) {
        let agent_id = somewhere.and_then(|number| self.agent_id(number));
        let requests = vec![ResourceRequest { agent_id, resources: bag(&format!("cpus:{cpus}")) }];
        self.call(Call::Request(Request { framework_id: self.framework(number), requests }));
    }
}

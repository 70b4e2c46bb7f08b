//! What happens to frameworks without their asking: the stream is lost, the time to come back is over, the end.

mod disconnected;
mod failover_missed;
mod remove;

pub(crate) use disconnected::disconnected;
pub(crate) use failover_missed::failover_missed;
pub(crate) use remove::remove;

use std::collections::BTreeSet;

use crate::allocator;
use crate::state::Framework;

/// The framework as the allocator knows it.
pub(crate) fn for_allocator(framework: &Framework) -> allocator::Framework {
    allocator::Framework {
        id: framework.id.clone(),
        info: framework.info.clone(),
        suppressed: BTreeSet::clone(&framework.suppressed),
        constraints: framework.constraints.clone(),
    }
}

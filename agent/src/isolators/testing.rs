//! Builders for the tests of isolators.

use model::ContainerId;

use super::isolator::{Isolator, Plan, Subject};
use crate::containerizer::ContainerConfig;

pub(super) fn config() -> ContainerConfig {
    ContainerConfig::shell("/sandbox", "true")
}

/// What one isolator alone plans for a container.
pub(super) fn plan_of(isolator: &dyn Isolator, config: &ContainerConfig) -> Result<Plan, String> {
    let mut plan = Plan::default();
    let id = ContainerId::new("c");
    let subject = Subject { id: &id, config, credentials: None, around: None, image: None };
    isolator.prepare(&subject, &mut plan).map(|()| plan)
}

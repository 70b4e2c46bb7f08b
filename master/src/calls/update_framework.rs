//! A framework changes what it says of itself.

use std::sync::Arc;

use model::call::UpdateFramework;
use model::{FrameworkInfo, OfferId};

use super::judge::{Wanted, judge};
use super::subscribe::tell_agents;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::frameworks::for_allocator;
use crate::http::Rejected;
use crate::offers;
use crate::state::State;

/// Replaces the framework's description, suppressed roles and constraints as a whole.
///
/// Offers in a role it has left are rescinded.
/// Errors: the description is invalid, or changes what may not change.
/// Source: scheduler semantics §2, `UPDATE_FRAMEWORK`.
pub(crate) fn update_framework(state: &mut State, call: UpdateFramework) -> Result<Effects, Rejected> {
    let UpdateFramework { framework_id: id, framework: info, suppressed_roles, constraints } = call;
    let wanted = judge(state, info, suppressed_roles, constraints).map_err(Rejected::InvalidUpdate)?;
    let framework = state.framework_mut(&id).ok_or(Rejected::UnknownFramework)?;
    let Wanted { mut info, suppressed, constraints } = wanted;
    info.id = Some(id.clone());
    if info.principal.is_none() {
        info.principal = framework.info.principal.clone();
    }
    unchanged(&framework.info, &info).map_err(Rejected::InvalidUpdate)?;

    let roles = info.subscribed_roles();
    framework.info = Arc::new(info);
    framework.suppressed = suppressed;
    framework.constraints = constraints;
    let framework = framework.clone();

    let mut effects = Effects::none();
    if let Some(stream) = framework.stream() {
        effects.push(Effect::Learn { stream, capabilities: framework.info.capabilities.clone() });
    }
    effects.push(Effect::Allocator(allocator::Input::UpdateFramework(for_allocator(&framework))));
    let left: Vec<OfferId> = (state.world.offered_to(&framework))
        .filter(|offer| !roles.contains(&offer.role))
        .map(|offer| offer.id.clone())
        .collect();
    for offer in left {
        effects.extend(offers::rescind(state, &offer));
    }
    tell_agents(state, &framework, &mut effects);
    Ok(effects)
}

/// Whether what agents have acted on stays as it was.
fn unchanged(before: &FrameworkInfo, after: &FrameworkInfo) -> Result<(), String> {
    let refused = |field: &str, from: String, to: String| {
        Err(format!(
            "Updating 'FrameworkInfo.{field}' is unsupported; attempted to update from '{from}' to '{to}'"
        ))
    };
    if before.user != after.user {
        return refused("user", before.user.clone(), after.user.clone());
    }
    if before.checkpoint != after.checkpoint {
        return refused("checkpoint", before.checkpoint.to_string(), after.checkpoint.to_string());
    }
    if before.principal != after.principal {
        let name = |info: &FrameworkInfo| info.principal.clone().unwrap_or_default();
        return refused("principal", name(before), name(after));
    }
    Ok(())
}

//! A framework changes what it says of itself.

use std::sync::Arc;

use model::call::UpdateFramework;
use model::{FrameworkInfo, OfferId, brief};

use super::judge::{Wanted, judge};
use super::subscribe::tell_agents;
use crate::allocator;
use crate::authorization;
use crate::effects::{Effect, Effects};
use crate::frameworks::for_allocator;
use crate::http::Rejected;
use crate::offers;
use crate::state::State;

/// Replaces the framework's description, suppressed roles and constraints as a whole.
///
/// Offers in a role it has left are rescinded.
/// Errors: the description is invalid, changes what may not change, or names a role the framework may not have.
/// Source: scheduler semantics §2, `UPDATE_FRAMEWORK`.
pub(crate) fn update_framework(state: &mut State, call: UpdateFramework) -> Result<Effects, Rejected> {
    let UpdateFramework { framework_id: id, framework: info, suppressed_roles, constraints } = call;
    let wanted = judge(state, info, suppressed_roles, constraints).map_err(Rejected::InvalidUpdate)?;
    let policy = state.settings.policy.clone();
    let framework = state.framework_mut(&id).ok_or(Rejected::UnknownFramework)?;
    let Wanted { mut info, suppressed, constraints } = wanted;
    info.id = Some(id.clone());
    if info.principal.is_none() {
        info.principal = framework.info.principal.clone();
    }
    unchanged(&framework.info, &info).map_err(Rejected::InvalidUpdate)?;
    authorization::register(&policy.rights_of(info.principal.as_deref()), &info)
        .map_err(Rejected::Forbidden)?;

    let roles = info.subscribed_roles();
    framework.info = Arc::new(info);
    framework.suppressed = suppressed;
    framework.constraints = constraints;
    let framework = framework.clone();

    state.note_framework(&id);
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
            "Updating 'FrameworkInfo.{field}' is unsupported; attempted to update from '{}' to '{}'",
            brief(&from),
            brief(&to)
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

#[cfg(test)]
mod tests {
    use model::call::{Call, UpdateFramework};
    use model::{FrameworkId, FrameworkInfo, OfferConstraints, Role};

    use crate::effects::Effects;
    use crate::testing::{Stage, events, to_agents, to_allocator};

    fn update(stage: &mut Stage, id: &FrameworkId, change: impl FnOnce(&mut FrameworkInfo)) -> Effects {
        let mut info = FrameworkInfo::clone(&stage.state.framework(id).unwrap().info);
        change(&mut info);
        stage.call(Call::UpdateFramework(UpdateFramework {
            framework_id: id.clone(),
            framework: Ok(info),
            suppressed_roles: Vec::new(),
            constraints: OfferConstraints::default(),
        }))
    }

    #[test]
    fn offers_in_a_role_that_was_left_are_rescinded() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:2");

        let effects = update(&mut stage, &framework, |info| info.roles = vec![Role::from("other")]);

        assert_eq!(events(&effects), ["s1 <- RESCIND m-O1"]);
        assert_eq!(to_allocator(&effects).len(), 2);
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- update framework tests"]);
    }

    #[test]
    fn the_user_stays() {
        let mut stage = Stage::new();
        let framework = stage.framework();
        let effects = update(&mut stage, &framework, |info| info.user = "other".to_owned());
        let told = "answer: 400 Bad Request FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is \
                    unsupported; attempted to update from 'nobody' to 'other'";
        assert_eq!(effects.to_string().trim_end(), told);
    }
}

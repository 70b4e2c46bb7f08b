//! Calls about containers: whose they are, and which action each is.

use api::v1::agent::call::Type;
use model::ContainerId;
use security::{Action, Object, Rights};

use super::allow;
use crate::executors;
use crate::http::Wrong;
use crate::state::State;

/// Whether somebody may act on a container that is there; one that is not is for the call itself to miss.
///
/// Errors: they may not.
pub(crate) fn act(rights: &Rights, state: &State, ty: Type, id: &ContainerId) -> Result<(), Wrong> {
    let nested = id.parent().is_some();
    let action = match ty {
        Type::WaitContainer | Type::WaitNestedContainer if nested => Action::WaitNestedContainer,
        Type::KillContainer | Type::KillNestedContainer if nested => Action::KillNestedContainer,
        Type::RemoveContainer | Type::RemoveNestedContainer if nested => Action::RemoveNestedContainer,
        Type::WaitContainer | Type::WaitNestedContainer => Action::WaitStandaloneContainer,
        Type::KillContainer | Type::KillNestedContainer => Action::KillStandaloneContainer,
        Type::RemoveContainer | Type::RemoveNestedContainer => Action::RemoveStandaloneContainer,
        Type::AttachContainerInput => Action::AttachContainerInput,
        Type::AttachContainerOutput => Action::AttachContainerOutput,
        _ => return Ok(()),
    };
    let user = user_around(state, id);
    let root = root(id);
    allow(rights, action, Object::maybe(user.as_deref()).within(&root))
}

/// Whether somebody may launch a container of this name as this user, or as whoever runs what is around it.
///
/// Errors: they may not.
pub(crate) fn launch(
    rights: &Rights,
    state: &State,
    session: bool,
    id: &ContainerId,
    user: Option<&str>,
) -> Result<(), Wrong> {
    let Some(parent) = id.parent() else {
        return allow(rights, Action::LaunchStandaloneContainer, Object::maybe(user));
    };
    let action = if session { Action::LaunchNestedContainerSession } else { Action::LaunchNestedContainer };
    let around = user_around(state, &parent);
    let root = root(id);
    let object = Object { value: user.or(around.as_deref()), under: around.as_deref(), root: Some(&root) };
    allow(rights, action, object)
}

/// The outermost container of one.
fn root(id: &ContainerId) -> String {
    id.path().first().map(ToString::to_string).unwrap_or_default()
}

/// The user of the executor that a container is in; of one that stands alone, its own.
fn user_around(state: &State, id: &ContainerId) -> Option<String> {
    let root = root(id);
    match state.executors().find(|executor| executor.container.value() == root) {
        Some(executor) => executors::named_user(state, executor),
        None => {
            let alone = state.containers.values().find(|container| container.id.value() == root);
            alone.and_then(|container| container.config.user.clone())
        }
    }
}

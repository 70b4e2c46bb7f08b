//! What has to be allowed for what: which actions, on whose behalf, a call about containers or a file comes down to, and
//! what of the state somebody sees.
//!
//! Whether they are allowed is for [`security`] to say. Source: Mesos authorization, and the table of agent calls.

mod containers;
mod tasks;
mod views;

use libprocess::http::StatusCode;
use security::{Action, Object, Rights};

use crate::http::Wrong;

pub(crate) use containers::{act, launch};
pub(crate) use tasks::run;
pub(crate) use views::{container, sandbox, visible};

/// Lets pass whoever may do this to that.
///
/// Errors: they may not, with 403 and a text that says what.
pub(crate) fn allow(rights: &Rights, action: Action, object: Object<'_>) -> Result<(), Wrong> {
    if rights.may(action, object) {
        return Ok(());
    }
    let text = match object.value {
        Some(value) => format!("{} is not authorized: {action} '{value}'", rights.who()),
        None => format!("{} is not authorized: {action}", rights.who()),
    };
    Err(Wrong::new(StatusCode::FORBIDDEN, text))
}

/// Errors: they may not read what is at this path of the agent.
pub(crate) fn allow_endpoint(rights: &Rights, path: &str) -> Result<(), Wrong> {
    allow(rights, Action::GetEndpoint, Object::of(path))
}

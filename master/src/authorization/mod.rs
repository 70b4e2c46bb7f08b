//! What has to be allowed for what: which actions, on which objects, a call or a view comes down to.
//!
//! Whether they are allowed is for [`security`] to say. Changes are asked about before their rule runs; views show what is
//! left of the snapshot once everything is gone that its reader may not see.
//!
//! Source: Mesos authorization, and the tables of endpoints and calls.

mod changes;
mod frameworks;
mod views;

use model::brief;
use security::{Action, Object, Rights};

use crate::http::Rejected;

pub(crate) use changes::{Need, of_ask, of_conversion, of_framework};
pub(crate) use frameworks::{launch, register};
pub(crate) use views::{Sight, visible};

/// Lets pass whoever may do all of this.
///
/// Errors: the first thing they may not do.
pub(crate) fn allow(rights: &Rights, needs: impl IntoIterator<Item = Need>) -> Result<(), Rejected> {
    if rights.are_unlimited() {
        return Ok(());
    }
    match needs.into_iter().find(|need| !rights.may(need.action, need.object())) {
        Some(need) => Err(Rejected::Forbidden(refusal(rights, need.action, need.object()))),
        None => Ok(()),
    }
}

/// Lets pass whoever may do this to nothing in particular.
///
/// Errors: they may not.
pub(crate) fn allow_any(rights: &Rights, action: Action) -> Result<(), Rejected> {
    allow(rights, [Need { action, value: None }])
}

/// Says who may not do what to what.
pub(crate) fn refusal(rights: &Rights, action: Action, object: Object<'_>) -> String {
    match object.value {
        Some(value) => format!("{} is not authorized: {action} '{}'", rights.who(), brief(value)),
        None => format!("{} is not authorized: {action}", rights.who()),
    }
}

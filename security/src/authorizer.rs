//! The door for policies, and how code asks.
//!
//! ```text
//!  request ─► who it proved to be ─► Rights ─ may(action, object)? ─► Policy ─► Authorizer
//! ```

use std::fmt;
use std::sync::Arc;

use libprocess::http::Principal;

use crate::action::{Action, Object};

/// Decides what somebody may do. The one that comes with us follows ACLs, see [`crate::Local`]; another is a value of this
/// trait in the configuration of a master or agent.
///
/// It is asked on every call and for every thing that a view shows, on threads that must not wait: what it needs to know
/// it fetches beforehand, and keeps up to date by itself.
pub trait Authorizer: Send + Sync {
    /// Whether `principal`, or somebody who proved nothing, may do this to that.
    fn may(&self, principal: Option<&Principal>, action: Action, object: &Object<'_>) -> bool;
}

/// What is allowed here: everything, or what an authorizer says. Cheap to clone.
#[derive(Clone, Default)]
pub struct Policy(Option<Arc<dyn Authorizer>>);

/// What one asker may do. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    principal: Option<Principal>,
    policy: Policy,
}

impl Policy {
    /// What this authorizer says.
    pub fn of(authorizer: Arc<dyn Authorizer>) -> Policy {
        Policy(Some(authorizer))
    }

    /// Whether anybody may do anything, so that nothing has to be looked through.
    pub fn allows_everything(&self) -> bool {
        self.0.is_none()
    }

    /// What somebody may do, who may have proved nothing.
    pub fn rights(&self, principal: Option<&Principal>) -> Rights {
        Rights { principal: principal.cloned(), policy: self.clone() }
    }

    /// What somebody of this name may do.
    pub fn rights_of(&self, name: Option<&str>) -> Rights {
        Rights { principal: name.map(Principal::named), policy: self.clone() }
    }
}

impl Rights {
    /// Whether they may do this to that.
    pub fn may(&self, action: Action, object: Object<'_>) -> bool {
        self.policy.0.as_ref().is_none_or(|one| one.may(self.principal.as_ref(), action, &object))
    }

    /// Whether they may do anything, because there is no authorizer.
    pub fn are_unlimited(&self) -> bool {
        self.policy.allows_everything()
    }

    /// The name they proved to bear.
    pub fn name(&self) -> Option<&str> {
        self.principal.as_ref().and_then(|principal| principal.value.as_deref())
    }

    /// How refusals call them.
    pub fn who(&self) -> String {
        match &self.principal {
            Some(Principal { value: Some(name), .. }) => format!("Principal '{name}'"),
            Some(_) => "A principal without a name".to_owned(),
            None => "Whoever proved nothing".to_owned(),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Policy(authorizer)" } else { "Policy(everything)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets everybody do what concerns nobody but them.
    struct OwnAffairs;

    impl Authorizer for OwnAffairs {
        fn may(&self, principal: Option<&Principal>, _: Action, object: &Object<'_>) -> bool {
            principal.is_some_and(|who| who.value.as_deref() == object.value)
        }
    }

    #[test]
    fn rights_are_what_the_authorizer_says_and_without_one_everything() {
        let policy = Policy::of(Arc::new(OwnAffairs));
        let ann = policy.rights_of(Some("ann"));
        assert!(ann.may(Action::RunTask, Object::of("ann")));
        assert!(!ann.may(Action::RunTask, Object::of("bob")));
        assert!(!policy.rights(None).may(Action::RunTask, Object::of("bob")));
        assert!(Policy::default().rights(None).may(Action::RunTask, Object::of("bob")));
        assert_eq!(ann.who(), "Principal 'ann'");
    }
}

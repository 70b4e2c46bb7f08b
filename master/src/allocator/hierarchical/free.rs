//! What nobody holds of one agent.

use std::ops::{Deref, DerefMut};

use model::{Resources, Role};

/// Allocated to nobody.
#[derive(Debug, Default)]
pub(super) struct Free {
    resources: Resources,
    /// The same as it came back from who was offered all of it: for the next it only has to bear another role.
    declined: Option<Resources>,
}

impl Free {
    /// Takes all there is. Shape: (as it was, as the role's).
    pub(super) fn take_all(&mut self, role: &Role) -> (Resources, Resources) {
        let Free { resources, declined } = std::mem::take(self);
        let allocated = declined.unwrap_or_else(|| resources.clone()).into_allocated(role);
        (resources, allocated)
    }

    /// All of it is here again; `declined` is the same in the role of who had it.
    pub(super) fn give_back(&mut self, resources: Resources, declined: Resources) {
        *self = Free { resources, declined: Some(declined) };
    }
}

impl From<Resources> for Free {
    fn from(resources: Resources) -> Free {
        Free { resources, declined: None }
    }
}

impl Deref for Free {
    type Target = Resources;

    fn deref(&self) -> &Resources {
        &self.resources
    }
}

impl DerefMut for Free {
    /// What is about to change is no more what was declined.
    fn deref_mut(&mut self) -> &mut Resources {
        self.declined = None;
        &mut self.resources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_declined_is_offered_in_another_role_unless_something_came_or_went() {
        let all: Resources = "cpus:4;mem:64".parse().expect("resources");
        let (a, b) = (Role::from("a"), Role::from("b"));
        let mut free = Free::from(all.clone());
        for role in [&a, &b, &a] {
            let (taken, allocated) = free.take_all(role);
            assert_eq!((&taken, &allocated), (&all, &all.allocate(role)));
            assert!(free.is_empty());
            free.give_back(taken, allocated);
        }
        let more: Resources = "cpus:1".parse().expect("resources");
        *free += &more;
        assert_eq!(free.take_all(&b).1, (all + &more).allocate(&b));
    }
}

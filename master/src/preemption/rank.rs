//! Who outranks whom, under strict priority.

use model::Role;

/// The weight of `role` where it parts from `by`, if `by` weighs more there. Roles are compared as the allocator asks them: among
/// siblings, from the top of the tree; a role and one below it do not outrank each other.
pub(super) fn outranked(role: &Role, by: &Role, weight: impl Fn(&Role) -> f64) -> Option<f64> {
    let (theirs, ours) = (lineage(role), lineage(by));
    let (theirs, ours) = theirs.iter().zip(&ours).find(|(theirs, ours)| theirs != ours)?;
    let (theirs, ours) = (weight(theirs), weight(ours));
    (theirs < ours).then_some(theirs)
}

/// From the top of the tree down to the role itself.
fn lineage(role: &Role) -> Vec<Role> {
    let mut lineage: Vec<Role> = std::iter::once(role.clone()).chain(role.ancestors()).collect();
    lineage.reverse();
    lineage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_that_counts_is_that_where_two_roles_part() {
        let weight = |role: &Role| match role.as_str() {
            "prod" => 10.0,
            "batch/nightly" => 100.0,
            "prod/web" => 5.0,
            _ => 1.0,
        };
        for (role, by, expected) in [
            ("batch", "prod", Some(1.0)),
            ("prod", "batch", None),
            ("batch/nightly", "prod/web", Some(1.0)),
            ("prod/web", "batch/nightly", None),
            ("prod/db", "prod/web", Some(1.0)),
            ("batch", "batch/nightly", None),
            ("batch/nightly", "batch", None),
            ("a", "b", None),
            ("a", "a", None),
        ] {
            assert_eq!(outranked(&role.into(), &by.into(), weight), expected, "{role} by {by}");
        }
    }
}

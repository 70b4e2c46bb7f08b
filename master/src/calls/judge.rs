//! Whether a framework may be what it says it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::constraint::Predicate;
use model::{FrameworkInfo, InvalidFramework, OfferConstraints, Role, brief};

use crate::allocator::hierarchical::compile_constraint;
use crate::state::State;

/// What a framework wants to be, found acceptable.
pub(super) struct Wanted {
    pub(super) info: FrameworkInfo,
    pub(super) suppressed: Arc<BTreeSet<Role>>,
    pub(super) constraints: Option<Arc<OfferConstraints>>,
}

/// Judges what SUBSCRIBE and UPDATE_FRAMEWORK say, in the order in which the first fault is reported.
///
/// Errors: the fault, in words for the framework.
/// Source: scheduler semantics §2, 3.
pub(super) fn judge(
    state: &State,
    info: Result<FrameworkInfo, InvalidFramework>,
    suppressed: Vec<Role>,
    constraints: OfferConstraints,
) -> Result<Wanted, String> {
    let info = info.map_err(|invalid| invalid.message)?;
    info.check().map_err(|fault| fault.to_string())?;
    let roles = info.subscribed_roles();
    if let Some(allowed) = &state.settings.roles {
        let absent: Vec<&str> =
            roles.iter().filter(|role| !allowed.contains(*role)).map(Role::as_str).collect();
        if !absent.is_empty() {
            return Err(format!(
                "Roles '{{ {} }}' are not present in the master's --roles",
                absent.join(", ")
            ));
        }
    }
    if info.user == "root" && !state.settings.root_submissions {
        return Err("User 'root' is not allowed to run frameworks without --root_submissions set".to_owned());
    }
    if let Some(id) = &info.id
        && state.world.completed_frameworks.iter().any(|completed| completed.id == *id)
    {
        return Err("Framework has been removed".to_owned());
    }
    let suppressed: BTreeSet<Role> = suppressed.into_iter().collect();
    if let Some(role) = suppressed.difference(&roles).next() {
        return Err(format!("Suppressed role '{}' is not among the framework's roles", brief(role.as_str())));
    }
    constraints.check().map_err(|fault| fault.to_string())?;
    if let Some(role) = constraints.0.keys().find(|role| !roles.contains(*role)) {
        let role = brief(role.as_str());
        return Err(format!("Offer constraints name role '{role}' which is not among the framework's roles"));
    }
    for (expression, role) in expressions(&constraints) {
        compile_constraint(expression)
            .map_err(|fault| format!("Offer constraints of role '{role}' are not valid: {fault}"))?;
    }
    let constraints = (!constraints.is_empty()).then(|| Arc::new(constraints));
    Ok(Wanted { info, suppressed: Arc::new(suppressed), constraints })
}

/// The regular expressions in constraints, each with the role it is for.
fn expressions(constraints: &OfferConstraints) -> impl Iterator<Item = (&str, &Role)> {
    let all = constraints.0.iter().flat_map(|(role, constraints)| {
        constraints
            .groups
            .iter()
            .flat_map(|group| &group.constraints)
            .map(move |constraint| (constraint, role))
    });
    all.filter_map(|(constraint, role)| match &constraint.predicate {
        Predicate::Matches(expression) | Predicate::NotMatches(expression) => Some((&**expression, role)),
        _ => None,
    })
}

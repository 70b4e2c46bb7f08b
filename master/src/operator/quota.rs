//! Quota: what roles are promised, and what they may have at most.

use std::collections::BTreeSet;

use model::{OfferId, Quantities, Quota, Resources, Role, brief};

use super::record;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::offers;
use crate::registrar::Delta;
use crate::state::State;
use crate::views::roles::Roles;

/// Has quotas written down, in place of those the roles had. `force` leaves out the checks of what is there.
///
/// Source: scheduler semantics §12, "Quota".
pub(super) fn update_quota(state: &mut State, quotas: Vec<Quota>, force: bool, asker: Asker) -> Effects {
    let judged = judge(state, &quotas, force).map_err(|why| format!("Invalid QuotaConfig: {why}"));
    decided(state, judged.map_err(Rejected::Invalid), quotas, asker)
}

/// The same in the old way: a promise, which is the limit too, to a role that has none.
pub(super) fn set_quota(
    state: &mut State,
    role: Role,
    guarantee: Quantities,
    force: bool,
    asker: Asker,
) -> Effects {
    let refused = |why: String| Rejected::Invalid(format!("Failed to validate set quota request: {why}"));
    let judged = match () {
        () if guarantee.is_empty() => Err(refused("QuotaInfo with empty 'guarantee'".to_owned())),
        () if state.world.policy.quotas.contains_key(&role) => Err(refused(format!(
            "Cannot set quota for role '{}' which already has quota",
            brief(role.as_str())
        ))),
        () => check_role(state, &role).map_err(refused),
    };
    let quotas = vec![Quota { role, guarantees: guarantee.clone(), limits: guarantee }];
    let judged = judged.and_then(|()| match force {
        true => Ok(()),
        false => capacity(state, &quotas)
            .map_err(|why| Rejected::Conflict(format!("Heuristic capacity check: {why}"))),
    });
    decided(state, judged, quotas, asker)
}

/// Has it written down that a role has no quota any more. `what` begins the answer if it has none now.
pub(super) fn remove_quota(state: &mut State, role: Role, what: &str, asker: Asker) -> Effects {
    let judged = match state.world.policy.quotas.contains_key(&role) {
        true => Ok(()),
        false => Err(Rejected::Invalid(format!("{what}: Role '{}' has no quota set", brief(role.as_str())))),
    };
    let nothing = Quota { role, guarantees: Quantities::new(), limits: Quantities::new() };
    decided(state, judged, vec![nothing], asker)
}

fn decided(state: &mut State, judged: Result<(), Rejected>, quotas: Vec<Quota>, asker: Asker) -> Effects {
    match judged {
        Ok(()) => record(state, Delta::UpdateQuota { quotas }, asker),
        Err(rejected) => Effect::Answer { asker, answer: Err(rejected) }.into(),
    }
}

fn judge(state: &State, quotas: &[Quota], force: bool) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let roles = Roles::of(&state.world);
    for quota in quotas {
        let Quota { role, guarantees, limits } = quota;
        check_role(state, role)?;
        if !seen.insert(role) {
            return Err(format!("Role '{}' appears more than once", brief(role.as_str())));
        }
        let exceeds = guarantees.iter().any(|(name, amount)| limits.names(name) && limits.get(name) < amount);
        if exceeds {
            return Err(format!(
                "'QuotaConfig.guarantees' {{ {guarantees} }} is not contained within the 'QuotaConfig.limits' \
                 {{ {limits} }}"
            ));
        }
        let consumed = roles.consumed(role);
        let over = consumed.iter().any(|(name, amount)| limits.names(name) && limits.get(name) < amount);
        if over && !force {
            return Err(format!(
                "Role '{role}' is already consuming '{}'; this is more than the requested limits '{}' \
                 (use 'force' flag to bypass this check)",
                listed(&consumed),
                listed(limits)
            ));
        }
    }
    if force { Ok(()) } else { capacity(state, quotas) }
}

fn check_role(state: &State, role: &Role) -> Result<(), String> {
    role.check().map_err(|fault| fault.to_string())?;
    if role.is_any() {
        return Err("Quota cannot be set for the default role '*'".to_owned());
    }
    if role.is_hierarchical() {
        return Err(format!(
            "Quota cannot be set for role '{}': only for top-level roles",
            brief(role.as_str())
        ));
    }
    if state.settings.roles.as_ref().is_some_and(|known| !known.contains(role)) {
        return Err(format!("Unknown role '{}'", brief(role.as_str())));
    }
    Ok(())
}

/// Whether all that would be promised is there at all.
fn capacity(state: &State, quotas: &[Quota]) -> Result<(), String> {
    let mut promised = Quantities::new();
    let kept = state.world.policy.quotas.values();
    let kept = kept.filter(|known| !quotas.iter().any(|quota| quota.role == known.role));
    for quota in kept.chain(quotas) {
        promised += &quota.guarantees;
    }
    let total: Resources = state.world.agents.values().map(|agent| &agent.total).sum();
    let total = total.non_revocable().scalar_quantities();
    match total.contains(&promised) {
        true => Ok(()),
        false => Err(format!(
            "total quota guarantees '{}' exceed cluster capacity '{}' (use 'force' flag to bypass this check)",
            listed(&promised),
            listed(&total)
        )),
    }
}

/// `cpus:1; mem:128`.
fn listed(quantities: &Quantities) -> String {
    let each: Vec<String> = quantities.iter().map(|(name, amount)| format!("{name}:{amount}")).collect();
    each.join("; ")
}

/// They are written. Offers that could not be made under them are taken back.
pub(super) fn updated(state: &mut State, quotas: &[Quota]) -> Effects {
    let mut effects = Effects::from(Effect::Allocator(allocator::Input::UpdateQuotas(quotas.to_vec())));
    let promised = quotas.iter().any(|quota| !quota.guarantees.is_empty());
    let limited = |role: &Role| quotas.iter().any(|quota| !quota.limits.is_empty() && *role == quota.role);
    let out: Vec<OfferId> = state
        .world
        .offers
        .values()
        .filter(|offer| promised || limited(&offer.role) || offer.role.ancestors().any(|role| limited(&role)))
        .map(|offer| offer.id.clone())
        .collect();
    out.iter().for_each(|offer| effects.extend(offers::rescind(state, offer)));
    effects
}

#[cfg(test)]
mod tests {
    use model::{Quantities, Quota, Scalar};

    use crate::messages::{Asker, Input};
    use crate::operator::Ask;
    use crate::testing::{Stage, events, to_allocator};

    fn amounts(list: &[(&str, i64)]) -> Quantities {
        list.iter().map(|(name, amount)| (*name, Scalar::whole(*amount))).collect()
    }

    fn update(role: &str, guarantees: &[(&str, i64)], limits: &[(&str, i64)], force: bool) -> Input {
        let (guarantees, limits) = (amounts(guarantees), amounts(limits));
        let quotas = vec![Quota { role: role.into(), guarantees, limits }];
        Input::Operator { ask: Box::new(Ask::UpdateQuota { quotas, force }), asker: Asker::default() }
    }

    #[test]
    fn a_quota_counts_once_it_is_written_and_offers_beyond_it_are_taken_back() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:8;mem:8192;disk:20480"), stage.framework());
        stage.offer(&framework, &agent, "cpus:4");
        stage.tell(update("web", &[("cpus", 1)], &[("cpus", 2)], false));
        let effects = stage.record();
        assert_eq!(to_allocator(&effects)[0], "update quotas of 1 roles");
        assert_eq!(events(&effects), ["s1 <- RESCIND m-O0"]);
        assert_eq!(stage.state.world.policy.quotas.len(), 1);
        stage.tell(update("web", &[], &[], false));
        stage.record();
        assert!(stage.state.world.policy.quotas.is_empty());
    }

    #[test]
    fn what_cannot_be_promised_is_refused_unless_forced() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:8;mem:8192;disk:20480"), stage.framework());
        stage.running(&framework, &agent, "t");
        for (input, said) in [
            (
                update("q2", &[("cpus", 2)], &[("cpus", 1)], false),
                "Invalid QuotaConfig: 'QuotaConfig.guarantees' { cpus: 2 } is not contained within the \
                 'QuotaConfig.limits' { cpus: 1 }",
            ),
            (
                update("q2", &[("cpus", 10000)], &[], false),
                "Invalid QuotaConfig: total quota guarantees 'cpus:10000' exceed cluster capacity 'cpus:8; \
                 disk:20480; mem:8192' (use 'force' flag to bypass this check)",
            ),
            (update("web", &[], &[("cpus", 0)], false), "is already consuming 'cpus:1'"),
            (update("a/b", &[], &[], false), "only for top-level roles"),
            (update("*", &[], &[], false), "default role"),
        ] {
            let effects = stage.tell(input).to_string();
            assert!(effects.contains("400") && effects.contains(said), "{effects}");
            assert!(stage.asked.is_empty());
        }
        stage.tell(update("web", &[("cpus", 100)], &[], true));
        assert_eq!(stage.asked.len(), 1, "forced");
    }

    #[test]
    fn the_old_way_promises_what_it_limits_and_only_once() {
        let mut stage = Stage::new();
        stage.agent(1, "cpus:8");
        let set = |cpus: &[(&str, i64)], force| Input::Operator {
            ask: Box::new(Ask::SetQuota { role: "q3".into(), guarantee: amounts(cpus), force }),
            asker: Asker::default(),
        };
        let said = stage.tell(set(&[], false)).to_string();
        assert!(
            said.contains("Failed to validate set quota request: QuotaInfo with empty 'guarantee'"),
            "{said}"
        );
        assert!(stage.tell(set(&[("cpus", 9)], false)).to_string().contains("409"));
        stage.tell(set(&[("cpus", 1)], false));
        stage.record();
        let said = stage.tell(set(&[("cpus", 1)], false)).to_string();
        assert!(said.contains("Cannot set quota for role 'q3' which already has quota"), "{said}");
        let remove = || Input::Operator {
            ask: Box::new(Ask::RemoveQuota { role: "q3".into(), what: "Failed to remove quota".to_owned() }),
            asker: Asker::default(),
        };
        stage.tell(remove());
        stage.record();
        let said = stage.tell(remove()).to_string();
        assert!(said.contains("Failed to remove quota: Role 'q3' has no quota set"), "{said}");
    }
}

//! Roles: every one somebody subscribed to, holds or reserved something in, and all above them; amounts are those of
//! the whole subtree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::{classic, v1};
use imbl::OrdMap;
use model::{FrameworkId, Quantities, Quota, Resources, Role};

use crate::authorization::Sight;
use crate::registrar::Policy;
use crate::state::Snapshot;

/// A role's figures, its own and those below it added up.
#[derive(Debug, Default)]
struct Figures {
    frameworks: BTreeSet<FrameworkId>,
    allocated: Quantities,
    offered: Quantities,
    reserved: Quantities,
    /// Scalars allocated, and those reserved that nobody is allocated.
    consumed: Quantities,
}

/// Every known role in name order.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    figures: BTreeMap<Role, Figures>,
    weights: OrdMap<Role, f64>,
    policy: Arc<Policy>,
}

impl Roles {
    /// Adds up what the snapshot holds; roles with a weight or quota are known too.
    pub(crate) fn of(snapshot: &Snapshot) -> Roles {
        let (weights, policy) = (snapshot.weights.clone(), snapshot.policy.clone());
        let mut roles = Roles { figures: BTreeMap::new(), weights, policy };
        for role in snapshot.weights.keys().chain(snapshot.policy.quotas.keys()) {
            roles.at_and_above(role, |_| {});
        }
        for framework in snapshot.frameworks.values() {
            let used = snapshot.used_by(framework);
            let holds = used.iter().filter_map(|resource| resource.allocation.as_ref());
            for role in framework.info.subscribed_roles().iter().chain(holds) {
                roles.at_and_above(role, |_| {});
                roles.member(role, &framework.id);
            }
        }
        for agent in snapshot.agents.values() {
            for (role, resources) in agent.used_total.allocations() {
                roles.at_and_above(&role, |figures| {
                    figures.allocated += &resources.quantities();
                    figures.consumed += &resources.scalar_quantities();
                });
            }
            for (role, resources) in agent.offered.allocations() {
                roles.at_and_above(&role, |figures| figures.offered += &resources.quantities());
            }
            let held = agent.used_total.unallocate();
            for (role, resources) in agent.total.reservations() {
                let idle: Resources = resources.clone() - held.reserved(&role);
                roles.at_and_above(&role, |figures| {
                    figures.reserved += &resources.quantities();
                    figures.consumed += &idle.scalar_quantities();
                });
            }
        }
        roles
    }

    /// The same, of roles that somebody sees.
    pub(crate) fn seen(snapshot: &Snapshot, sight: Sight<'_>) -> Roles {
        let mut roles = Roles::of(snapshot);
        roles.figures.retain(|role, _| sight.role(role));
        roles
    }

    /// `/roles`.
    pub(crate) fn classic(&self) -> Vec<u8> {
        let roles: Vec<classic::role::Role<'_>> = self
            .figures
            .iter()
            .map(|(role, figures)| classic::role::Role {
                name: role.as_str(),
                weight: self.weight(role),
                guarantee: self.quota(role).map(|quota| quota.guarantees.clone()).unwrap_or_default(),
                limit: self.quota(role).map(|quota| quota.limits.clone()).unwrap_or_default(),
                consumed: figures.consumed.clone(),
                allocated: figures.allocated.clone(),
                offered: figures.offered.clone(),
                reserved: figures.reserved.clone(),
                frameworks: figures.frameworks.iter().collect(),
            })
            .collect();
        classic::role::roles(&roles)
    }

    /// GET_ROLES: only the resources everybody knows.
    pub(crate) fn v1(&self) -> Vec<v1::Role> {
        self.figures
            .iter()
            .map(|(role, figures)| {
                let mut sum = figures.allocated.clone();
                sum += &figures.offered;
                let known =
                    sum.iter().filter(|(name, _)| matches!(&***name, "cpus" | "mem" | "disk" | "gpus"));
                v1::Role {
                    name: role.to_string(),
                    weight: self.weight(role),
                    frameworks: figures.frameworks.iter().map(Into::into).collect(),
                    resources: known
                        .map(|(name, amount)| v1::Resource {
                            name: name.to_string(),
                            r#type: v1::value::Type::Scalar as i32,
                            scalar: Some(v1::value::Scalar { value: amount.as_f64() }),
                            ..v1::Resource::default()
                        })
                        .collect(),
                }
            })
            .collect()
    }

    /// What each role holds, in name order.
    pub(crate) fn consumption(&self) -> impl Iterator<Item = (&Role, &Quantities)> {
        self.figures.iter().map(|(role, figures)| (role, &figures.consumed))
    }

    /// What a role holds of its quota.
    pub(crate) fn consumed(&self, role: &Role) -> Quantities {
        self.figures.get(role).map(|figures| figures.consumed.clone()).unwrap_or_default()
    }

    fn quota(&self, role: &Role) -> Option<&Quota> {
        self.policy.quotas.get(role)
    }

    fn weight(&self, role: &Role) -> f64 {
        self.weights.get(role).copied().unwrap_or(1.0)
    }

    fn member(&mut self, role: &Role, framework: &FrameworkId) {
        self.figures.entry(role.clone()).or_default().frameworks.insert(framework.clone());
    }

    fn at_and_above(&mut self, role: &Role, add: impl Fn(&mut Figures)) {
        add(self.figures.entry(role.clone()).or_default());
        for above in role.ancestors() {
            add(self.figures.entry(above).or_default());
        }
    }
}

/// GET_WEIGHTS: those that were set.
pub(crate) fn weights(snapshot: &Snapshot) -> Vec<v1::WeightInfo> {
    let weight =
        |(role, weight): (&Role, &f64)| v1::WeightInfo { weight: *weight, role: Some(role.to_string()) };
    snapshot.weights.iter().map(weight).collect()
}

/// `/weights`: the same in the old form.
pub(crate) fn classic_weights(snapshot: &Snapshot) -> Vec<u8> {
    let weight = |(role, weight): (&Role, &f64)| serde_json::json!({"role": role.as_str(), "weight": weight});
    let list: Vec<_> = snapshot.weights.iter().map(weight).collect();
    serde_json::Value::from(list).to_string().into_bytes()
}

/// GET_QUOTA: in the old form those that promise something, in the new one all.
pub(crate) fn quotas(snapshot: &Snapshot) -> v1::quota::QuotaStatus {
    let quotas = || snapshot.policy.quotas.values();
    let resource = |(name, amount): (&Arc<str>, model::Scalar)| v1::Resource {
        name: name.to_string(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value: amount.as_f64() }),
        ..v1::Resource::default()
    };
    v1::quota::QuotaStatus {
        infos: quotas()
            .filter(|quota| !quota.guarantees.is_empty())
            .map(|quota| v1::quota::QuotaInfo {
                role: Some(quota.role.to_string()),
                principal: None,
                guarantee: quota.guarantees.iter().map(resource).collect(),
            })
            .collect(),
        configs: quotas().map(v1::quota::QuotaConfig::from).collect(),
    }
}

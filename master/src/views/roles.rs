//! Roles: every one somebody subscribed to, holds or reserved something in, and all above them; amounts are those of
//! the whole subtree.

use std::collections::{BTreeMap, BTreeSet};

use api::{classic, v1};
use model::{FrameworkId, Quantities, Resources, Role};

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
    weights: BTreeMap<Role, f64>,
}

impl Roles {
    /// Adds up what the snapshot holds; roles with a weight are known too.
    pub(crate) fn of(snapshot: &Snapshot, weights: &BTreeMap<Role, f64>) -> Roles {
        let mut roles = Roles { figures: BTreeMap::new(), weights: weights.clone() };
        for role in weights.keys() {
            roles.at_and_above(role, |_| {});
        }
        for framework in snapshot.frameworks.values() {
            for role in framework.info.subscribed_roles() {
                roles.at_and_above(&role, |_| {});
                roles.member(&role, &framework.id);
            }
        }
        for agent in snapshot.agents.values() {
            for (framework, used) in &agent.used {
                for (role, resources) in used.resources.allocations() {
                    roles.at_and_above(&role, |figures| {
                        figures.allocated += &resources.quantities();
                        figures.consumed += &resources.scalar_quantities();
                    });
                    roles.member(&role, framework);
                }
            }
            for (role, resources) in agent.offered.allocations() {
                roles.at_and_above(&role, |figures| figures.offered += &resources.quantities());
            }
            let held = agent.used_total().unallocate();
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

    /// `/roles`.
    pub(crate) fn classic(&self) -> Vec<u8> {
        let roles: Vec<classic::role::Role<'_>> = self
            .figures
            .iter()
            .map(|(role, figures)| classic::role::Role {
                name: role.as_str(),
                weight: self.weight(role),
                guarantee: Quantities::default(),
                limit: Quantities::default(),
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

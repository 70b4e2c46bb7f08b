//! Frameworks come, change, fall silent and go.

use std::collections::BTreeSet;

use model::{FrameworkId, Role};

use super::Hierarchical;
use super::books::{Abilities, FrameworkEntry, Membership};
use super::constraints::Constraints;
use crate::allocator::Framework;

impl Hierarchical {
    /// Takes in what a framework says of itself, for the first time or again.
    pub(super) fn known(&mut self, framework: Framework, active: bool) {
        let Framework { id, info, suppressed, constraints } = framework;
        let slot = self.frameworks.enter(&id);
        let roles = info.subscribed_roles();
        for membership in std::mem::take(&mut self.frameworks[slot].memberships) {
            match roles.contains(&membership.role) {
                true => self.frameworks[slot].memberships.push(membership),
                false => self.leave(membership),
            }
        }
        for role in &roles {
            let client = self.tree.join(role, slot, id.as_str());
            let min = info.offer_filters.get(role).and_then(|filter| filter.min_allocatable.clone());
            let account = self.ledger.join(role, min.is_some());
            match self.frameworks.membership_mut(client) {
                Some(membership) => {
                    let before = std::mem::replace(&mut membership.min, min);
                    self.ledger.leave(account, before.is_some());
                }
                None => {
                    self.era += 1;
                    let membership =
                        Membership { role: role.clone(), client, account, era: self.era, filters: 0, min };
                    self.frameworks[slot].memberships.push(membership);
                }
            }
            self.tree.set_class(role.top(), self.ledger.class(account));
        }
        self.reclass();
        let entry = &mut self.frameworks[slot];
        entry.known = true;
        entry.suppressed = suppressed;
        entry.constraints = constraints.map(|constraints| Constraints::new(&constraints));
        entry.abilities = Abilities {
            gpus: info.capabilities.gpu_resources(),
            regions: info.capabilities.region_aware(),
            multi_role: info.capabilities.multi_role(),
            revocable: info.capabilities.revocable_resources(),
            shared: info.capabilities.shared_resources(),
            refined: info.capabilities.reservation_refinement(),
        };
        self.set_active(&id, active);
    }

    /// Lets a framework compete in its roles, but for the suppressed ones; or in none.
    pub(super) fn set_active(&mut self, framework: &FrameworkId, active: bool) {
        let Some(slot) = self.frameworks.slot(framework).filter(|slot| self.frameworks[*slot].known) else {
            return;
        };
        self.frameworks[slot].active = active;
        let entry = &self.frameworks[slot];
        for membership in &entry.memberships {
            let competes = active && !entry.suppressed.contains(&membership.role);
            self.tree.set_active(membership.client, competes);
            match competes {
                true => self.dirty.clients.insert(membership.client),
                false => self.dirty.clients.remove(&membership.client),
            };
        }
    }

    /// Suppresses or revives roles; none named are all.
    pub(super) fn set_suppressed(
        &mut self,
        framework: &FrameworkId,
        roles: &BTreeSet<Role>,
        suppressed: bool,
    ) {
        let Some(slot) = self.frameworks.slot(framework) else { return };
        let FrameworkEntry { active, memberships, suppressed: silent, .. } = &mut self.frameworks[slot];
        for Membership { role, client, .. } in memberships {
            if !roles.is_empty() && !roles.contains(role) {
                continue;
            }
            match suppressed {
                true => silent.insert(role.clone()),
                false => silent.remove(role),
            };
            let competes = *active && !suppressed;
            self.tree.set_active(*client, competes);
            match competes {
                true => self.dirty.clients.insert(*client),
                false => self.dirty.clients.remove(client),
            };
        }
    }

    /// Voids a framework's filters in these roles; none named are all.
    pub(super) fn drop_filters(&mut self, framework: &FrameworkId, roles: &BTreeSet<Role>) {
        let Some(slot) = self.frameworks.slot(framework) else { return };
        for membership in &mut self.frameworks[slot].memberships {
            if roles.is_empty() || roles.contains(&membership.role) {
                self.era += 1;
                membership.era = self.era;
                membership.filters = 0;
            }
        }
    }

    pub(super) fn forget_framework(&mut self, framework: &FrameworkId) {
        let Some(slot) = self.frameworks.slot(framework) else { return };
        self.end_preference(slot);
        for agent in std::mem::take(&mut self.frameworks[slot].holds) {
            if let Some(held) = self.agents[agent].held.remove(slot) {
                self.release(slot, agent, held);
            }
        }
        for membership in std::mem::take(&mut self.frameworks[slot].memberships) {
            self.dirty.clients.remove(&membership.client);
            self.leave(membership);
        }
        self.reclass();
        self.frameworks[slot].known = false;
        self.frameworks.tidy(slot);
    }
    fn leave(&mut self, membership: Membership) {
        self.tree.leave(membership.client);
        self.ledger.leave(membership.account, membership.min.is_some());
    }
}

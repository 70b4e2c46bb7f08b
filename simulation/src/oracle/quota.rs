//! Whether roles keep within their quota.

use std::collections::BTreeMap;

use model::{Quantities, Role, Scalar};

/// What roles hold beyond their limits, and may: a limit that is lowered takes nothing back, and an agent that was away
/// brings its tasks along.
#[derive(Debug, Default)]
pub(super) struct Debts {
    /// Shape: role → its limits when it was last looked, and what it held beyond them.
    roles: BTreeMap<Role, (Quantities, Quantities)>,
}

impl Debts {
    /// Looks at what is held now under the limits of now. `brought` came with agents since the last look.
    pub(super) fn look<'a>(
        &mut self,
        limits: impl Iterator<Item = (&'a Role, &'a Quantities)>,
        held: &BTreeMap<Role, Quantities>,
        brought: &BTreeMap<Role, Quantities>,
    ) -> Vec<String> {
        let (mut wrongs, before) = (Vec::new(), std::mem::take(&mut self.roles));
        for (role, limits) in limits {
            let (held, brought) = (below(role, held), below(role, brought));
            let known = before.get(role).filter(|(known, _)| known == limits).map(|(_, debt)| debt);
            let mut debt = Quantities::new();
            for (name, limit) in limits.iter() {
                let over = held.get(name).saturating_sub(limit);
                let may = known.map(|debt| debt.get(name) + brought.get(name));
                if may.is_some_and(|may| over > may) {
                    wrongs.push(format!(
                        "role {role} uses {} {name}, and its limit is {limit}",
                        held.get(name)
                    ));
                }
                if over > Scalar::ZERO {
                    debt.set(name.clone(), over);
                }
            }
            self.roles.insert(role.clone(), (limits.clone(), debt));
        }
        wrongs
    }
}

/// What a role and those below it have.
fn below(role: &Role, all: &BTreeMap<Role, Quantities>) -> Quantities {
    let mut sum = Quantities::new();
    for (other, amounts) in all {
        let rest = other.as_str().strip_prefix(role.as_str());
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            sum += amounts;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(role: &str, cpus: i64) -> BTreeMap<Role, Quantities> {
        [(Role::from(role), Quantities::from_iter([("cpus", Scalar::whole(cpus))]))].into()
    }

    #[test]
    fn who_has_too_much_may_keep_it_and_take_no_more() {
        let mut debts = Debts::default();
        let none = BTreeMap::new();
        let mut look = |limit: i64, held: i64, brought: i64| {
            let limits = cpus("prod", limit);
            let brought = if brought > 0 { cpus("prod/web", brought) } else { none.clone() };
            debts.look(limits.iter(), &cpus("prod/web", held), &brought).len()
        };
        assert_eq!(look(10, 8, 0), 0);
        assert_eq!(look(10, 11, 0), 1, "it took more than its limit");
        assert_eq!(look(4, 11, 0), 0, "the limit was lowered");
        assert_eq!(look(4, 9, 0), 0, "and it gives some back");
        assert_eq!(look(4, 10, 0), 1, "which it may not take again");
        assert_eq!(look(4, 13, 3), 0, "an agent came back with three");
    }
}

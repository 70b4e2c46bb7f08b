//! How large the content is, kept as it changes: each change was measured already when it came.

use std::collections::BTreeMap;

use libprocess_wire as wire;
use model::AgentId;

use super::delta::Delta;
use super::registry::Registry;

/// What the admitted agents take; nothing else in a registry is of any size.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// What it took to admit each. Unit: bytes.
    agents: BTreeMap<AgentId, usize>,
    sum: usize,
}

impl Sizes {
    /// Those of a registry that was read.
    pub(super) fn of(registry: &Registry) -> Sizes {
        let mut sizes = Sizes::default();
        for (id, info) in &registry.admitted {
            let admitted = Delta::AdmitAgent { id: id.clone(), info: info.clone() };
            sizes.set(id, wire::encode(&admitted).len());
        }
        sizes
    }

    /// A change was carried out, which took so many bytes.
    pub(super) fn changed(&mut self, delta: &Delta, size: usize) {
        match delta {
            Delta::AdmitAgent { id, .. }
            | Delta::UpdateAgent { id, .. }
            | Delta::MarkReachable { id, .. } => {
                self.set(id, size);
            }
            Delta::RemoveAgent { id } | Delta::MarkUnreachable { id, .. } | Delta::MarkGone { id, .. } => {
                self.sum -= self.agents.remove(id).unwrap_or(0);
            }
            _ => {}
        }
    }

    /// Unit: bytes.
    pub(super) fn sum(&self) -> usize {
        self.sum
    }

    fn set(&mut self, id: &AgentId, size: usize) {
        let before = self.agents.insert(id.clone(), size).unwrap_or(0);
        self.sum = self.sum - before + size;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::registry::tests::deltas;
    use super::*;

    proptest! {
        #[test]
        fn sizes_that_are_kept_are_those_of_the_content(history in deltas()) {
            let (mut registry, mut sizes) = (Registry::default(), Sizes::default());
            for delta in history {
                if registry.apply(&delta) == Ok(true) {
                    sizes.changed(&delta, wire::encode(&delta).len());
                }
            }
            prop_assert_eq!(sizes, Sizes::of(&registry));
        }
    }
}

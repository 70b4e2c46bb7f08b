//! Who has waited too long behind the foreground, see [`Order::Multilevel`].

use model::Time;

use super::node::{Node, NodeId, standing};
use super::{Order, Place, Tree};

impl Tree {
    /// Moves those to the foreground that have waited too long behind it. Looks at the roles of the background alone.
    pub(crate) fn age(&mut self, now: Time) {
        let Order::Multilevel { aging } = self.order else { return };
        let background =
            self.tops.iter().flat_map(|top| top.iter().rev().take_while(|(rank, _)| rank.level > 0.0));
        let waiting: Vec<NodeId> = background
            .filter_map(|(_, place)| match place {
                Place::Child(id) => Some(*id),
                Place::Own => None,
            })
            .collect();
        for id in waiting {
            let since = *self.nodes[id.index()].waits_since.get_or_insert(now);
            if now.since(since) >= aging {
                self.set_aged(id, true);
            }
        }
    }

    pub(super) fn set_aged(&mut self, id: NodeId, aged: bool) {
        let Node { aged: before, role, .. } = &self.nodes[id.index()];
        if *before == aged {
            return;
        }
        let (level, _) = standing(self.order, self.weight(role), aged);
        let node = &mut self.nodes[id.index()];
        node.aged = aged;
        let entry = (node.subtree.rank.clone(), Place::Child(id));
        node.subtree.rank.level = level;
        let moved = (node.subtree.rank.clone(), Place::Child(id));
        let line = self.line_of(id);
        if line.remove(&entry) {
            line.insert(moved);
        }
    }
}

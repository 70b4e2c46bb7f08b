//! Reading the lines: everybody who can be given something, in order.

use std::collections::btree_set;

use super::rank::Rank;
use super::tree::{Client, NodeId, Place, ROOT, Tree};

/// Clients in order, see [`Tree::walk`].
pub(crate) struct Walk<'a>(Steps<'a>);

impl<'a> Walk<'a> {
    /// Depth first through the tree's lines.
    pub(super) fn ordered(tree: &'a Tree) -> Walk<'a> {
        let levels = vec![(ROOT, tree.line(ROOT).iter())];
        Walk(Steps::Ordered { tree, levels, frameworks: None })
    }

    /// In an order that was drawn.
    pub(super) fn drawn(clients: Vec<Client>) -> Walk<'a> {
        Walk(Steps::Drawn(clients.into_iter()))
    }
}

enum Steps<'a> {
    /// Depth first through lines that are already sorted.
    Ordered {
        tree: &'a Tree,
        levels: Vec<(NodeId, btree_set::Iter<'a, (Rank, Place)>)>,
        frameworks: Option<(NodeId, btree_set::Iter<'a, (Rank, u32)>)>,
    },
    /// Drawn beforehand.
    Drawn(std::vec::IntoIter<Client>),
}

impl Iterator for Walk<'_> {
    type Item = Client;

    fn next(&mut self) -> Option<Client> {
        match &mut self.0 {
            Steps::Drawn(clients) => clients.next(),
            Steps::Ordered { tree, levels, frameworks } => loop {
                if let Some((node, members)) = frameworks {
                    match members.next() {
                        Some((_, framework)) => return Some(Client { node: *node, framework: *framework }),
                        None => *frameworks = None,
                    }
                }
                let (node, line) = levels.last_mut()?;
                match line.next() {
                    Some((_, Place::Own)) => *frameworks = Some((*node, tree.frameworks(*node).iter())),
                    Some((_, Place::Child(child))) => levels.push((*child, tree.line(*child).iter())),
                    None => {
                        levels.pop();
                    }
                }
            },
        }
    }
}

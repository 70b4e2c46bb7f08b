//! Reading the lines: everybody who can be given something, in order.

use std::collections::btree_set;
use std::iter::Peekable;

use smallvec::{SmallVec, smallvec};

use super::rank::Rank;
use super::tree::{Class, Client, NodeId, Place, ROOT, Tree};

/// Clients in order, see [`Tree::walk`].
pub(crate) struct Walk<'a>(Steps<'a>);

impl<'a> Walk<'a> {
    /// Depth first through the tree's lines; at the top only through those of these classes.
    pub(super) fn ordered(tree: &'a Tree, classes: &[Class]) -> Walk<'a> {
        let tops = || classes.iter().map(|class| tree.top(*class)).filter(|top| !top.is_empty());
        let first = match tops().count() {
            0 | 1 => Entries::One(tops().next().map(|top| top.iter()).unwrap_or_default()),
            _ => Entries::Merged(tops().map(|top| top.iter().peekable()).collect()),
        };
        let levels = smallvec![(ROOT, first)];
        Walk(Steps::Ordered { tree, levels, frameworks: None })
    }

    /// In an order that was drawn.
    pub(super) fn drawn(clients: Vec<Client>) -> Walk<'a> {
        Walk(Steps::Drawn(clients.into_iter()))
    }
}

#[expect(clippy::large_enum_variant, reason = "one is made at a time, and it stays where it is")]
enum Steps<'a> {
    /// Depth first through lines that are already sorted.
    Ordered {
        tree: &'a Tree,
        levels: SmallVec<[(NodeId, Entries<'a>); 2]>,
        frameworks: Option<(NodeId, btree_set::Iter<'a, (Rank, u32)>)>,
    },
    /// Drawn beforehand.
    Drawn(std::vec::IntoIter<Client>),
}

/// A line, or several read as one.
enum Entries<'a> {
    One(btree_set::Iter<'a, (Rank, Place)>),
    Merged(Vec<Peekable<btree_set::Iter<'a, (Rank, Place)>>>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a (Rank, Place);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Entries::One(line) => line.next(),
            Entries::Merged(lines) => {
                let heads = lines.iter_mut().enumerate();
                let (_, first) = heads.filter_map(|(at, line)| Some((*line.peek()?, at))).min()?;
                lines[first].next()
            }
        }
    }
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
                    Some((_, Place::Child(child))) => {
                        levels.push((*child, Entries::One(tree.line(*child).iter())));
                    }
                    None => {
                        levels.pop();
                    }
                }
            },
        }
    }
}

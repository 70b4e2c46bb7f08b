//! What a tree of roles is made of: roles, what they and their frameworks hold, and where they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Role, Time};

use super::super::rank::{Rank, share};
use super::super::{Names, Order, Tally};

/// A role's place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

/// A framework in one of its roles: who can be given something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Client {
    pub(crate) node: NodeId,
    /// The framework's number in the allocator.
    pub(crate) framework: u32,
}

pub(in super::super) const ROOT: NodeId = NodeId(0);

/// What quota says of a role at the top, and so of all below it. Those of one class stand in one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It lacks something it was promised.
    Hungry,
    #[default]
    Open,
    /// It has all it may have; only what is kept for it can still be given.
    Sated,
}

impl Class {
    /// Everybody, whatever quota says.
    pub(crate) const ALL: &[Class] = &[Class::Hungry, Class::Open, Class::Sated];
}

/// Those that compete inside a role, in order.
pub(in super::super) type Line = BTreeSet<(Rank, Place)>;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) parent: NodeId,
    pub(super) children: BTreeSet<NodeId>,
    pub(super) members: BTreeMap<u32, Member>,
    /// What the whole subtree holds; orders this node among its siblings.
    pub(super) subtree: Seat,
    /// What the role's own frameworks hold; orders them among the node's children.
    pub(super) own: Seat,
    /// Children with somebody to offer to, and the own frameworks if there is one among them.
    pub(super) line: Line,
    /// Of a role at the top.
    pub(super) class: Class,
    /// When it began to wait in the background; of a role at the top.
    pub(super) waits_since: Option<Time>,
    /// Whether it has waited so long that it counts as foreground.
    pub(super) aged: bool,
    /// The own frameworks that can be offered something.
    pub(super) frameworks: BTreeSet<(Rank, u32)>,
}

/// One that competes in a line.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) held: Tally,
    /// How often it was given something. What comes back does not make it less: else, of two that hold nothing because they
    /// decline everything, the same would always be asked first.
    pub(super) count: u64,
    /// Where it stands; what it holds may have moved on since.
    pub(super) rank: Rank,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) seat: Seat,
    /// Subscribed to the role, connected and not suppressed.
    pub(super) active: bool,
    pub(super) subscribed: bool,
    /// Whether it is among those whose place is out of date.
    pub(super) moved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Place {
    Own,
    Child(NodeId),
}

/// The level of a role among its siblings, and what its share is divided by.
pub(super) fn standing(order: Order, weight: f64, aged: bool) -> (f64, f64) {
    match order {
        Order::Drf | Order::Random => (0.0, weight),
        Order::Priority => (-weight, 1.0),
        Order::Multilevel { .. } => (if weight >= 1.0 || aged { 0.0 } else { 1.0 }, weight),
    }
}

impl Node {
    pub(super) fn new(role: Role, parent: NodeId) -> Node {
        Node {
            subtree: Seat::new(role.as_str()),
            own: Seat::new("."),
            role,
            parent,
            children: BTreeSet::new(),
            members: BTreeMap::new(),
            line: BTreeSet::new(),
            class: Class::default(),
            waits_since: None,
            aged: false,
            frameworks: BTreeSet::new(),
        }
    }
}

impl Seat {
    pub(super) fn new(name: &str) -> Seat {
        Seat {
            held: Tally::default(),
            count: 0,
            rank: Rank { level: 0.0, share: 0.0, count: 0, name: Arc::from(name) },
        }
    }

    pub(super) fn weigh(&mut self, total: &Tally, names: &Names, weight: f64) {
        self.rank.share = share(&self.held, total, names, weight);
        self.rank.count = self.count;
    }
}

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Moves one in its line. It comes to its new place before it leaves the old one: most lines hold one alone, and would be given
/// back and made anew.
pub(super) fn shift<P: Ord>(line: &mut BTreeSet<(Rank, P)>, before: (Rank, P), after: (Rank, P)) {
    if before != after {
        line.insert(after);
        line.remove(&before);
    }
}

//! Roles as a tree. Each level is a line in which children compete, and the innermost line is that of a role's frameworks.
//!
//! ```text
//!            root            the line: b, a          a/x and a's own frameworks ("a/.") compete
//!           /    \                                   inside a; what either holds counts for a
//!          a      b
//!         / \      \
//!      (own) a/x   (own)     each (own): a line of frameworks
//! ```
//!
//! Lines hold only those with somebody to offer to, and are kept in order as shares move: one allocation
//! costs a removal and an insertion per level. Shares all move when the cluster's total does, or a weight; then the
//! lines are made anew, once, before they are read the next time.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Role, Time};
use rand::Rng;

use super::rank::{Rank, share};
use super::walk::Walk;
use super::{Names, Order, Tally, random};

/// A role's place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// A framework in one of its roles: who can be given something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Client {
    pub(crate) node: NodeId,
    /// The framework's number in the allocator.
    pub(crate) framework: u32,
}

pub(super) const ROOT: NodeId = NodeId(0);

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

/// The roles, who is in them and what they hold.
#[derive(Debug)]
pub(crate) struct Tree {
    order: Order,
    nodes: Vec<Node>,
    spare: Vec<NodeId>,
    places: BTreeMap<Role, NodeId>,
    weights: BTreeMap<Role, f64>,
    /// The root's lines, by class.
    tops: [Line; Class::ALL.len()],
    total: Tally,
    stale: bool,
    /// Who holds less than its place in line says.
    moved: Vec<Client>,
}

/// Those that compete inside a role, in order.
pub(super) type Line = BTreeSet<(Rank, Place)>;

#[derive(Debug)]
struct Node {
    role: Role,
    parent: NodeId,
    children: BTreeSet<NodeId>,
    members: BTreeMap<u32, Member>,
    /// What the whole subtree holds; orders this node among its siblings.
    subtree: Seat,
    /// What the role's own frameworks hold; orders them among the node's children.
    own: Seat,
    /// Children with somebody to offer to, and the own frameworks if there is one among them.
    line: Line,
    /// Of a role at the top.
    class: Class,
    /// When it began to wait in the background; of a role at the top.
    waits_since: Option<Time>,
    /// Whether it has waited so long that it counts as foreground.
    aged: bool,
    /// The own frameworks that can be offered something.
    frameworks: BTreeSet<(Rank, u32)>,
}

/// One that competes in a line.
#[derive(Debug)]
struct Seat {
    held: Tally,
    /// How many allocations that is.
    count: u64,
    /// Where it stands; what it holds may have moved on since.
    rank: Rank,
}

#[derive(Debug)]
struct Member {
    seat: Seat,
    /// Subscribed to the role, connected and not suppressed.
    active: bool,
    subscribed: bool,
    /// Whether it is among those whose place is out of date.
    moved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Own,
    Child(NodeId),
}

impl Tree {
    pub(crate) fn new(order: Order) -> Tree {
        let root = Node::new(Role::from(""), ROOT);
        Tree {
            order,
            nodes: vec![root],
            spare: Vec::new(),
            places: BTreeMap::new(),
            weights: BTreeMap::new(),
            tops: Default::default(),
            total: Tally::default(),
            stale: false,
            moved: Vec::new(),
        }
    }

    /// The role's place, made if it is new. Stays valid while somebody is in the role or holds something.
    pub(crate) fn place(&mut self, role: &Role) -> NodeId {
        if let Some(id) = self.places.get(role) {
            return *id;
        }
        let parent = match role.parent() {
            Some(parent) => self.place(&parent),
            None => ROOT,
        };
        let node = Node::new(role.clone(), parent);
        let id = match self.spare.pop() {
            Some(id) => {
                self.nodes[id.index()] = node;
                id
            }
            None => {
                self.nodes.push(node);
                NodeId(u32::try_from(self.nodes.len() - 1).expect("there are fewer roles than 2^32"))
            }
        };
        self.nodes[parent.index()].children.insert(id);
        self.places.insert(role.clone(), id);
        id
    }

    pub(crate) fn find(&self, role: &Role) -> Option<NodeId> {
        self.places.get(role).copied()
    }

    /// The frameworks that are in a role itself, or hold something in it.
    pub(crate) fn members(&self, node: NodeId) -> impl Iterator<Item = u32> {
        self.nodes[node.index()].members.keys().copied()
    }

    pub(crate) fn role(&self, node: NodeId) -> &Role {
        &self.nodes[node.index()].role
    }

    /// A framework joins a role; it can be given something once it is active.
    pub(crate) fn join(&mut self, role: &Role, framework: u32, name: &str) -> Client {
        let node = self.place(role);
        self.member(node, framework, name).subscribed = true;
        Client { node, framework }
    }

    /// A framework leaves a role; what it still holds there keeps counting until it comes back.
    pub(crate) fn leave(&mut self, client: Client) {
        self.set_active(client, false);
        if let Some(member) = self.nodes[client.node.index()].members.get_mut(&client.framework) {
            member.subscribed = false;
        }
        self.tidy(client.node, client.framework);
    }

    /// Whether the framework may be given something in this role.
    pub(crate) fn set_active(&mut self, client: Client, active: bool) {
        let node = &mut self.nodes[client.node.index()];
        let Some(member) = node.members.get_mut(&client.framework) else { return };
        if member.active == active {
            return;
        }
        member.active = active;
        if self.stale {
            return;
        }
        let entry = (member.seat.rank.clone(), client.framework);
        match active {
            true => node.frameworks.insert(entry),
            false => node.frameworks.remove(&entry),
        };
        self.seat(client.node);
    }

    pub(crate) fn is_active(&self, client: Client) -> bool {
        self.nodes[client.node.index()].members.get(&client.framework).is_some_and(|member| member.active)
    }

    /// The framework holds more in this role.
    pub(crate) fn allocated(
        &mut self,
        role: &Role,
        framework: u32,
        name: &str,
        amounts: &Tally,
        names: &Names,
    ) {
        let node = self.place(role);
        self.member(node, framework, name);
        self.allocated_to(Client { node, framework }, amounts, names);
    }

    /// The same for one that is a member.
    pub(crate) fn allocated_to(&mut self, client: Client, amounts: &Tally, names: &Names) {
        self.change(client, |seat| {
            seat.held.plus(amounts);
            seat.count += 1;
        });
        if !self.stale {
            self.place_anew(client, names);
        }
        if let Order::Multilevel { .. } = self.order {
            let top = self.path(client.node)[0];
            self.nodes[top.index()].waits_since = None;
            self.set_aged(top, false);
        }
    }

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

    fn set_aged(&mut self, id: NodeId, aged: bool) {
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

    /// The framework holds less in this role.
    pub(crate) fn released(&mut self, role: &Role, framework: u32, amounts: &Tally) {
        let Some(node) = self.find(role) else { return };
        self.released_by(Client { node, framework }, amounts);
    }

    /// The same for one that is a member. Its place moves when lines are read the next time: much comes back at once.
    pub(crate) fn released_by(&mut self, client: Client, amounts: &Tally) {
        self.change(client, |seat| {
            seat.held.minus(amounts);
            seat.count = seat.count.saturating_sub(1);
        });
        let members = &mut self.nodes[client.node.index()].members;
        if let Some(member) = members.get_mut(&client.framework)
            && !std::mem::replace(&mut member.moved, true)
        {
            self.moved.push(client);
        }
        self.tidy(client.node, client.framework);
    }

    /// The cluster grew.
    pub(crate) fn grow(&mut self, amounts: &Tally) {
        self.total.plus(amounts);
        self.stale = true;
    }

    /// The cluster shrank.
    pub(crate) fn shrink(&mut self, amounts: &Tally) {
        self.total.minus(amounts);
        self.stale = true;
    }

    pub(crate) fn total(&self) -> &Tally {
        &self.total
    }

    pub(crate) fn set_weight(&mut self, role: &Role, weight: f64) {
        self.weights.insert(role.clone(), weight);
        self.stale = true;
    }

    /// The share of each role that has a place, with its weight in.
    pub(crate) fn shares<'a>(&'a self, names: &'a Names) -> impl Iterator<Item = (&'a Role, f64)> {
        self.places.iter().map(|(role, id)| {
            (role, share(&self.nodes[id.index()].subtree.held, &self.total, names, self.weight(role)))
        })
    }

    /// Makes the lines anew if the total or a weight moved. Reading functions expect that this was done.
    pub(crate) fn refresh(&mut self, names: &Names) {
        let moved = std::mem::take(&mut self.moved);
        for client in &moved {
            if let Some(member) = self.nodes[client.node.index()].members.get_mut(&client.framework) {
                member.moved = false;
            }
        }
        if !std::mem::take(&mut self.stale) {
            return moved.into_iter().for_each(|client| self.place_anew(client, names));
        }
        let total = &self.total;
        self.tops.iter_mut().for_each(Line::clear);
        for node in &mut self.nodes {
            let weight = self.weights.get(&node.role).copied().unwrap_or(1.0);
            let (level, weight) = standing(self.order, weight, node.aged);
            node.subtree.rank.level = level;
            node.subtree.weigh(total, names, weight);
            node.own.weigh(total, names, 1.0);
            node.frameworks.clear();
            node.line.clear();
            for (framework, member) in &mut node.members {
                member.seat.weigh(total, names, 1.0);
                if member.active {
                    node.frameworks.insert((member.seat.rank.clone(), *framework));
                }
            }
        }
        let places: Vec<NodeId> = self.places.values().copied().collect();
        for id in places {
            self.seat(id);
        }
    }

    /// Everybody who can be given something, in order. Lazy: who reads only the first pays only for the first.
    pub(crate) fn walk(&self, classes: &[Class], rng: &mut dyn Rng) -> Walk<'_> {
        match self.order {
            Order::Drf | Order::Priority | Order::Multilevel { .. } => Walk::ordered(self, classes),
            Order::Random => {
                let mut drawn = Vec::new();
                let tops = classes.iter().flat_map(|class| self.top(*class));
                self.draw(tops, ROOT, rng, &mut drawn);
                Walk::drawn(drawn)
            }
        }
    }

    /// Puts a few clients into the order in which [`walk`](Tree::walk) would name them.
    pub(crate) fn sort(&self, clients: &mut [Client], rng: &mut dyn Rng) {
        match self.order {
            Order::Drf | Order::Priority | Order::Multilevel { .. } => {
                clients.sort_by(|a, b| self.compare(*a, *b));
            }
            Order::Random => {
                let places: BTreeMap<Client, usize> =
                    self.walk(Class::ALL, rng).enumerate().map(|(place, client)| (client, place)).collect();
                clients.sort_by_key(|client| places.get(client).copied().unwrap_or(usize::MAX));
            }
        }
    }

    /// The line of those that compete inside a role.
    pub(super) fn line(&self, node: NodeId) -> &Line {
        &self.nodes[node.index()].line
    }

    /// The line of the roles at the top that are of this class.
    pub(super) fn top(&self, class: Class) -> &Line {
        &self.tops[class as usize]
    }

    /// Moves a role at the top, if it has a place, to the line of another class.
    pub(crate) fn set_class(&mut self, role: &str, class: Class) {
        let Some(id) = self.places.get(role).copied() else { return };
        let node = &mut self.nodes[id.index()];
        let before = std::mem::replace(&mut node.class, class);
        let entry = (node.subtree.rank.clone(), Place::Child(id));
        if before != class && self.tops[before as usize].remove(&entry) {
            self.tops[class as usize].insert(entry);
        }
    }

    /// Whether somebody of this class can be given something.
    pub(crate) fn has(&self, class: Class) -> bool {
        !self.tops[class as usize].is_empty()
    }

    /// Everybody in a role at the top and below it who can be given something.
    pub(crate) fn below(&self, role: &str) -> Vec<Client> {
        let Some(top) = self.places.get(role) else { return Vec::new() };
        let (mut nodes, mut clients) = (vec![*top], Vec::new());
        while let Some(at) = nodes.pop() {
            let node = &self.nodes[at.index()];
            clients.extend(
                node.frameworks.iter().map(|(_, framework)| Client { node: at, framework: *framework }),
            );
            nodes.extend(&node.children);
        }
        clients
    }

    /// Where a role stands: in the line of its class if it is at the top, in that of its parent if not.
    fn line_of(&mut self, node: NodeId) -> &mut Line {
        let Node { parent, class, .. } = &self.nodes[node.index()];
        match *parent {
            ROOT => &mut self.tops[*class as usize],
            parent => &mut self.nodes[parent.index()].line,
        }
    }

    /// The line of a role's own frameworks.
    pub(super) fn frameworks(&self, node: NodeId) -> &BTreeSet<(Rank, u32)> {
        &self.nodes[node.index()].frameworks
    }

    fn compare(&self, a: Client, b: Client) -> Ordering {
        if a.node == b.node {
            let members = &self.nodes[a.node.index()].members;
            let rank = |client: Client| members.get(&client.framework).map(|member| &member.seat.rank);
            return rank(a).cmp(&rank(b));
        }
        let (path_a, path_b) = (self.path(a.node), self.path(b.node));
        let fork = path_a.iter().zip(&path_b).take_while(|(a, b)| a == b).count();
        let rank = |path: &[NodeId]| match path.get(fork) {
            Some(id) => (&self.nodes[id.index()].subtree.rank, Place::Child(*id)),
            None => (&self.nodes[path[fork - 1].index()].own.rank, Place::Own),
        };
        rank(&path_a).cmp(&rank(&path_b))
    }

    /// From the top down to the node itself, without the root.
    fn path(&self, node: NodeId) -> Vec<NodeId> {
        let mut path = vec![node];
        let mut at = node;
        while self.nodes[at.index()].parent != ROOT {
            at = self.nodes[at.index()].parent;
            path.push(at);
        }
        path.reverse();
        path
    }

    fn draw<'a>(
        &'a self,
        line: impl Iterator<Item = &'a (Rank, Place)>,
        at: NodeId,
        rng: &mut dyn Rng,
        drawn: &mut Vec<Client>,
    ) {
        let line = line.map(|(_, place)| match place {
            Place::Own => (1.0, *place),
            Place::Child(child) => (self.weight(self.role(*child)), *place),
        });
        for place in random::shuffle(line.collect(), rng) {
            match place {
                Place::Child(child) => self.draw(self.line(child).iter(), child, rng, drawn),
                Place::Own => {
                    let frameworks =
                        self.nodes[at.index()].frameworks.iter().map(|(_, framework)| (1.0, *framework));
                    let order = random::shuffle(frameworks.collect(), rng);
                    drawn.extend(order.into_iter().map(|framework| Client { node: at, framework }));
                }
            }
        }
    }

    fn weight(&self, role: &Role) -> f64 {
        self.weights.get(role).copied().unwrap_or(1.0)
    }

    fn member(&mut self, node: NodeId, framework: u32, name: &str) -> &mut Member {
        let members = &mut self.nodes[node.index()].members;
        members.entry(framework).or_insert_with(|| Member {
            seat: Seat::new(name),
            active: false,
            subscribed: false,
            moved: false,
        })
    }

    /// Changes what a client holds, and with it what its role and all roles above do.
    fn change(&mut self, client: Client, edit: impl Fn(&mut Seat)) {
        let node = &mut self.nodes[client.node.index()];
        let Some(member) = node.members.get_mut(&client.framework) else { return };
        edit(&mut member.seat);
        edit(&mut node.own);
        let mut at = client.node;
        while at != ROOT {
            let node = &mut self.nodes[at.index()];
            edit(&mut node.subtree);
            at = node.parent;
        }
    }

    /// Gives a client, its role and all roles above the places that fit what they hold.
    fn place_anew(&mut self, client: Client, names: &Names) {
        let node = &mut self.nodes[client.node.index()];
        if let Some(member) = node.members.get_mut(&client.framework) {
            if member.active {
                node.frameworks.remove(&(member.seat.rank.clone(), client.framework));
            }
            member.seat.weigh(&self.total, names, 1.0);
            if member.active {
                node.frameworks.insert((member.seat.rank.clone(), client.framework));
            }
        }
        let waiting = node.line.remove(&(node.own.rank.clone(), Place::Own));
        node.own.weigh(&self.total, names, 1.0);
        if waiting {
            node.line.insert((node.own.rank.clone(), Place::Own));
        }
        let mut at = client.node;
        while at != ROOT {
            let Node { role, aged, .. } = &self.nodes[at.index()];
            let (_, weight) = standing(self.order, self.weight(role), *aged);
            let node = &mut self.nodes[at.index()];
            let parent = node.parent;
            let before = (node.subtree.rank.clone(), Place::Child(at));
            node.subtree.weigh(&self.total, names, weight);
            let after = (node.subtree.rank.clone(), Place::Child(at));
            let line = self.line_of(at);
            if line.remove(&before) {
                line.insert(after);
            }
            at = parent;
        }
    }

    /// Puts a role, and those above it, into their lines or takes them out, by whether there is somebody to offer to.
    fn seat(&mut self, node: NodeId) {
        let mut at = node;
        let own = !self.nodes[at.index()].frameworks.is_empty();
        let Node { line, own: seat, .. } = &mut self.nodes[at.index()];
        match own {
            true => line.insert((seat.rank.clone(), Place::Own)),
            false => line.remove(&(seat.rank.clone(), Place::Own)),
        };
        while at != ROOT {
            let Node { parent, subtree, line, .. } = &self.nodes[at.index()];
            let (parent, entry, wanted) =
                (*parent, (subtree.rank.clone(), Place::Child(at)), !line.is_empty());
            let line = self.line_of(at);
            match wanted {
                true => line.insert(entry),
                false => line.remove(&entry),
            };
            at = parent;
        }
    }

    /// Forgets a member that neither is subscribed nor holds anything, and roles in which nobody is left.
    fn tidy(&mut self, node: NodeId, framework: u32) {
        let members = &mut self.nodes[node.index()].members;
        if members.get(&framework).is_some_and(|member| !member.subscribed && member.seat.held.is_zero()) {
            members.remove(&framework);
        }
        let mut at = node;
        while at != ROOT {
            let Node { members, children, parent, role, .. } = &self.nodes[at.index()];
            if !members.is_empty() || !children.is_empty() {
                return;
            }
            let (parent, role) = (*parent, role.clone());
            self.places.remove(&role);
            self.nodes[parent.index()].children.remove(&at);
            self.nodes[at.index()] = Node::new(Role::from(""), ROOT);
            self.spare.push(at);
            at = parent;
        }
    }
}

/// The level of a role among its siblings, and what its share is divided by.
fn standing(order: Order, weight: f64, aged: bool) -> (f64, f64) {
    match order {
        Order::Drf | Order::Random => (0.0, weight),
        Order::Priority => (-weight, 1.0),
        Order::Multilevel { .. } => (if weight >= 1.0 || aged { 0.0 } else { 1.0 }, weight),
    }
}

impl Node {
    fn new(role: Role, parent: NodeId) -> Node {
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
    fn new(name: &str) -> Seat {
        Seat {
            held: Tally::default(),
            count: 0,
            rank: Rank { level: 0.0, share: 0.0, count: 0, name: Arc::from(name) },
        }
    }

    fn weigh(&mut self, total: &Tally, names: &Names, weight: f64) {
        self.rank.share = share(&self.held, total, names, weight);
        self.rank.count = self.count;
    }
}

impl NodeId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use model::Scalar;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn cpus(amount: i64) -> Tally {
        let mut tally = Tally::default();
        tally.add(0, Scalar::whole(amount));
        tally
    }

    /// A tree of 100 cpus with one active framework in each role, numbered as the roles are.
    fn with_roles(roles: &[&str]) -> (Tree, Names) {
        in_order(Order::Drf, roles)
    }

    fn in_order(order: Order, roles: &[&str]) -> (Tree, Names) {
        let names = Names::new(&[]);
        let mut tree = Tree::new(order);
        tree.grow(&cpus(100));
        for (framework, role) in (0..).zip(roles) {
            let client = tree.join(&Role::from(*role), framework, &format!("f{framework}"));
            tree.set_active(client, true);
        }
        tree.refresh(&names);
        (tree, names)
    }

    fn order(tree: &Tree) -> Vec<String> {
        let mut rng = StdRng::seed_from_u64(1);
        tree.walk(Class::ALL, &mut rng).map(|client| tree.role(client.node).to_string()).collect()
    }

    #[test]
    fn the_least_share_comes_first_and_names_break_ties() {
        let (mut tree, names) = with_roles(&["b", "a", "c"]);
        assert_eq!(order(&tree), ["a", "b", "c"]);

        tree.allocated(&"a".into(), 1, "f1", &cpus(5), &names);
        tree.allocated(&"b".into(), 0, "f0", &cpus(2), &names);

        assert_eq!(order(&tree), ["c", "b", "a"]);
    }

    #[test]
    fn a_heavier_role_may_hold_more() {
        let (mut tree, names) = with_roles(&["a", "b"]);
        tree.set_weight(&"a".into(), 3.0);
        tree.allocated(&"a".into(), 0, "f0", &cpus(5), &names);
        tree.allocated(&"b".into(), 1, "f1", &cpus(2), &names);
        assert_eq!(order(&tree), ["a", "b"]);
    }

    #[test]
    fn by_priority_the_heavier_comes_first_whatever_it_holds() {
        let (mut tree, names) = in_order(Order::Priority, &["a", "b", "c"]);
        tree.set_weight(&"b".into(), 3.0);
        tree.refresh(&names);
        tree.allocated(&"b".into(), 1, "f1", &cpus(50), &names);
        tree.allocated(&"a".into(), 0, "f0", &cpus(1), &names);
        assert_eq!(order(&tree), ["b", "c", "a"], "and those that weigh the same by what they hold");
    }

    #[test]
    fn the_background_comes_last_until_it_has_waited_long_enough() {
        let aging = std::time::Duration::from_secs(60);
        let (mut tree, names) = in_order(Order::Multilevel { aging }, &["batch", "web", "night"]);
        tree.set_weight(&"batch".into(), 0.5);
        tree.set_weight(&"night".into(), 0.5);
        tree.refresh(&names);
        tree.allocated(&"web".into(), 1, "f1", &cpus(50), &names);
        let at = |secs| Time::START + std::time::Duration::from_secs(secs);
        tree.age(at(0));
        assert_eq!(order(&tree), ["web", "batch", "night"]);
        tree.age(at(59));
        assert_eq!(order(&tree), ["web", "batch", "night"]);
        tree.age(at(60));
        assert_eq!(order(&tree), ["batch", "night", "web"]);
        tree.allocated(&"batch".into(), 0, "f0", &cpus(1), &names);
        assert_eq!(order(&tree), ["night", "web", "batch"], "whoever got something waits again");
    }

    #[test]
    fn a_subtree_competes_as_one_with_its_siblings() {
        let (mut tree, names) = with_roles(&["a/x", "a/y", "b"]);
        tree.allocated(&"a/x".into(), 0, "f0", &cpus(3), &names);
        tree.allocated(&"b".into(), 2, "f2", &cpus(2), &names);
        assert_eq!(order(&tree), ["b", "a/y", "a/x"]);
    }

    #[test]
    fn a_roles_own_frameworks_compete_beside_its_children() {
        let (mut tree, names) = with_roles(&["a", "a/x"]);
        tree.allocated(&"a".into(), 0, "f0", &cpus(1), &names);
        assert_eq!(order(&tree), ["a/x", "a"]);
        tree.allocated(&"a/x".into(), 1, "f1", &cpus(2), &names);
        assert_eq!(order(&tree), ["a", "a/x"]);
    }

    #[test]
    fn roles_nobody_is_in_are_forgotten() {
        let (mut tree, names) = with_roles(&["a/x/y"]);
        let node = tree.find(&"a/x/y".into()).unwrap();
        tree.allocated(&"a/x/y".into(), 0, "f0", &cpus(1), &names);
        tree.leave(Client { node, framework: 0 });
        assert!(tree.find(&"a/x/y".into()).is_some(), "it still holds something");
        tree.released(&"a/x/y".into(), 0, &cpus(1));
        assert!(tree.places.is_empty());
    }

    proptest! {
        /// Lines kept up to date one by one are those that would be made from nothing.
        #[test]
        fn lines_kept_in_order_equal_lines_made_anew(
            steps in proptest::collection::vec((0usize..5, 0u32..4, 0i64..9, any::<bool>()), 0..60)
        ) {
            let roles = ["a", "b", "a/x", "a/y", "b/z/w"];
            let names = Names::new(&[]);
            let mut tree = Tree::new(Order::Drf);
            tree.grow(&cpus(100));
            for (role, framework, amount, flip) in steps {
                let (role, name) = (Role::from(roles[role]), format!("f{framework}"));
                let client = tree.join(&role, framework, &name);
                tree.allocated(&role, framework, &name, &cpus(amount), &names);
                if flip {
                    let active = tree.is_active(client);
                    tree.set_active(client, !active);
                } else {
                    tree.released(&role, framework, &cpus(amount / 2));
                }
                tree.refresh(&names);
                let kept = order(&tree);
                tree.stale = true;
                tree.refresh(&names);
                prop_assert_eq!(kept, order(&tree));
            }
        }

        #[test]
        fn a_few_clients_are_sorted_as_the_walk_names_them(holdings in proptest::collection::vec(0i64..9, 5)) {
            let (mut tree, names) = with_roles(&["a", "b", "a/x", "a/y", "b/z/w"]);
            for ((framework, role), held) in (0..).zip(["a", "b", "a/x", "a/y", "b/z/w"]).zip(holdings) {
                tree.allocated(&role.into(), framework, &format!("f{framework}"), &cpus(held), &names);
            }
            let mut rng = StdRng::seed_from_u64(1);
            let walked: Vec<Client> = tree.walk(Class::ALL, &mut rng).collect();
            let mut sorted = walked.clone();
            sorted.sort();
            tree.sort(&mut sorted, &mut rng);
            prop_assert_eq!(walked, sorted);
        }
    }
}

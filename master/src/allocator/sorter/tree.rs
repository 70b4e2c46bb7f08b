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

mod age;
mod node;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use model::Role;
use rand::Rng;

use super::rank::{Rank, share};
use super::walk::Walk;
use super::{Names, Order, Tally, random};

pub(crate) use node::{Class, Client, NodeId};
pub(super) use node::{Line, Place, ROOT};
use node::{Member, Node, Seat, shift, standing};

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

    /// The framework holds less in this role.
    pub(crate) fn released(&mut self, role: &Role, framework: u32, amounts: &Tally) {
        let Some(node) = self.find(role) else { return };
        self.released_by(Client { node, framework }, amounts);
    }

    /// The same for one that is a member. Its place moves when lines are read the next time: much comes back at once.
    pub(crate) fn released_by(&mut self, client: Client, amounts: &Tally) {
        self.change(client, |seat| seat.held.minus(amounts));
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
            let before = (member.seat.rank.clone(), client.framework);
            member.seat.weigh(&self.total, names, 1.0);
            if member.active {
                shift(&mut node.frameworks, before, (member.seat.rank.clone(), client.framework));
            }
        }
        let before = (node.own.rank.clone(), Place::Own);
        node.own.weigh(&self.total, names, 1.0);
        if !node.frameworks.is_empty() {
            shift(&mut node.line, before, (node.own.rank.clone(), Place::Own));
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
            if !node.line.is_empty() {
                shift(self.line_of(at), before, after);
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

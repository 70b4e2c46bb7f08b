use model::{Scalar, Time};
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
fn of_two_that_hold_nothing_the_one_that_was_asked_less_often_comes_first() {
    let (mut tree, names) = with_roles(&["a", "b"]);
    tree.allocated(&"a".into(), 0, "f0", &cpus(5), &names);
    tree.released(&"a".into(), 0, &cpus(5));
    tree.refresh(&names);
    assert_eq!(order(&tree), ["b", "a"]);
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

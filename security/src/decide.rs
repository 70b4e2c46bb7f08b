//! The rule of rules: whether somebody may do something, and which line of the file says so.
//!
//! The first rule of the action's list that *matches* both asker and object decides, whatever follows. Whether it allows
//! is another question than whether it matches: NONE matches everybody, and allows nobody.
//!
//! | asked about \ the rule says | matches | allows |
//! |---|---|---|
//! | nobody or nothing in particular | ANY, NONE | ANY |
//! | one name | ANY, NONE, or a list with the name in it | ANY, or a list with the name in it |
//!
//! Where no rule matches, `permissive` decides. Source: Mesos authorization.

use std::fmt;

use crate::acls::{Acls, Entity};
use crate::action::{Action, List, Object, ObjectKind};

/// Whether, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    pub reason: Reason,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A rule of a list, counted from zero.
    Rule { list: &'static str, index: usize, who: bool, what: bool },
    /// No rule of the list matches.
    Unmatched { list: &'static str, permissive: bool },
}

/// Whether `principal`, or somebody without a name, may do this to that.
///
/// An action that two lists speak of needs both; the first that denies is the reason.
pub fn decide(acls: &Acls, principal: Option<&str>, action: Action, object: &Object<'_>) -> Decision {
    let mut last = None;
    for (at, list) in action.lists().iter().enumerate() {
        let value = if at == 0 { object.value } else { object.under };
        let decision = by_list(acls, list, principal, value);
        if !decision.allowed {
            return decision;
        }
        last = Some(decision);
    }
    last.expect("every action has a list")
}

fn by_list(acls: &Acls, list: &List, principal: Option<&str>, object: Option<&str>) -> Decision {
    // What cannot be told apart is not told apart.
    let object = object.filter(|_| list.kind != ObjectKind::Whole);
    let roles = list.kind == ObjectKind::Roles;
    let rules = acls.lists.get(list.name).map(Vec::as_slice).unwrap_or_default();
    let matching = |rule: &crate::Rule| {
        matches(&rule.principals, principal, false) && matches(&rule.objects, object, roles)
    };
    match rules.iter().enumerate().find(|(_, rule)| matching(rule)) {
        Some((index, rule)) => {
            let who = allows(&rule.principals, principal, false);
            let what = allows(&rule.objects, object, roles);
            Decision { allowed: who && what, reason: Reason::Rule { list: list.name, index, who, what } }
        }
        None => Decision {
            allowed: acls.permissive,
            reason: Reason::Unmatched { list: list.name, permissive: acls.permissive },
        },
    }
}

fn matches(entity: &Entity, asked: Option<&str>, roles: bool) -> bool {
    match (entity, asked) {
        (Entity::Any | Entity::None, _) => true,
        (Entity::Some(_), None) => false,
        (Entity::Some(_), Some(_)) => allows(entity, asked, roles),
    }
}

fn allows(entity: &Entity, asked: Option<&str>, roles: bool) -> bool {
    match (entity, asked) {
        (Entity::Any, _) => true,
        (Entity::None, _) | (Entity::Some(_), None) => false,
        (Entity::Some(values), Some(asked)) => {
            values.contains(asked)
                || (roles && above(asked).any(|role| values.contains(&format!("{role}/%"))))
        }
    }
}

/// The roles above a role, nearest first.
fn above(role: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(role.rsplit_once('/'), |(above, _)| above.rsplit_once('/')).map(|(above, _)| above)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Rule { list, index, who, what } => {
                let why = match (who, what) {
                    (true, true) => "which allows it",
                    (false, true) => "whose 'principals' do not allow the asker",
                    (true, false) => "whose object does not allow this one",
                    (false, false) => "which allows neither the asker nor the object",
                };
                write!(f, "{list}[{index}] is the first rule that matches, {why}")
            }
            Reason::Unmatched { list, permissive } => {
                write!(f, "no rule of {list} matches, and 'permissive' is {permissive}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::acls::Rule;

    fn acls(permissive: bool, lists: &[(&'static str, &[(Entity, Entity)])]) -> Acls {
        let rule = |(principals, objects): &(Entity, Entity)| Rule {
            principals: principals.clone(),
            objects: objects.clone(),
        };
        let lists = lists.iter().map(|(name, rules)| (*name, rules.iter().map(rule).collect())).collect();
        Acls { permissive, lists }
    }

    fn may(acls: &Acls, principal: Option<&str>, action: Action, object: Object<'_>) -> bool {
        decide(acls, principal, action, &object).allowed
    }

    #[test]
    fn without_a_rule_that_matches_the_file_is_permissive_or_not() {
        for permissive in [true, false] {
            let none = acls(permissive, &[]);
            assert_eq!(may(&none, Some("ann"), Action::RunTask, Object::of("root")), permissive);
        }
    }

    /// Every pair of the table above, for the object; the asker is anybody.
    #[test]
    fn an_entity_matches_and_allows_as_the_table_says() {
        let some = || Entity::some(["a", "b"]);
        for (entity, asked, expected) in [
            (Entity::Any, None, true),
            (Entity::Any, Some("a"), true),
            (Entity::None, None, false),
            (Entity::None, Some("a"), false),
            (some(), Some("a"), true),
            // These do not match, and the permissive file lets them pass.
            (some(), Some("c"), true),
            (some(), None, true),
        ] {
            let one = acls(true, &[("run_tasks", &[(Entity::Any, entity.clone())])]);
            let object = Object::maybe(asked);
            assert_eq!(may(&one, None, Action::RunTask, object), expected, "{entity} about {asked:?}");
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides_and_says_so() {
        let rules = [
            (Entity::some(["ann"]), Entity::some(["web"])),
            (Entity::some(["ann"]), Entity::None),
            (Entity::Any, Entity::Any),
        ];
        let acls = acls(false, &[("run_tasks", &rules)]);
        for (principal, user, allowed, said) in [
            (Some("ann"), "web", true, "run_tasks[0] is the first rule that matches, which allows it"),
            (
                Some("ann"),
                "root",
                false,
                "run_tasks[1] is the first rule that matches, whose object does not allow this one",
            ),
            (Some("bob"), "root", true, "run_tasks[2] is the first rule that matches, which allows it"),
            (None, "root", true, "run_tasks[2] is the first rule that matches, which allows it"),
        ] {
            let decision = decide(&acls, principal, Action::RunTask, &Object::of(user));
            assert_eq!((decision.allowed, decision.reason.to_string()), (allowed, said.to_owned()));
        }
    }

    #[test]
    fn a_rule_for_nobody_ends_the_list() {
        let acls = acls(true, &[("register_agents", &[(Entity::None, Entity::Any)])]);
        let decision = decide(&acls, Some("a"), Action::RegisterAgent, &Object::ANY);
        assert!(!decision.allowed);
        assert!(decision.reason.to_string().contains("whose 'principals' do not allow the asker"));
    }

    #[test]
    fn a_percent_sign_means_roles_beneath_and_only_of_roles() {
        let beneath = || Entity::some(["eng/%"]);
        let rules = [(Entity::some(["ann"]), beneath())];
        let acls = acls(false, &[("register_frameworks", &rules), ("view_tasks", &rules)]);
        let registers = |role: &str| may(&acls, Some("ann"), Action::RegisterFramework, Object::of(role));
        for (role, expected) in [
            ("eng/web", true),
            ("eng/web/front", true),
            ("eng", false),
            ("engine", false),
            ("ops/eng/x", false),
        ] {
            assert_eq!(registers(role), expected, "{role}");
        }
        assert!(!may(&acls, Some("ann"), Action::ViewTask, Object::of("eng/web")), "a user is no role");
        assert!(may(&acls, Some("ann"), Action::ViewTask, Object::of("eng/%")));
    }

    #[test]
    fn who_launches_inside_a_container_needs_both_lists() {
        let ann = || Entity::some(["ann"]);
        let acls = acls(
            false,
            &[
                ("launch_nested_containers_as_user", &[(ann(), Entity::some(["web"]))]),
                ("launch_nested_containers_under_parent_with_user", &[(ann(), Entity::some(["db"]))]),
            ],
        );
        let launches = |user, parent| {
            decide(&acls, Some("ann"), Action::LaunchNestedContainer, &Object::of(user).under(parent))
        };
        assert!(launches("web", "db").allowed);
        assert!(!launches("db", "db").allowed);
        let denied = launches("web", "web");
        let list = "launch_nested_containers_under_parent_with_user";
        assert_eq!((denied.allowed, denied.reason), (false, Reason::Unmatched { list, permissive: false }));
    }

    fn entity() -> impl Strategy<Value = Entity> {
        let names = proptest::collection::btree_set(prop_oneof!["[ab]", "a/[b%]"], 0..3);
        prop_oneof![Just(Entity::Any), Just(Entity::None), names.prop_map(Entity::Some)]
    }

    proptest! {
        /// A rule behind the one that decides changes nothing, and a file that allows without `permissive` allows with it.
        #[test]
        fn later_rules_do_not_matter_and_permissive_only_adds(
            rules in proptest::collection::vec((entity(), entity()), 0..4),
            more in (entity(), entity()),
            who in proptest::option::of("[ab]"),
            role in proptest::option::of(prop_oneof!["[ab]", "a/b"]),
        ) {
            let object = Object::maybe(role.as_deref());
            let ask = |permissive, rules: &[(Entity, Entity)]| {
                let acls = acls(permissive, &[("view_roles", rules)]);
                decide(&acls, who.as_deref(), Action::ViewRole, &object)
            };
            let strict = ask(false, &rules);
            prop_assert!(!strict.allowed || ask(true, &rules).allowed);
            if let Reason::Rule { .. } = strict.reason {
                let mut longer = rules.clone();
                longer.push(more);
                prop_assert_eq!(ask(false, &longer), strict);
            }
        }
    }
}

//! Offer constraints, compiled: which agents a framework takes offers from, per role.

use std::collections::BTreeMap;

use model::constraint::{AttributeConstraint, Predicate, RoleConstraints, Selector};
use model::{AgentInfo, AttributeValue, OfferConstraints, Role};
use regex::{Regex, RegexBuilder};

/// Bounds of a compiled expression. Unit: bytes of memory; the reference's limit on instructions is kept in proportion.
const REGEX_BYTES: usize = 1 << 20;

/// Constraints ready to be asked; made once, when the framework says them.
#[derive(Debug, Default)]
pub(super) struct Constraints {
    roles: BTreeMap<Role, Vec<Vec<Constraint>>>,
}

#[derive(Debug)]
struct Constraint {
    selector: Selector,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Plain(Predicate),
    Matches(Regex),
    NotMatches(Regex),
    /// An expression that cannot be compiled.
    Never,
}

/// Compiles one expression, anchored at both ends, as the constraints mean it.
///
/// Errors: not an expression, or too large a one. Masters validate with this before they accept a framework.
pub fn compile(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!("^(?:{expression})$")).size_limit(REGEX_BYTES).build()
}

impl Constraints {
    /// Expressions that do not compile were refused by the master; here they match nothing.
    pub(super) fn new(constraints: &OfferConstraints) -> Constraints {
        let groups = |role: &RoleConstraints| {
            let group =
                |constraints: &Vec<AttributeConstraint>| constraints.iter().map(Constraint::new).collect();
            role.groups.iter().map(|one| group(&one.constraints)).collect()
        };
        Constraints { roles: constraints.0.iter().map(|(role, one)| (role.clone(), groups(one))).collect() }
    }

    /// Whether the framework takes offers from this agent for this role.
    pub(super) fn admit(&self, role: &Role, agent: &AgentInfo) -> bool {
        match self.roles.get(role) {
            Some(groups) => groups.iter().any(|group| group.iter().all(|constraint| constraint.holds(agent))),
            None => true,
        }
    }
}

impl Constraint {
    fn new(constraint: &AttributeConstraint) -> Constraint {
        let matching = |expression: &str| compile(expression).ok();
        let test = match &constraint.predicate {
            Predicate::Matches(expression) => match matching(expression) {
                Some(regex) => Test::Matches(regex),
                None => Test::Never,
            },
            Predicate::NotMatches(expression) => match matching(expression) {
                Some(regex) => Test::NotMatches(regex),
                None => Test::Never,
            },
            plain => Test::Plain(plain.clone()),
        };
        Constraint { selector: constraint.selector.clone(), test }
    }

    /// Source: the table at [`Predicate`].
    fn holds(&self, agent: &AgentInfo) -> bool {
        let found = match &self.selector {
            Selector::Hostname => Found::Text(&agent.hostname),
            Selector::Region => {
                agent.domain.as_ref().map_or(Found::Nothing, |domain| Found::Text(&domain.region))
            }
            Selector::Zone => {
                agent.domain.as_ref().map_or(Found::Nothing, |domain| Found::Text(&domain.zone))
            }
            Selector::Attribute(name) => match agent.attributes.get(name) {
                Some(AttributeValue::Text(text)) => Found::Text(text),
                Some(_) => Found::Other,
                None => Found::Nothing,
            },
        };
        match (&self.test, found) {
            (Test::Plain(Predicate::Exists), found) => !matches!(found, Found::Nothing),
            (Test::Plain(Predicate::NotExists), found) => matches!(found, Found::Nothing),
            (Test::Never, _) => false,
            (_, Found::Other) => true,
            (Test::Plain(Predicate::Equals(wanted)), Found::Text(text)) => **wanted == *text,
            (Test::Plain(Predicate::NotEquals(unwanted)), Found::Text(text)) => **unwanted != *text,
            (Test::Matches(regex), Found::Text(text)) => regex.is_match(text),
            (Test::NotMatches(regex), Found::Text(text)) => !regex.is_match(text),
            (Test::Plain(Predicate::NotEquals(_)) | Test::NotMatches(_), Found::Nothing) => true,
            (Test::Plain(_) | Test::Matches(_), _) => false,
        }
    }
}

/// What the selector found on an agent.
enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// Something that is no text: no comparison of texts excludes it.
    Other,
}

#[cfg(test)]
mod tests {
    use model::constraint::ConstraintGroup;

    use super::*;

    fn agent(attributes: &str) -> AgentInfo {
        AgentInfo {
            id: None,
            hostname: "host1.example".into(),
            port: 5051,
            resources: Default::default(),
            attributes: attributes.parse().unwrap(),
            domain: None,
        }
    }

    fn holds(selector: Selector, predicate: Predicate, attributes: &str) -> bool {
        let group = ConstraintGroup { constraints: vec![AttributeConstraint { selector, predicate }] };
        let constraints =
            OfferConstraints(BTreeMap::from([("r".into(), RoleConstraints { groups: vec![group] })]));
        Constraints::new(&constraints).admit(&"r".into(), &agent(attributes))
    }

    #[test]
    fn predicates_follow_the_table() {
        let rack = || Selector::Attribute("rack".into());
        let table = [
            (Predicate::Exists, false, true, true),
            (Predicate::NotExists, true, false, false),
            (Predicate::Equals("r1".into()), false, true, true),
            (Predicate::NotEquals("r1".into()), true, false, true),
            (Predicate::Matches("r[0-9]".into()), false, true, true),
            (Predicate::NotMatches("r[0-9]".into()), true, false, true),
        ];
        for (predicate, missing, text, other) in table {
            assert_eq!(holds(rack(), predicate.clone(), ""), missing, "{predicate:?} of nothing");
            assert_eq!(holds(rack(), predicate.clone(), "rack:r1"), text, "{predicate:?} of a text");
            assert_eq!(holds(rack(), predicate.clone(), "rack:[1-2]"), other, "{predicate:?} of ranges");
        }
    }

    #[test]
    fn an_expression_must_match_the_whole_text() {
        assert!(holds(Selector::Hostname, Predicate::Matches("host.*".into()), ""));
        assert!(!holds(Selector::Hostname, Predicate::Matches("host".into()), ""));
    }
}

//! ACL files: JSON, as Mesos reads it.
//!
//! ```json
//! {"permissive": false,
//!  "run_tasks": [{"principals": {"values": ["ann"]}, "users": {"type": "ANY"}}]}
//! ```
//!
//! Fields nobody knows mean nothing, as in the original; they are named, because a list whose name is misspelled protects
//! nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::acls::{Acls, Entity, Rule};
use crate::action::{Action, ENDPOINTS, List, ObjectKind};

/// A file that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub acls: Acls,
    /// What is likely not what was meant, each in a sentence.
    pub doubts: Vec<String>,
}

/// Why a text is no ACLs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AclsError {
    #[error("is no JSON: {0}")]
    Json(String),
    #[error("must be a JSON object, as in {{\"permissive\": false}}")]
    NoObject,
    /// A field, and what is wrong with it.
    #[error("{at}: {why}")]
    Field { at: String, why: String },
}

impl Acls {
    /// Reads what `--acls` takes.
    ///
    /// Errors: no JSON; a field that is known and has the wrong shape; an object that its list cannot tell apart.
    pub fn parse(text: &str) -> Result<Read, AclsError> {
        let value: Value = serde_json::from_str(text).map_err(|error| AclsError::Json(error.to_string()))?;
        let Value::Object(fields) = value else { return Err(AclsError::NoObject) };
        let mut read = Read { acls: Acls::default(), doubts: Vec::new() };
        for (name, value) in &fields {
            if name == "permissive" {
                read.acls.permissive = boolean(value).ok_or_else(|| field(name, "must be true or false"))?;
            } else if let Some(list) = Action::all_lists().find(|list| list.name == name) {
                let rules = one_or_many(value).iter().enumerate().map(|(at, value)| rule(list, at, value));
                read.acls.lists.insert(list.name, rules.collect::<Result<_, _>>()?);
            } else {
                read.doubts.push(doubt(name));
            }
        }
        Ok(read)
    }
}

fn rule(list: &List, at: usize, value: &Value) -> Result<Rule, AclsError> {
    let place = format!("{}[{at}]", list.name);
    let Value::Object(fields) = value else {
        let why = format!("must be an object with 'principals' and '{}'", list.object);
        return Err(field(&place, &why));
    };
    let principals = entity(fields, &place, "principals")?;
    let objects = entity(fields, &place, list.object)?;
    if let Entity::Some(values) = &objects {
        let place = format!("{place}.{}", list.object);
        match list.kind {
            ObjectKind::Whole => {
                return Err(field(&place, "only \"type\": \"ANY\" or \"NONE\" is possible here"));
            }
            ObjectKind::Paths => {
                if let Some(path) = values.iter().find(|path| !ENDPOINTS.contains(&path.as_str())) {
                    let why = format!("'{path}' is not asked about; possible are {}", ENDPOINTS.join(", "));
                    return Err(field(&place, &why));
                }
            }
            ObjectKind::Roles | ObjectKind::Names => {}
        }
    }
    Ok(Rule { principals, objects })
}

/// Source: Mesos ACLs, `Entity`: `type` is SOME unless said, `values` are strings.
fn entity(fields: &Map<String, Value>, place: &str, name: &str) -> Result<Entity, AclsError> {
    let place = format!("{place}.{name}");
    let entity = match fields.get(name) {
        None | Some(Value::Null) => return Err(field(&place, "is missing")),
        Some(Value::Object(entity)) => entity,
        Some(_) => return Err(field(&place, "must be an object, as in {\"values\": [\"a\"]}")),
    };
    let values = match entity.get("values") {
        None | Some(Value::Null) => BTreeSet::new(),
        Some(values) => {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let values: Option<BTreeSet<String>> = one_or_many(values).iter().map(text).collect();
            values.ok_or_else(|| field(&format!("{place}.values"), "must be a list of strings"))?
        }
    };
    match entity.get("type").and_then(Value::as_str) {
        Some("ANY") => Ok(Entity::Any),
        Some("NONE") => Ok(Entity::None),
        Some("SOME") => Ok(Entity::Some(values)),
        None if entity.get("type").is_none_or(Value::is_null) => Ok(Entity::Some(values)),
        _ => Err(field(&format!("{place}.type"), "must be SOME, ANY or NONE")),
    }
}

/// As protobuf JSON has it: one element may stand without brackets.
fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

fn boolean(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn field(at: &str, why: &str) -> AclsError {
    AclsError::Field { at: at.to_owned(), why: why.to_owned() }
}

/// Names the list that was probably meant.
fn doubt(name: &str) -> String {
    let known = Action::all_lists().map(|list| list.name);
    let near = known.min_by_key(|known| distance(known, name)).filter(|known| distance(known, name) <= 3);
    match near {
        Some(near) => format!("'{name}' is no list of rules and means nothing; did you mean '{near}'?"),
        None => format!("'{name}' is no list of rules and means nothing"),
    }
}

/// How many letters have to be added, dropped or changed.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let changed = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Acls::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_file_becomes_rules_in_its_order() {
        let read = Acls::parse(
            r#"{"permissive": false,
                "register_frameworks": [
                    {"principals": {"type": "SOME", "values": ["ann", "bob"]}, "roles": {"values": ["eng/%"]}},
                    {"principals": {"type": "NONE"}, "roles": {"type": "ANY"}}],
                "view_flags": {"principals": {"values": "ann"}, "flags": {"type": "ANY"}}}"#,
        )
        .unwrap();
        assert!(read.doubts.is_empty() && !read.acls.permissive);
        assert_eq!(
            read.acls.lists["register_frameworks"],
            [
                Rule { principals: Entity::some(["ann", "bob"]), objects: Entity::some(["eng/%"]) },
                Rule { principals: Entity::None, objects: Entity::Any },
            ]
        );
        assert_eq!(read.acls.lists["view_flags"][0].principals, Entity::some(["ann"]));
        assert_eq!(Acls::parse("{}").unwrap().acls, Acls::default());
    }

    #[test]
    fn a_list_that_does_not_exist_is_named_with_the_one_that_was_meant() {
        let read = Acls::parse(r#"{"run_task": [], "remove_quotas": [], "wishes": []}"#).unwrap();
        assert_eq!(
            read.doubts,
            [
                "'run_task' is no list of rules and means nothing; did you mean 'run_tasks'?",
                "'remove_quotas' is no list of rules and means nothing",
                "'wishes' is no list of rules and means nothing"
            ]
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_its_place() {
        for (text, said) in [
            ("", "is no JSON: "),
            ("[]", "must be a JSON object"),
            (r#"{"permissive": 7}"#, "permissive: must be true or false"),
            (r#"{"run_tasks": [7]}"#, "run_tasks[0]: must be an object with 'principals' and 'users'"),
            (r#"{"run_tasks": [{"principals": {"type": "ANY"}}]}"#, "run_tasks[0].users: is missing"),
            (
                r#"{"run_tasks": [{"principals": {"type": "ALL"}, "users": {"type": "ANY"}}]}"#,
                "run_tasks[0].principals.type: must be SOME, ANY or NONE",
            ),
            (
                r#"{"run_tasks": [{"principals": {"values": [7]}, "users": {"type": "ANY"}}]}"#,
                "run_tasks[0].principals.values: must be a list of strings",
            ),
            (
                r#"{"register_agents": [{"principals": {"type": "ANY"}, "agents": {"values": ["a"]}}]}"#,
                "register_agents[0].agents: only \"type\": \"ANY\" or \"NONE\" is possible here",
            ),
            (
                r#"{"get_endpoints": [{"principals": {"type": "ANY"}, "paths": {"values": ["/state"]}}]}"#,
                "get_endpoints[0].paths: '/state' is not asked about; possible are /containers",
            ),
        ] {
            assert!(refused(text).starts_with(said), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn any_text_is_read_or_refused() {
        for text in ["{\"run_tasks\":null}", "null", "{\"run_tasks\":[[]]}", "{\"permissive\":\"false\"}"] {
            let _ = Acls::parse(text);
        }
        assert!(!Acls::parse("{\"permissive\":\"false\"}").unwrap().acls.permissive);
    }
}

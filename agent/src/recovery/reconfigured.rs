//! Whether an agent that comes back is still the one its master and its tasks know.
//!
//! | policy     | what may differ |
//! |------------|-----------------|
//! | `equal`    | nothing |
//! | `additive` | resources and attributes may grow, a domain may be added |
//!
//! After a reboot nothing runs any more, so an agent that may not be the same one begins anew as another. So does one that has
//! left: its master has told everybody that what it ran is lost, and must not hear of it again under another name.
//! Source: Mesos agent recovery, `--reconfiguration_policy`.

use libprocess_wire as wire;
use model::{AgentInfo, AttributeValue, Attributes};

use super::Record;

/// What of itself an agent may change between two lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReconfigurationPolicy {
    #[default]
    Equal,
    Additive,
}

/// What an agent is known as.
#[wire::part]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    /// Without its id; without its port if nobody chose that one.
    pub info: AgentInfo,
    /// Of the machine, when it said so.
    pub boot: String,
}

/// What becomes of an agent that comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is who it was.
    Same,
    /// It is another one: what an earlier one left is forgotten.
    Another,
}

/// Why an agent may not come back as what it is.
#[derive(Debug, thiserror::Error)]
#[error(
    "the agent is not what it was, which --reconfiguration_policy={policy} forbids: {}; start it as it was{}, or end all it \
     runs with --recover=cleanup, after which it registers as another agent", .changes.join(", "), .hint
)]
pub struct Reconfigured {
    policy: &'static str,
    changes: Vec<String>,
    hint: &'static str,
}

/// Compares what the journal says with what the agent is now.
///
/// Errors: it runs tasks as something that it is no longer.
pub(crate) fn judge(
    policy: ReconfigurationPolicy,
    records: &[Record],
    now: &Known,
) -> Result<Verdict, Reconfigured> {
    let before = match last(records) {
        None | Some(Record::Forgotten) => return Ok(Verdict::Same),
        Some(Record::Known(before)) => before,
        Some(_) => return Ok(Verdict::Another),
    };
    let changes = changes(policy, &before.info, &now.info);
    if changes.is_empty() {
        return Ok(Verdict::Same);
    }
    if before.boot != now.boot {
        tracing::warn!(?changes, "machine rebooted, and the agent is not what it was: it begins anew");
        return Ok(Verdict::Another);
    }
    let additive = self::changes(ReconfigurationPolicy::Additive, &before.info, &now.info).is_empty();
    Err(match policy {
        ReconfigurationPolicy::Equal => Reconfigured {
            policy: "equal",
            changes,
            hint: if additive { ", or with --reconfiguration_policy=additive" } else { "" },
        },
        ReconfigurationPolicy::Additive => Reconfigured { policy: "additive", changes, hint: "" },
    })
}

/// What was written last of who the agent is: what it is known as, that it left, or that it began anew.
fn last(records: &[Record]) -> Option<&Record> {
    records.iter().rev().find(|record| matches!(record, Record::Known(_) | Record::Left | Record::Forgotten))
}

/// What differs and may not; each names the part and both values.
fn changes(policy: ReconfigurationPolicy, before: &AgentInfo, now: &AgentInfo) -> Vec<String> {
    let equal = policy == ReconfigurationPolicy::Equal;
    let mut changes = Vec::new();
    let mut differs = |differs: bool, what: &str, before: String, now: String| {
        if differs {
            changes.push(format!("{what} {before} is now {now}"));
        }
    };
    let (was, is) = (before, now);
    differs(was.hostname != is.hostname, "hostname", was.hostname.clone(), is.hostname.clone());
    // One that any port will do for has not changed by getting another.
    let ports = was.port != is.port && was.port != 0 && is.port != 0;
    differs(ports, "port", was.port.to_string(), is.port.to_string());
    let domain = was.domain != is.domain && (equal || was.domain.is_some());
    let text = |info: &AgentInfo| {
        info.domain.as_ref().map_or("none".to_owned(), |domain| format!("{}/{}", domain.region, domain.zone))
    };
    differs(domain, "domain", text(was), text(is));
    let resources =
        if equal { was.resources != is.resources } else { !is.resources.contains(&was.resources) };
    differs(resources, "resources", was.resources.to_string(), is.resources.to_string());
    let attributes = match equal {
        true => sorted(&was.attributes) != sorted(&is.attributes),
        false => !grown(&was.attributes, &is.attributes),
    };
    let text = |attributes: &Attributes| {
        if attributes.is_empty() { "none".to_owned() } else { attributes.to_string() }
    };
    differs(attributes, "attributes", text(&was.attributes), text(&is.attributes));
    changes
}

/// The order in which they are given means nothing.
fn sorted(attributes: &Attributes) -> Vec<&model::Attribute> {
    let mut all: Vec<_> = attributes.iter().collect();
    all.sort();
    all
}

/// Whether each attribute is still there: numbers and text as they were, ranges and sets with more at most.
fn grown(before: &Attributes, now: &Attributes) -> bool {
    before.iter().all(|was| {
        now.iter().filter(|is| is.name == was.name).any(|is| match (&was.value, &is.value) {
            (AttributeValue::Ranges(was), AttributeValue::Ranges(is)) => is.contains(was),
            (AttributeValue::Set(was), AttributeValue::Set(is)) => is.contains(was),
            (was, is) => was == is,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReconfigurationPolicy::{Additive, Equal};

    fn known_as(resources: &str, attributes: &str, change: impl FnOnce(&mut AgentInfo)) -> Known {
        let mut info = AgentInfo {
            id: None,
            hostname: "a".into(),
            port: 5051,
            resources: resources.parse().unwrap(),
            attributes: attributes.parse().unwrap(),
            domain: None,
        };
        change(&mut info);
        Known { info, boot: "first".into() }
    }

    fn said(policy: ReconfigurationPolicy, before: &Known, now: &Known) -> String {
        let records = [Record::Agent { id: "S0".into() }, Record::Known(Box::new(before.clone()))];
        judge(policy, &records, now).map_or_else(|error| error.to_string(), |verdict| format!("{verdict:?}"))
    }

    #[test]
    fn what_grew_is_the_same_only_if_that_was_allowed() {
        let before = known_as("cpus:4;ports:[1-10]", "rack:r1;open:[1-5]", |_| {});
        assert_eq!(said(Equal, &before, &before), "Same");
        let shuffled = known_as("ports:[1-10];cpus:4", "open:[1-5];rack:r1", |_| {});
        assert_eq!(said(Equal, &before, &shuffled), "Same");
        let more = known_as("cpus:8;ports:[1-20];mem:1", "rack:r1;open:[1-9];new:1", |info| {
            info.domain = Some(model::FaultDomain { region: "r".into(), zone: "z".into() });
        });
        assert_eq!(said(Additive, &before, &more), "Same");
        let why = said(Equal, &before, &more);
        assert!(
            why.contains("forbids: domain none is now r/z, ") && why.contains("additive, or end all"),
            "{why}"
        );
        assert!(why.contains("resources cpus:4; ports:[1-10] is now cpus:8; ports:[1-20]; mem:1"), "{why}");
        assert!(said(Additive, &more, &before).contains("domain "), "what was added may not be taken away");
    }

    #[test]
    fn what_shrank_or_became_something_else_is_refused_by_name() {
        let before = known_as("cpus:4;ports:[1-10]", "rack:r1;weight:2", |_| {});
        for (resources, attributes, expected) in [
            (
                "cpus:3;ports:[1-10]",
                "rack:r1;weight:2",
                "resources cpus:4; ports:[1-10] is now cpus:3; ports:[1-10]",
            ),
            ("cpus:4", "rack:r1;weight:2", "resources cpus:4; ports:[1-10] is now cpus:4"),
            ("cpus(web):4;ports:[1-10]", "rack:r1;weight:2", "resources "),
            (
                "cpus:4;ports:[1-10]",
                "rack:r2;weight:2",
                "attributes rack:r1;weight:2 is now rack:r2;weight:2",
            ),
            ("cpus:4;ports:[1-10]", "rack:r1;weight:3", "attributes "),
            ("cpus:4;ports:[1-10]", "", "attributes rack:r1;weight:2 is now none"),
        ] {
            let now = known_as(resources, attributes, |_| {});
            for policy in [Equal, Additive] {
                let why = said(policy, &before, &now);
                assert!(why.contains(expected) && !why.contains("with --reconfiguration_policy"), "{why}");
            }
        }
        let renamed = known_as("cpus:4;ports:[1-10]", "rack:r1;weight:2", |info| info.hostname = "b".into());
        assert!(said(Additive, &before, &renamed).contains("hostname a is now b"));
    }

    #[test]
    fn a_port_counts_if_somebody_chose_it() {
        let at = |port| known_as("cpus:4", "", |info| info.port = port);
        assert_eq!(said(Equal, &at(0), &at(0)), "Same");
        assert_eq!(said(Equal, &at(5051), &at(0)), "Same");
        assert!(said(Additive, &at(5051), &at(5052)).contains("port 5051 is now 5052"));
    }

    #[test]
    fn after_a_reboot_who_is_not_the_same_is_another() {
        let before = known_as("cpus:4", "", |_| {});
        let now = Known { boot: "second".into(), ..known_as("cpus:2", "", |_| {}) };
        assert_eq!(said(Additive, &before, &now), "Another");
        let same = Known { boot: "second".into(), ..before.clone() };
        assert_eq!(said(Equal, &before, &same), "Same");
    }

    #[test]
    fn who_never_said_may_be_anything_and_who_has_left_is_another() {
        let now = known_as("cpus:2", "", |_| {});
        let before = Record::Known(Box::new(known_as("cpus:4", "", |_| {})));
        assert_eq!(judge(Equal, &[], &now).unwrap(), Verdict::Same);
        assert_eq!(judge(Equal, &[before.clone(), Record::Left], &now).unwrap(), Verdict::Another);
        assert_eq!(judge(Equal, &[before.clone(), Record::Forgotten], &now).unwrap(), Verdict::Same);
        assert!(judge(Equal, &[Record::Left, before], &now).is_err());
    }
}

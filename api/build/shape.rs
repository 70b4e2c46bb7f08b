//! Writes the table of what a protobuf body cannot lack: required fields and the messages in which some may be.

use std::collections::BTreeSet;
use std::fmt::{Result, Write};

use crate::schema::{Cardinality, Kind, Message, Schema};

pub(crate) fn generate(schema: &Schema) -> String {
    let demanding = demanding(schema);
    let mut out = String::new();
    for (proto, message) in &schema.messages {
        write_shape(&mut out, proto, message, &demanding).expect("writing to a string");
    }
    out
}

/// `.mesos.v1.Offer.Operation` as the name of a static.
pub(crate) fn static_name(proto: &str) -> String {
    proto.trim_start_matches('.').replace('.', "_").to_uppercase()
}

/// Messages that have a required field, or contain one that has.
fn demanding(schema: &Schema) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    loop {
        let before = found.len();
        for (proto, message) in &schema.messages {
            let demands = message.fields.iter().any(|field| {
                matches!(field.cardinality, Cardinality::Required)
                    || matches!(&field.kind, Kind::Message(inner) if found.contains(inner.as_str()))
            });
            if demands {
                found.insert(proto.as_str());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn write_shape(out: &mut String, proto: &str, message: &Message, demanding: &BTreeSet<&str>) -> Result {
    assert!(message.fields.len() <= 64, "{proto} has more fields than a walk has bits");
    writeln!(out, "pub(crate) static {}: Shape = Shape {{ fields: &[", static_name(proto))?;
    for field in &message.fields {
        let required = matches!(field.cardinality, Cardinality::Required);
        let content = match (&field.kind, &field.cardinality) {
            (Kind::Enum(path), _) if required => format!("Content::Enum({path}::is_valid)"),
            (Kind::Message(inner), Cardinality::Map) if demanding.contains(inner.as_str()) => {
                format!("Content::Map(&{})", static_name(inner))
            }
            (Kind::Message(inner), Cardinality::Repeated) if demanding.contains(inner.as_str()) => {
                format!("Content::List(&{})", static_name(inner))
            }
            (Kind::Message(inner), _) if demanding.contains(inner.as_str()) => {
                format!("Content::Message(&{})", static_name(inner))
            }
            _ if required => "Content::Plain".to_owned(),
            _ => continue,
        };
        writeln!(
            out,
            "    Field {{ number: {}, name: {:?}, required: {required}, content: {content} }},",
            field.number, field.name
        )?;
    }
    writeln!(out, "] }};")
}

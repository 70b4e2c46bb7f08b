//! Writes `impl Message` (JSON in, JSON out) for every message and `impl Enum` for every enum.

use std::fmt::{Result, Write};

use crate::names::{inner_module, member, variant};
use crate::schema::{Cardinality, Field, Kind, Message, Schema};

/// Answers of the operator APIs whose lists are written even when they are empty.
const LISTS_ALWAYS_WRITTEN: [&str; 4] = ["GetAgents", "GetExecutors", "GetFrameworks", "GetTasks"];

pub(crate) fn generate(schema: &Schema) -> String {
    let mut out = String::new();
    for (proto, message) in &schema.messages {
        write_message(&mut out, proto, message).expect("writing to a string");
    }
    for path in &schema.enums {
        writeln!(out, "enumeration!({path});").expect("writing to a string");
    }
    out
}

fn write_message(out: &mut String, proto: &str, message: &Message) -> Result {
    let Message { name, path, fields } = message;
    let required: Vec<&Field> =
        fields.iter().filter(|field| matches!(field.cardinality, Cardinality::Required)).collect();
    assert!(required.len() <= 32, "{proto} requires more fields than a reader has bits");
    let names: Vec<String> = required.iter().map(|field| format!("{:?}", field.name)).collect();

    writeln!(out, "message!({path});")?;
    writeln!(out, "impl Message for {path} {{")?;
    writeln!(out, "    const NAME: &'static str = {name:?};")?;
    writeln!(out, "    const REQUIRED: &'static [&'static str] = &[{}];", names.join(", "))?;
    writeln!(out, "    const SHAPE: &'static Shape = &shape::{};", crate::shape::static_name(proto))?;

    let key = if fields.is_empty() { "_key" } else { "key" };
    writeln!(
        out,
        "    fn read_field(&mut self, {key}: &str, reader: &mut Reader<'_>) -> Result<u32, Fault> {{"
    )?;
    if fields.is_empty() {
        writeln!(out, "        reader.skip().map(|()| 0)")?;
    } else {
        writeln!(out, "        let this = self;")?;
        writeln!(out, "        match key {{")?;
        for field in fields {
            let bit = required.iter().position(|other| other.number == field.number);
            writeln!(out, "            {:?} => {},", field.name, read_arm(path, field, bit))?;
        }
        writeln!(out, "            _ => reader.skip().map(|()| 0),")?;
        writeln!(out, "        }}")?;
    }
    writeln!(out, "    }}")?;

    let always = LISTS_ALWAYS_WRITTEN.contains(&name.as_str()) && proto.contains(".Response.");
    let sink = if fields.is_empty() { "_out" } else { "out" };
    writeln!(out, "    fn write_fields(&self, {sink}: &mut Vec<u8>) {{")?;
    for field in fields {
        writeln!(out, "        {}", write_statement(path, field, always))?;
    }
    writeln!(out, "    }}")?;
    writeln!(out, "}}")
}

/// One arm of a reader's match: reads the value, and says which required field it was.
fn read_arm(path: &str, field: &Field, bit: Option<usize>) -> String {
    let Field { name, cardinality, kind, .. } = field;
    let slot = member(name);
    let spelled = match kind {
        Kind::Enum(path) => format!("enum_{{}}::<{path}>"),
        _ => "{}".to_owned(),
    };
    let call =
        |function: &str| format!("reader.{}({name:?}, &mut this.{slot})", spelled.replace("{}", function));
    match cardinality {
        Cardinality::Required => {
            format!(
                "{}.map(|set| if set {{ {} }} else {{ 0 }})",
                call("one"),
                1u32 << bit.expect("it is required")
            )
        }
        Cardinality::Optional => format!("{}.map(|()| 0)", call("optional")),
        Cardinality::Repeated => format!("{}.map(|()| 0)", call("repeated")),
        Cardinality::Map => format!("{}.map(|()| 0)", call("map")),
        Cardinality::Oneof(oneof) => {
            let choice = format!("{}::{}::{}", inner_module(path), variant(oneof), variant(name));
            let function = match kind {
                Kind::Enum(path) => format!("enum_value::<{path}>"),
                _ => "value".to_owned(),
            };
            format!(
                "reader.{function}({name:?}).map(|value| {{ if let Some(value) = value {{ this.{} = Some({choice}(value)); }} 0 }})",
                member(oneof)
            )
        }
    }
}

/// One statement of a writer.
fn write_statement(path: &str, field: &Field, lists_always: bool) -> String {
    let Field { name, cardinality, kind, .. } = field;
    let key = format!("\"\\\"{name}\\\":\"");
    let slot = member(name);
    let spelled = |function: &str| match kind {
        Kind::Enum(path) => format!("write::enum_{function}::<{path}>"),
        _ => format!("write::{function}"),
    };
    match cardinality {
        Cardinality::Required => format!("{}(out, {key}, &self.{slot});", spelled("one")),
        Cardinality::Optional if field.default && !field.deprecated => match kind {
            Kind::Enum(_) => format!("write::name(out, {key}, self.{slot}().as_str_name());"),
            _ => format!("write::one(out, {key}, &self.{slot}());"),
        },
        Cardinality::Optional => format!("{}(out, {key}, &self.{slot});", spelled("optional")),
        Cardinality::Repeated if lists_always && !field.deprecated => {
            format!("{}(out, {key}, &self.{slot});", spelled("list"))
        }
        Cardinality::Repeated => format!("{}(out, {key}, &self.{slot});", spelled("repeated")),
        Cardinality::Map => format!("{}(out, {key}, &self.{slot});", spelled("map")),
        Cardinality::Oneof(oneof) => {
            let choice = format!("{}::{}::{}", inner_module(path), variant(oneof), variant(name));
            format!(
                "if let Some({choice}(value)) = &self.{} {{ {}(out, {key}, value); }}",
                member(oneof),
                spelled("one")
            )
        }
    }
}

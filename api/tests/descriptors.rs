//! The compiled `.proto` files say what the table of the public protocol says: every message, field, number, type,
//! label, default and enum, and nothing besides.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serde_json::{Value, json};

fn table() -> Value {
    serde_json::from_str(include_str!("data/protocol.json")).expect("the table is JSON")
}

/// Shape: full name → what the table says of it.
#[derive(Default)]
struct Compiled {
    messages: BTreeMap<String, Value>,
    enums: BTreeMap<String, Value>,
    files: BTreeMap<String, Value>,
}

/// What drivers older than v1 say of their messages, with the words of v1.
fn table_of_v0() -> Value {
    serde_json::from_str(include_str!("data/v0.json")).expect("the table is JSON")
}

fn compiled() -> Compiled {
    compiled_of(|package| package.starts_with("mesos.v1"))
}

fn compiled_of(wanted: impl Fn(&str) -> bool) -> Compiled {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    let set = FileDescriptorSet::decode(&bytes[..]).expect("descriptors of our own build");
    let mut compiled = Compiled::default();
    for file in set.file.iter().filter(|file| wanted(file.package())) {
        let described = json!({ "package": file.package(), "imports": file.dependency });
        compiled.files.insert(file.name().to_owned(), described);
        file.enum_type.iter().for_each(|item| compiled.add_enum(file.package(), item));
        file.message_type.iter().for_each(|item| compiled.add_message(file.package(), item));
    }
    compiled
}

impl Compiled {
    fn add_enum(&mut self, scope: &str, item: &EnumDescriptorProto) {
        let values: BTreeMap<_, _> = item.value.iter().map(|value| (value.name(), value.number())).collect();
        self.enums.insert(format!("{scope}.{}", item.name()), json!(values));
    }

    fn add_message(&mut self, scope: &str, item: &DescriptorProto) {
        let name = format!("{scope}.{}", item.name());
        item.enum_type.iter().for_each(|inner| self.add_enum(&name, inner));
        for inner in item.nested_type.iter().filter(|inner| entry(item, inner).is_none()) {
            self.add_message(&name, inner);
        }
        let fields: Vec<Value> = item.field.iter().map(|field| describe(item, field)).collect();
        self.messages.insert(name, Value::Array(fields));
    }
}

fn entry<'a>(owner: &DescriptorProto, inner: &'a DescriptorProto) -> Option<&'a DescriptorProto> {
    let is_entry = inner.options.as_ref().is_some_and(|options| options.map_entry());
    (is_entry && owner.nested_type.contains(inner)).then_some(inner)
}

fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        other => other.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    }
}

fn describe(owner: &DescriptorProto, field: &FieldDescriptorProto) -> Value {
    let mut said = json!({ "name": field.name(), "number": field.number() });
    let inner =
        owner.nested_type.iter().find(|inner| field.type_name().ends_with(&format!(".{}", inner.name())));
    match inner.and_then(|inner| entry(owner, inner)) {
        Some(entry) => {
            said["label"] = "map".into();
            said["type"] =
                format!("map<{},{}>", type_name(&entry.field[0]), type_name(&entry.field[1])).into();
        }
        None => {
            said["label"] = match field.label() {
                Label::Required => "required",
                Label::Optional => "optional",
                Label::Repeated => "repeated",
            }
            .into();
            said["type"] = type_name(field).into();
        }
    }
    if field.r#type() == Type::Enum {
        said["kind"] = "enum".into();
    }
    if let Some(default) = &field.default_value {
        said["default"] = match field.r#type() {
            Type::Double => json!(default.parse::<f64>().expect("a double")),
            Type::Bool => json!(default == "true"),
            Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => {
                json!(default.parse::<u64>().expect("a number"))
            }
            _ => json!(default),
        };
    }
    if field.options.as_ref().is_some_and(|options| options.deprecated()) {
        said["deprecated"] = true.into();
    }
    if let Some(packed) = field.options.as_ref().and_then(|options| options.packed) {
        said["packed"] = packed.into();
    }
    if let Some(index) = field.oneof_index {
        said["oneof"] = owner.oneof_decl[index as usize].name().into();
    }
    said
}

/// Keys of an object do not count in any order.
fn sorted(fields: &Value) -> Vec<BTreeMap<String, Value>> {
    serde_json::from_value(fields.clone()).expect("fields are objects")
}

#[test]
fn every_message_has_the_fields_of_the_table_in_its_order() {
    same_messages(compiled(), &table());
}

#[test]
fn every_message_of_old_drivers_has_the_fields_of_their_table() {
    same_messages(compiled_of(|package| package == "mesos.v0"), &table_of_v0());
}

fn same_messages(compiled: Compiled, table: &Value) {
    let mut compiled = compiled.messages;
    for message in table["messages"].as_array().expect("a list") {
        let name = message["message"].as_str().expect("a name");
        let ours = compiled.remove(name).unwrap_or_else(|| panic!("{name} is not compiled"));
        assert_eq!(sorted(&ours), sorted(&message["fields"]), "{name}");
    }
    assert!(compiled.is_empty(), "not in the table: {:?}", compiled.keys());
}

#[test]
fn every_enum_has_the_values_of_the_table() {
    let mut compiled = compiled().enums;
    for item in table()["enums"].as_array().expect("a list") {
        let name = item["enum"].as_str().expect("a name");
        let ours = compiled.remove(name).unwrap_or_else(|| panic!("{name} is not compiled"));
        assert_eq!(ours, item["values"], "{name}");
    }
    assert!(compiled.is_empty(), "not in the table: {:?}", compiled.keys());
}

#[test]
fn every_file_has_its_package_and_imports() {
    let mut compiled = compiled().files;
    for file in table()["files"].as_array().expect("a list") {
        let name = file["file"].as_str().expect("a name");
        let ours = compiled.remove(name).unwrap_or_else(|| panic!("{name} is not compiled"));
        assert_eq!(ours, json!({ "package": file["package"], "imports": file["imports"] }), "{name}");
    }
    assert!(compiled.is_empty(), "not in the table: {:?}", compiled.keys());
}

//! What the generators need to know of the descriptors, and no more.

use std::collections::BTreeMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::names;

pub(crate) struct Schema {
    /// Shape: full proto name with a leading dot → message.
    pub(crate) messages: BTreeMap<String, Message>,
    /// Rust paths of all enums.
    pub(crate) enums: Vec<String>,
}

pub(crate) struct Message {
    /// The last part of its proto name, as errors print it.
    pub(crate) name: String,
    pub(crate) path: String,
    /// In the order of the `.proto` file, which is the order of JSON.
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) number: i32,
    pub(crate) cardinality: Cardinality,
    pub(crate) kind: Kind,
    pub(crate) default: bool,
    pub(crate) deprecated: bool,
}

pub(crate) enum Cardinality {
    Required,
    Optional,
    Repeated,
    Map,
    /// A member of the oneof of this name.
    Oneof(String),
}

pub(crate) enum Kind {
    /// A number, a text, bytes or a truth value.
    Plain,
    /// An enum, by Rust path.
    Enum(String),
    /// A message, by proto name.
    Message(String),
}

impl Schema {
    pub(crate) fn read(set: &FileDescriptorSet) -> Schema {
        let packages: Vec<String> = set.file.iter().map(|file| file.package().to_owned()).collect();
        let mut reader = Reader { packages, schema: Schema { messages: BTreeMap::new(), enums: Vec::new() } };
        for file in &set.file {
            let scope = format!(".{}", file.package());
            file.enum_type.iter().for_each(|item| reader.read_enum(&scope, item));
            file.message_type.iter().for_each(|item| reader.read_message(&scope, item));
        }
        reader.schema
    }
}

struct Reader {
    packages: Vec<String>,
    schema: Schema,
}

impl Reader {
    fn read_enum(&mut self, scope: &str, item: &EnumDescriptorProto) {
        let path = self.path(&format!("{scope}.{}", item.name()));
        self.schema.enums.push(path);
    }

    fn read_message(&mut self, scope: &str, item: &DescriptorProto) {
        let proto = format!("{scope}.{}", item.name());
        item.enum_type.iter().for_each(|inner| self.read_enum(&proto, inner));
        for inner in item.nested_type.iter().filter(|inner| !is_map_entry(inner)) {
            self.read_message(&proto, inner);
        }
        let fields = item.field.iter().map(|field| self.read_field(item, field)).collect();
        let message = Message { name: item.name().to_owned(), path: self.path(&proto), fields };
        self.schema.messages.insert(proto, message);
    }

    fn read_field(&self, owner: &DescriptorProto, field: &FieldDescriptorProto) -> Field {
        let entry = owner
            .nested_type
            .iter()
            .find(|inner| is_map_entry(inner) && field.type_name().ends_with(&format!(".{}", inner.name())));
        let cardinality = match (entry, field.label(), field.oneof_index) {
            (Some(_), ..) => Cardinality::Map,
            (_, _, Some(index)) => Cardinality::Oneof(owner.oneof_decl[index as usize].name().to_owned()),
            (_, Label::Required, _) => Cardinality::Required,
            (_, Label::Optional, _) => Cardinality::Optional,
            (_, Label::Repeated, _) => Cardinality::Repeated,
        };
        let value = match entry {
            Some(entry) => {
                entry.field.iter().find(|field| field.number() == 2).expect("a map entry has a value")
            }
            None => field,
        };
        let kind = match value.r#type() {
            Type::Enum => Kind::Enum(self.path(value.type_name())),
            Type::Message => Kind::Message(value.type_name().to_owned()),
            Type::Group => panic!("{}: groups are not spelled in JSON", field.name()),
            _ => Kind::Plain,
        };
        Field {
            name: field.name().to_owned(),
            number: field.number(),
            cardinality,
            kind,
            default: field.default_value.is_some(),
            deprecated: field.options.as_ref().is_some_and(|options| options.deprecated()),
        }
    }

    fn path(&self, proto: &str) -> String {
        names::rust_path(proto, &self.packages)
    }
}

fn is_map_entry(item: &DescriptorProto) -> bool {
    item.options.as_ref().is_some_and(|options| options.map_entry())
}

/// Takes the mark off every field of a message and of those inside it.
pub(crate) fn forget_deprecation(message: &mut DescriptorProto) {
    for options in message.field.iter_mut().filter_map(|field| field.options.as_mut()) {
        options.deprecated = None;
    }
    message.nested_type.iter_mut().for_each(forget_deprecation);
}

//! The names prost gives to things, so that code beside its own finds them.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// The path of a message or enum, from `.mesos.v1.Offer.Operation` to `crate::v1::offer::Operation`.
pub(crate) fn rust_path(proto: &str, packages: &[String]) -> String {
    let name = proto.trim_start_matches('.');
    if name == "google.protobuf.Duration" {
        return "crate::google::Duration".to_owned();
    }
    let package = packages
        .iter()
        .filter(|package| name.starts_with(&format!("{package}.")))
        .max_by_key(|package| package.len())
        .unwrap_or_else(|| panic!("{name} is in no package"));
    let mut path = String::from("crate");
    for part in package.split('.').filter(|part| *part != "mesos") {
        path.push_str("::");
        path.push_str(part);
    }
    let mut types: Vec<&str> = name[package.len() + 1..].split('.').collect();
    let last = types.pop().expect("a name has a last part");
    for outer in types {
        path.push_str("::");
        path.push_str(&member(outer));
    }
    path.push_str("::");
    path.push_str(&variant(last));
    path
}

/// The module of what a message contains: `crate::v1::offer` of `crate::v1::Offer`.
pub(crate) fn inner_module(path: &str) -> String {
    let (outer, last) = path.rsplit_once("::").expect("a path has a last part");
    format!("{outer}::{}", member(last))
}

/// A field, or the module a message's inner types are in.
pub(crate) fn member(name: &str) -> String {
    let snake = name.to_snake_case();
    match snake.as_str() {
        "type" | "match" | "ref" | "move" | "box" | "use" | "where" | "as" | "in" | "impl" => {
            format!("r#{snake}")
        }
        _ => snake,
    }
}

/// A type, or a variant of a oneof.
pub(crate) fn variant(name: &str) -> String {
    name.to_upper_camel_case()
}

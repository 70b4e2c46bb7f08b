//! A text with the keys of every object in order, and all else as it was written.

use super::fault::Fault;
use super::read::Reader;
use super::write::{self, Value};

/// The text in order, when it is JSON.
pub(crate) fn ordered(text: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(text).ok()?;
    reader.space();
    let tree = read(&mut reader).ok()?;
    let mut out = Vec::with_capacity(text.len());
    print(&tree, text, &mut out);
    Some(out)
}

/// A value, as far as order counts.
enum Tree {
    Object(Vec<(String, Tree)>),
    Array(Vec<Tree>),
    /// Where it stands in the text.
    Plain(std::ops::Range<usize>),
}

fn read(reader: &mut Reader<'_>) -> Result<Tree, Fault> {
    Ok(match reader.peek() {
        Some(b'{') => {
            let mut members = Vec::new();
            reader.members(|reader, key| {
                members.push((key.to_owned(), read(reader)?));
                Ok(())
            })?;
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Tree::Object(members)
        }
        Some(b'[') => {
            let mut items = Vec::new();
            reader.elements("", |reader| {
                items.push(read(reader)?);
                Ok(())
            })?;
            Tree::Array(items)
        }
        _ => {
            let from = reader.at();
            reader.skip()?;
            Tree::Plain(from..reader.at())
        }
    })
}

fn print(tree: &Tree, text: &[u8], out: &mut Vec<u8>) {
    match tree {
        Tree::Object(members) => {
            out.push(b'{');
            for (key, value) in members {
                key.write(out);
                out.push(b':');
                print(value, text, out);
                out.push(b',');
            }
            write::close(out, b'}');
        }
        Tree::Array(items) => {
            out.push(b'[');
            for item in items {
                print(item, text, out);
                out.push(b',');
            }
            write::close(out, b']');
        }
        Tree::Plain(place) => out.extend_from_slice(&text[place.clone()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order_and_numbers_as_they_were() {
        let text = br#" { "b" : [ { "d": 1e400, "c": 0.50 }, [], "x\u0041" ], "a\n": {} , "b": null} "#;
        let expected = r#"{"a\n":{},"b":[{"c":0.50,"d":1e400},[],"x\u0041"],"b":null}"#;
        assert_eq!(
            ordered(text).map(|text| String::from_utf8(text).expect("text")),
            Some(expected.to_owned())
        );
        assert_eq!(ordered(b"{"), None);
    }
}

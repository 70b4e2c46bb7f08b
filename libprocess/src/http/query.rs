//! What follows the `?` of a path, and what a form body holds.

use percent_encoding::percent_decode_str;

/// The names and values of a query string or a form body, decoded, in order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads `a=1&b=two+words&c`. Nothing in it can be wrong: what has no `=` has an empty value.
    pub fn parse(text: &str) -> Query {
        let pairs = text
            .split(['&', ';'])
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
            .collect();
        Query { pairs }
    }

    /// The value of `name`; of several, the last.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All names and values, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// Form encoding: `+` is a space, `%XX` a byte; bytes that are no UTF-8 become the replacement mark.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_values_are_decoded() {
        let query = Query::parse("path=%2Fa%20b&x=1+2&flag&=odd");
        assert_eq!(query.get("path"), Some("/a b"));
        assert_eq!(query.get("x"), Some("1 2"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("none"), None);
    }

    #[test]
    fn the_last_of_several_values_counts() {
        assert_eq!(Query::parse("a=1&a=2").get("a"), Some("2"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_query(text in ".{0,200}") {
            let query = Query::parse(&text);
            prop_assert!(query.iter().count() <= text.len() + 1);
        }
    }
}

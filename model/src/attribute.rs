//! What an agent says of its machine: `rack:r1;ports_open:[80-81];cores_fast:2`.

use std::{fmt, str::FromStr, sync::Arc};

use libprocess_wire as wire;

use crate::{Ranges, Scalar, Set};

/// One fact about a machine.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attribute {
    pub name: Arc<str>,
    pub value: AttributeValue,
}

/// What an attribute can be; unlike a resource it can be text.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeValue {
    Scalar(Scalar),
    Ranges(Ranges),
    Set(Set),
    Text(Arc<str>),
}

/// Attributes in the order given.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attributes(pub Vec<Attribute>);

/// Why a text is no list of attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid attribute '{0}': expecting 'name:value'")]
pub struct AttributeError(String);

impl Attributes {
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first attribute of this name.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.iter().find(|attribute| &*attribute.name == name).map(|attribute| &attribute.value)
    }
}

impl FromStr for Attributes {
    type Err = AttributeError;

    /// Reads `name:value;name:value`; the first colon splits, and the look of the value says its type.
    fn from_str(text: &str) -> Result<Self, AttributeError> {
        text.split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                let refuse = || AttributeError(part.to_owned());
                let (name, value) = part.split_once(':').ok_or_else(refuse)?;
                let (name, value) = (name.trim(), value.trim());
                if name.is_empty() || value.is_empty() {
                    return Err(refuse());
                }
                let value = if value.starts_with('[') {
                    AttributeValue::Ranges(value.parse().map_err(|_| refuse())?)
                } else if let Ok(amount) = value.parse() {
                    AttributeValue::Scalar(amount)
                } else {
                    AttributeValue::Text(value.into())
                };
                Ok(Attribute { name: name.into(), value })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttributeValue::Scalar(value) => value.fmt(f),
            AttributeValue::Ranges(value) => value.fmt(f),
            AttributeValue::Set(value) => value.fmt(f),
            AttributeValue::Text(value) => f.write_str(value),
        }
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Attribute { name, value }) in self.0.iter().enumerate() {
            write!(f, "{}{name}:{value}", if index == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_look_of_a_value_says_its_type() {
        let attributes: Attributes = "rack:r1;fast:2.5;open:[80-81];url:http://x:1".parse().unwrap();
        assert_eq!(attributes.get("rack"), Some(&AttributeValue::Text("r1".into())));
        assert_eq!(attributes.get("fast"), Some(&AttributeValue::Scalar(Scalar::from_thousandths(2500))));
        assert_eq!(attributes.get("open").map(ToString::to_string).as_deref(), Some("[80-81]"));
        assert_eq!(attributes.get("url"), Some(&AttributeValue::Text("http://x:1".into())));
        assert_eq!(attributes.to_string(), "rack:r1;fast:2.5;open:[80-81];url:http://x:1");
        assert!("rack".parse::<Attributes>().is_err());
    }
}

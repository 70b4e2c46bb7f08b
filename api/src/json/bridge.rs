//! `serde`'s traits for messages, over their own text.
//!
//! For a message inside something else, and for tests. They go through the text, so there is one mapping and not two;
//! what is hot calls [`from_slice`](super::from_slice) and [`to_vec`](super::to_vec).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Message;

pub(crate) fn serialize<M: Message, S: Serializer>(message: &M, serializer: S) -> Result<S::Ok, S::Error> {
    let text = super::to_vec(message);
    let value: Value = serde_json::from_slice(&text).map_err(serde::ser::Error::custom)?;
    value.serialize(serializer)
}

pub(crate) fn deserialize<'de, M: Message, D: Deserializer<'de>>(deserializer: D) -> Result<M, D::Error> {
    let text = serde_json::to_vec(&Value::deserialize(deserializer)?).map_err(D::Error::custom)?;
    super::from_slice(&text).map_err(D::Error::custom)
}

/// Everything a message is besides [`Message`] itself.
macro_rules! message {
    ($path:path) => {
        impl crate::json::read::Value for $path {
            fn read(
                reader: &mut crate::json::read::Reader<'_>,
                field: &str,
            ) -> Result<Option<Self>, crate::json::fault::Fault> {
                crate::json::read::nested(reader, field)
            }
        }
        impl crate::json::write::Value for $path {
            fn write(&self, out: &mut Vec<u8>) {
                crate::json::write::message(self, out);
            }
        }
        impl serde::Serialize for $path {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::json::bridge::serialize(self, serializer)
            }
        }
        impl<'de> serde::Deserialize<'de> for $path {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::json::bridge::deserialize(deserializer)
            }
        }
    };
}
pub(crate) use message;

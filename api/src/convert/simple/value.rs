//! Labels, parameters, attributes.

use model::{Attribute, AttributeValue, Attributes, Label, Labels, Parameter, Range, Ranges, Scalar, Set};

use super::super::{ConvertError, all};
use crate::v1;

impl From<v1::Label> for Label {
    fn from(label: v1::Label) -> Self {
        Label { key: label.key.into(), value: label.value.map(Into::into) }
    }
}

impl From<&Label> for v1::Label {
    fn from(label: &Label) -> Self {
        v1::Label { key: label.key.to_string(), value: label.value.as_deref().map(Into::into) }
    }
}

impl From<v1::Labels> for Labels {
    fn from(labels: v1::Labels) -> Self {
        labels.labels.into_iter().map(Label::from).collect()
    }
}

pub(in crate::convert) fn labels(labels: Option<v1::Labels>) -> Labels {
    labels.map(Labels::from).unwrap_or_default()
}

/// Labels as a field: absent when there are none.
pub(crate) fn labels_out(labels: &Labels) -> Option<v1::Labels> {
    (!labels.is_empty()).then(|| v1::Labels { labels: all(labels.iter()) })
}

impl From<v1::Parameter> for Parameter {
    fn from(parameter: v1::Parameter) -> Self {
        Parameter { key: parameter.key, value: parameter.value }
    }
}

impl From<&Parameter> for v1::Parameter {
    fn from(parameter: &Parameter) -> Self {
        v1::Parameter { key: parameter.key.clone(), value: parameter.value.clone() }
    }
}

pub(in crate::convert) fn ranges_out(ranges: &Ranges) -> v1::value::Ranges {
    v1::value::Ranges {
        range: ranges.iter().map(|range| v1::value::Range { begin: range.begin, end: range.end }).collect(),
    }
}

pub(in crate::convert) fn range(range: v1::value::Range) -> Range {
    Range { begin: range.begin, end: range.end }
}

pub(in crate::convert) fn set_out(set: &Set) -> v1::value::Set {
    v1::value::Set { item: set.iter().map(ToString::to_string).collect() }
}

pub(in crate::convert) fn scalar_out(amount: Scalar) -> v1::value::Scalar {
    v1::value::Scalar { value: amount.as_f64() }
}

impl TryFrom<v1::Attribute> for Attribute {
    type Error = ConvertError;

    fn try_from(attribute: v1::Attribute) -> Result<Self, ConvertError> {
        let missing =
            || ConvertError::new(format!("attribute '{}' lacks the value its type names", attribute.name));
        let value = match v1::value::Type::try_from(attribute.r#type) {
            Ok(v1::value::Type::Scalar) => {
                let amount = attribute.scalar.ok_or_else(missing)?.value;
                AttributeValue::Scalar(
                    Scalar::from_f64(amount)
                        .map_err(|error| ConvertError::new(error.to_string()).at("scalar"))?,
                )
            }
            Ok(v1::value::Type::Ranges) => {
                let ranges = attribute.ranges.ok_or_else(missing)?.range;
                AttributeValue::Ranges(
                    Ranges::coalesce(ranges.into_iter().map(range))
                        .map_err(|error| ConvertError::new(error.to_string()).at("ranges"))?,
                )
            }
            Ok(v1::value::Type::Set) => AttributeValue::Set(
                attribute.set.ok_or_else(missing)?.item.into_iter().map(Into::into).collect(),
            ),
            Ok(v1::value::Type::Text) => {
                AttributeValue::Text(attribute.text.ok_or_else(missing)?.value.into())
            }
            Err(_) => return Err(missing()),
        };
        Ok(Attribute { name: attribute.name.into(), value })
    }
}

impl From<&Attribute> for v1::Attribute {
    fn from(attribute: &Attribute) -> Self {
        let mut spelled = v1::Attribute { name: attribute.name.to_string(), ..Default::default() };
        let ty = match &attribute.value {
            AttributeValue::Scalar(amount) => {
                spelled.scalar = Some(scalar_out(*amount));
                v1::value::Type::Scalar
            }
            AttributeValue::Ranges(ranges) => {
                spelled.ranges = Some(ranges_out(ranges));
                v1::value::Type::Ranges
            }
            AttributeValue::Set(set) => {
                spelled.set = Some(set_out(set));
                v1::value::Type::Set
            }
            AttributeValue::Text(text) => {
                spelled.text = Some(v1::value::Text { value: text.to_string() });
                v1::value::Type::Text
            }
        };
        spelled.r#type = ty as i32;
        spelled
    }
}

pub(in crate::convert) fn attributes_out(attributes: &Attributes) -> Vec<v1::Attribute> {
    all(attributes.iter())
}

//! How much: an amount, numbers, or names.

use libprocess_wire as wire;

use crate::{Ranges, Scalar, Set};

/// The value of a resource.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Scalar(Scalar),
    Ranges(Ranges),
    Set(Set),
}

impl Value {
    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Scalar(amount) => !amount.is_positive(),
            Value::Ranges(ranges) => ranges.is_empty(),
            Value::Set(set) => set.is_empty(),
        }
    }

    pub(crate) fn same_type(&self, other: &Value) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    pub(crate) fn contains(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Scalar(mine), Value::Scalar(theirs)) => mine >= theirs,
            (Value::Ranges(mine), Value::Ranges(theirs)) => mine.contains(theirs),
            (Value::Set(mine), Value::Set(theirs)) => mine.contains(theirs),
            _ => false,
        }
    }

    /// Adds what is of the same type; numbers and names that are there already stay single.
    pub(crate) fn add(&mut self, other: &Value) {
        match (self, other) {
            (Value::Scalar(mine), Value::Scalar(theirs)) => *mine += *theirs,
            (Value::Ranges(mine), Value::Ranges(theirs)) => *mine = mine.union(theirs),
            (Value::Set(mine), Value::Set(theirs)) => *mine = mine.union(theirs),
            _ => {}
        }
    }

    /// Takes away as much as is there.
    pub(crate) fn subtract(&mut self, other: &Value) {
        match (self, other) {
            (Value::Scalar(mine), Value::Scalar(theirs)) => *mine = mine.saturating_sub(*theirs),
            (Value::Ranges(mine), Value::Ranges(theirs)) => *mine = mine.difference(theirs),
            (Value::Set(mine), Value::Set(theirs)) => *mine = mine.difference(theirs),
            _ => {}
        }
    }

    /// The amount, or how many there are.
    pub fn quantity(&self) -> Scalar {
        match self {
            Value::Scalar(amount) => *amount,
            Value::Ranges(ranges) => Scalar::whole(i64::try_from(ranges.count()).unwrap_or(i64::MAX)),
            Value::Set(set) => Scalar::whole(i64::try_from(set.count()).unwrap_or(i64::MAX)),
        }
    }
}

impl From<Scalar> for Value {
    fn from(amount: Scalar) -> Self {
        Value::Scalar(amount)
    }
}

impl From<Ranges> for Value {
    fn from(ranges: Ranges) -> Self {
        Value::Ranges(ranges)
    }
}

impl From<Set> for Value {
    fn from(set: Set) -> Self {
        Value::Set(set)
    }
}

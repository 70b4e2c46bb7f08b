//! Where a value goes; generated code calls these, one for each kind of field.

use std::collections::BTreeMap;

use super::{Reader, Value};
use crate::json::fault::Fault;
use crate::json::message::Enum;

impl Reader<'_> {
    pub(crate) fn value<T: Value>(&mut self, field: &str) -> Result<Option<T>, Fault> {
        let before = self.missing.len();
        let value = T::read(self, field)?;
        if self.missing.len() > before {
            self.prefix(before, field);
        }
        Ok(value)
    }

    pub(crate) fn one<T: Value>(&mut self, field: &str, slot: &mut T) -> Result<bool, Fault> {
        let value = self.value(field)?;
        let set = value.is_some();
        if let Some(value) = value {
            *slot = value;
        }
        Ok(set)
    }

    pub(crate) fn optional<T: Value>(&mut self, field: &str, slot: &mut Option<T>) -> Result<(), Fault> {
        *slot = self.value(field)?;
        Ok(())
    }

    pub(crate) fn repeated<T: Value>(&mut self, field: &str, slot: &mut Vec<T>) -> Result<(), Fault> {
        slot.clear();
        self.elements(field, |reader| {
            slot.extend(T::read(reader, field)?);
            Ok(())
        })
    }

    pub(crate) fn map<T: Value>(&mut self, field: &str, slot: &mut BTreeMap<String, T>) -> Result<(), Fault> {
        slot.clear();
        match self.peek() {
            Some(b'{') => self.members(|reader, key| {
                if let Some(value) = reader.value(field)? {
                    slot.insert(key.to_owned(), value);
                }
                Ok(())
            }),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected(field)),
        }
    }

    pub(crate) fn enum_value<E: Enum>(&mut self, field: &str) -> Result<Option<i32>, Fault> {
        match self.peek() {
            Some(b'"') => Ok(E::number(&self.string()?)),
            Some(b'n') => self.literal("null").map(|()| None),
            _ => Err(self.unexpected(field)),
        }
    }

    pub(crate) fn enum_one<E: Enum>(&mut self, field: &str, slot: &mut i32) -> Result<bool, Fault> {
        let value = self.enum_value::<E>(field)?;
        *slot = value.unwrap_or(*slot);
        Ok(value.is_some())
    }

    pub(crate) fn enum_optional<E: Enum>(
        &mut self,
        field: &str,
        slot: &mut Option<i32>,
    ) -> Result<(), Fault> {
        *slot = self.enum_value::<E>(field)?;
        Ok(())
    }

    pub(crate) fn enum_repeated<E: Enum>(&mut self, field: &str, slot: &mut Vec<i32>) -> Result<(), Fault> {
        slot.clear();
        self.elements(field, |reader| {
            slot.extend(reader.enum_value::<E>(field)?);
            Ok(())
        })
    }

    /// An array's elements, or the one element that stands in its place.
    pub(crate) fn elements(
        &mut self,
        field: &str,
        mut each: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut index = 0;
        let mut each = |reader: &mut Self| {
            let before = reader.missing.len();
            each(reader)?;
            if reader.missing.len() > before {
                reader.prefix(before, &format!("{field}[{index}]"));
            }
            index += 1;
            Ok(())
        };
        if self.peek() != Some(b'[') {
            return each(self);
        }
        self.enter()?;
        self.space();
        if !self.accept(b']') {
            loop {
                self.space();
                each(self)?;
                self.space();
                if self.accept(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

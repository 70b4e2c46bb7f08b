//! Objects and lists written by closures and iterators.

use crate::json::write::{self, Value};

/// An object whose fields a closure writes.
pub(in crate::classic) struct Object<F>(pub(in crate::classic) F);

impl<F: Fn(&mut Vec<u8>)> Value for Object<F> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        (self.0)(out);
        write::close(out, b'}');
    }
}

/// Lets the compiler know what the closure takes.
pub(in crate::classic) fn object<F: Fn(&mut Vec<u8>)>(fields: F) -> Object<F> {
    Object(fields)
}

pub(in crate::classic) fn write_object(out: &mut Vec<u8>, fields: impl Fn(&mut Vec<u8>)) {
    Object(fields).write(out);
}

/// A list of what an iterator gives.
pub(in crate::classic) struct List<I>(pub(in crate::classic) I);

impl<I: Iterator<Item: Value> + Clone> Value for List<I> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for item in self.0.clone() {
            item.write(out);
            out.push(b',');
        }
        write::close(out, b']');
    }
}

/// An object by name.
pub(in crate::classic) struct Map<I>(pub(in crate::classic) I);

impl<K: AsRef<str>, V: Value, I: Iterator<Item = (K, V)> + Clone> Value for Map<I> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (key, value) in self.0.clone() {
            key.as_ref().write(out);
            out.push(b':');
            value.write(out);
            out.push(b',');
        }
        write::close(out, b'}');
    }
}

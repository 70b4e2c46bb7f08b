//! Reads JSON in one pass, straight into a message.
//!
//! Nothing is built in between. The text is checked to be UTF-8 once, so that pieces of it may be borrowed as `str`.
//! Depth is counted, so that no text can exhaust the stack.
//!
//! 1. `scan`: objects, strings, numbers, and passing over what nobody asked for;
//! 2. `place`: where a value goes: one, optional, repeated, a map, an enum;
//! 3. `value`, `number`: what each kind of value is read from.

mod number;
mod place;
mod scan;
mod value;

pub(crate) use scan::{Reader, message};
pub(crate) use value::{Value, nested};

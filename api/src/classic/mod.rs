//! Bodies of the read endpoints that are older than the v1 API: `/state` and its kin, in their old spelling ("slave").
//!
//! Who knows the facts fills a view, a struct of references; the body is written from it in one pass, with the keys
//! and in the order the original has. Nothing here decides what somebody may see: the view holds only that.
//!
//! 1. [`master`], [`agent`]: the views and bodies of either;
//! 2. [`task`]: a task wherever it is shown, and the pages of `/tasks`;
//! 3. [`role`], [`registry`]: the body of `/roles`; what that of `/registrar(1)/registry` is made of;
//! 4. [`build`]: those of `/version` and `/flags`; [`files`]: those of `/files/*`;
//! 5. `value`: how single values of the domain look in all of them.
//!
//! Source: reference of JSON bodies, section by section.

pub mod agent;
pub mod build;
pub mod files;
pub mod master;
pub mod registry;
pub mod role;
pub mod task;
mod value;

pub use build::{Build, flags, version};

/// Writes fields of an object: `"key": value`, or `"key"?: optional`.
macro_rules! fields {
    ($out:expr;) => {};
    ($out:expr; $key:literal: $value:expr $(, $($rest:tt)*)?) => {
        $crate::json::write::one($out, concat!("\"", $key, "\":"), &$value);
        $(fields!($out; $($rest)*);)?
    };
    ($out:expr; $key:literal ?: $value:expr $(, $($rest:tt)*)?) => {
        $crate::json::write::optional($out, concat!("\"", $key, "\":"), &$value);
        $(fields!($out; $($rest)*);)?
    };
}
use fields;

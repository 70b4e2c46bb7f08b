//! The attributes of [`libprocess-wire`]: what may travel says so in one line.
//!
//! Nothing is decided here. Each attribute adds the derives of the codec and, for messages and
//! questions, an `impl` that states name, version and reply. Read it as `wire::message` and its
//! siblings; this crate is never imported by itself.
//!
//! [`libprocess-wire`]: ../libprocess_wire/index.html

mod args;
mod expand;

use proc_macro::TokenStream;

/// Marks a type that travels inside messages: `#[wire::part]`, on a struct or an enum.
#[proc_macro_attribute]
pub fn part(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::part(args.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Marks a message: `#[wire::message(name = "agent.register", version = 1)]`.
///
/// A later version names the one before it, `version = 2, was = RegisterAgentV1`, and two
/// conversions say how it grew: `From<RegisterAgentV1> for RegisterAgent`, and back
/// `From<&RegisterAgent> for RegisterAgentV1`.
#[proc_macro_attribute]
pub fn message(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::message(args.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Marks a question: `#[wire::question(name = "log.read", version = 1, reply = Entries)]`.
///
/// With `was`, an answer that has changed needs `From` both ways as well.
#[proc_macro_attribute]
pub fn question(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::question(args.into(), item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

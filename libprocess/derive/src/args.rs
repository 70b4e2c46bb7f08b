//! What stands between the parentheses of an attribute.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitInt, LitStr, Result, Token, Type};

/// `name = "…", version = N`, for later versions `was = Older`, and for questions `reply = Type`.
pub(crate) struct Args {
    pub(crate) name: LitStr,
    pub(crate) version: LitInt,
    pub(crate) reply: Option<Type>,
    pub(crate) was: Option<Type>,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Args> {
        syn::parse2(tokens)
    }
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Args> {
        let (mut name, mut version, mut reply, mut was) = (None, None, None, None);
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "name" => name = Some(checked_name(input.parse()?)?),
                "version" => version = Some(checked_version(input.parse()?)?),
                "reply" => reply = Some(input.parse()?),
                "was" => was = Some(input.parse()?),
                _ => return Err(Error::new(key.span(), "expected `name`, `version`, `was` or `reply`")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing = |what: &str| Error::new(Span::call_site(), format!("`{what} = ..` is missing"));
        Ok(Args {
            name: name.ok_or_else(|| missing("name"))?,
            version: version.ok_or_else(|| missing("version"))?,
            reply,
            was,
        })
    }
}

/// Names are `part.verb`: lower case letters, digits, dots and underscores, at most 64 bytes.
fn checked_name(name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err(Error::new(name.span(), "a name is 1 to 64 of a-z, 0-9, `.` and `_`"));
    }
    Ok(name)
}

fn checked_version(version: LitInt) -> Result<LitInt> {
    match version.base10_parse::<u32>() {
        Ok(1..) => Ok(version),
        _ => Err(Error::new(version.span(), "versions are whole numbers from 1")),
    }
}

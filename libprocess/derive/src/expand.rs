//! What each attribute adds to the type it stands on.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Error, Result};

use crate::args::Args;

pub(crate) fn part(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !args.is_empty() {
        return Err(Error::new(Span::call_site(), "`part` takes no arguments"));
    }
    Ok(coded(&syn::parse2(item)?))
}

pub(crate) fn message(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args)?;
    if args.reply.is_some() {
        return Err(Error::new(Span::call_site(), "what has a reply is a `wire::question`"));
    }
    let item: DeriveInput = syn::parse2(item)?;
    let (coded, named) = (coded(&item), named(&args, &item)?);
    Ok(quote! { #coded #named })
}

pub(crate) fn question(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args)?;
    let Some(reply) = &args.reply else {
        return Err(Error::new(Span::call_site(), "`reply = Type` is missing"));
    };
    let item: DeriveInput = syn::parse2(item)?;
    let (coded, named) = (coded(&item), named(&args, &item)?);
    let ident = &item.ident;
    Ok(quote! {
        #coded
        #named
        impl ::libprocess_wire::Question for #ident {
            type Reply = #reply;
        }
    })
}

/// The item with the codec's derives, pointed at the one crate that names the codec.
fn coded(item: &DeriveInput) -> TokenStream {
    quote! {
        #[derive(::libprocess_wire::codec::Encode, ::libprocess_wire::codec::Decode)]
        #[bincode(crate = "::libprocess_wire::codec::derived")]
        #item
    }
}

fn named(args: &Args, item: &DeriveInput) -> Result<TokenStream> {
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, "a message has one shape, so no parameters"));
    }
    let Args { name, version, .. } = args;
    let ident = &item.ident;
    Ok(quote! {
        impl ::libprocess_wire::Message for #ident {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
        }
    })
}

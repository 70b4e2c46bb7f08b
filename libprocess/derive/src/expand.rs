//! What each attribute adds to the type it stands on.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Error, Result, Type};

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
    let answers = args.was.as_ref().map(answers);
    Ok(quote! {
        #coded
        #named
        impl ::libprocess_wire::Question for #ident {
            type Reply = #reply;
            #answers
        }
    })
}

/// Answers to who asked in an earlier version, and from who understood only that.
fn answers(was: &Type) -> TokenStream {
    let older = quote! { <#was as ::libprocess_wire::Question> };
    quote! {
        fn encode_reply(reply: Self::Reply, version: u32) -> ::std::vec::Vec<u8> {
            if version == <Self as ::libprocess_wire::Message>::VERSION {
                return ::libprocess_wire::encode(&reply);
            }
            #older::encode_reply(reply.into(), version)
        }

        fn decode_reply(
            bytes: &[u8],
            version: u32,
        ) -> ::std::result::Result<Self::Reply, ::libprocess_wire::DecodeError> {
            if version == <Self as ::libprocess_wire::Message>::VERSION {
                return ::libprocess_wire::decode(bytes);
            }
            #older::decode_reply(bytes, version).map(::std::convert::Into::into)
        }
    }
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
    let fingerprint = fingerprint(&item.data);
    let older = args.was.as_ref().map(older);
    Ok(quote! {
        impl ::libprocess_wire::Message for #ident {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
            const FINGERPRINT: u64 = #fingerprint;
            #older
        }
    })
}

/// How the version before is spoken and understood.
fn older(was: &Type) -> TokenStream {
    let message = quote! { <#was as ::libprocess_wire::Message> };
    quote! {
        const OLDER: ::std::option::Option<::libprocess_wire::Older<Self>> = {
            assert!(#message::VERSION < Self::VERSION, "a version grows from an earlier one");
            ::std::option::Option::Some(::libprocess_wire::Older {
                version: #message::VERSION,
                encode: |message, buffer| {
                    ::libprocess_wire::encode_into(&<#was as ::std::convert::From<&Self>>::from(message), buffer);
                },
                decode: |version, bytes| {
                    let read = ::libprocess_wire::decode_version::<#was>(version, bytes)?;
                    ::std::option::Option::Some(read.map(::std::convert::Into::into))
                },
                knows: |version| ::libprocess_wire::understands::<#was>(version),
            })
        };
    }
}

/// FNV-1a of the fields as they are written: names, types, order.
fn fingerprint(data: &syn::Data) -> u64 {
    let written = match data {
        syn::Data::Struct(data) => fields(&data.fields),
        syn::Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| format!("{}{};", variant.ident, fields(&variant.fields)))
            .collect(),
        syn::Data::Union(_) => String::new(),
    };
    written
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn fields(fields: &syn::Fields) -> String {
    let one = |field: &syn::Field| {
        let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let kind = &field.ty;
        format!("{name}:{},", quote! { #kind })
    };
    fields.iter().map(one).collect()
}

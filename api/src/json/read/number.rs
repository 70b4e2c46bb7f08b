//! Numbers: what a field holds exactly, or else is refused with.
//!
//! The original keeps every number as a double and casts it: a fraction is dropped, what is too large wraps, and a
//! framework that asks for ports up to 2^64 asks for none. Nobody means that, so here it is refused.

use model::brief;

use super::{Reader, Value};
use crate::json::fault::Fault;
use crate::json::syntax;

/// Why a text is not a number its field can hold.
enum Unfit {
    NoNumber,
    Fraction,
    Range,
}

/// A number, or a string that holds one.
fn number<T>(
    reader: &mut Reader<'_>,
    field: &str,
    parse: impl Fn(&str) -> Result<T, Unfit>,
) -> Result<Option<T>, Fault> {
    match reader.peek() {
        Some(b'"') => {
            let text = reader.string()?;
            parse(&text).map(Some).map_err(|unfit| refused(&text, field, unfit))
        }
        Some(b'-' | b'0'..=b'9') => {
            let text = reader.number()?;
            parse(text).map(Some).map_err(|unfit| refused(text, field, unfit))
        }
        Some(b'n') => reader.literal("null").map(|()| None),
        _ => Err(reader.unexpected(field)),
    }
}

#[cold]
fn refused(text: &str, field: &str, unfit: Unfit) -> Fault {
    let text = brief(text);
    Fault::mismatch(match unfit {
        Unfit::NoNumber => format!(
            "Failed to parse '{text}' as a JSON number for field '{field}': syntax error at line 1 near: {text}"
        ),
        Unfit::Fraction => format!("Number {text} is not an integer, as field '{field}' expects"),
        Unfit::Range => format!("Number {text} is out of range for field '{field}'"),
    })
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl Value for $type {
            fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<$type>, Fault> {
                number(reader, field, |text| match text.parse() {
                    Ok(number) => Ok(number),
                    Err(_) => $type::try_from(whole(text)?).map_err(|_| Unfit::Range),
                })
            }
        }
    )*};
}

integers! { i32 i64 u32 u64 }

impl Value for f64 {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<f64>, Fault> {
        number(reader, field, |text| match text {
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ if !syntax::is_number(text) => Err(Unfit::NoNumber),
            _ => text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(Unfit::Range),
        })
    }
}

/// A whole number however it is spelled, as `2e3` and `2.50e1` are; no double is in between, so that none is rounded.
fn whole(text: &str) -> Result<i128, Unfit> {
    if !syntax::is_number(text) {
        return Err(Unfit::NoNumber);
    }
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (digits, exponent) = size.split_once(['e', 'E']).unwrap_or((size, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = part.trim_end_matches('0');
    let digits = format!("{whole}{part}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    // An exponent that no integer holds is only that of a number far too large, or far too small.
    let exponent: i64 = exponent.parse().map_err(|_| match exponent.starts_with('-') {
        true => Unfit::Fraction,
        false => Unfit::Range,
    })?;
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let scale = exponent.saturating_sub(part.len() as i64).saturating_add(zeros as i64);
    if scale < 0 {
        return Err(Unfit::Fraction);
    }
    u32::try_from(scale)
        .ok()
        .and_then(|scale| 10_i128.checked_pow(scale))
        .and_then(|scale| significant.parse::<i128>().ok()?.checked_mul(scale))
        .map(|size| sign * size)
        .ok_or(Unfit::Range)
}

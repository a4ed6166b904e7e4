//! Single values: text, dates, numbers, true or false.

use super::Misfit;
use crate::dates;
use crate::json::{scalar, unquoted};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Writes JSON without the white space between its values.
pub(super) fn compact(text: &str, out: &mut Vec<u8>) {
    let (mut in_string, mut escaped) = (false, false);
    for &byte in text.as_bytes() {
        if !in_string && byte.is_ascii_whitespace() {
            continue;
        }
        in_string ^= byte == b'"' && !escaped;
        escaped = in_string && byte == b'\\' && !escaped;
        out.push(byte);
    }
}

/// Text stays as it came; anything else becomes its JSON text.
pub(super) fn string(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if text.starts_with('"') {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    serde_json::to_writer(out, text).map_err(|_| Misfit::Wrong("text"))
}

pub(super) fn date(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let text = unquoted(text).ok_or(Misfit::Wrong("a date"))?;
    if text.trim().is_empty() || dates::is_zero(&text) {
        return Err(Misfit::Empty);
    }
    let date = dates::parse(&text).ok_or(Misfit::Wrong("a date"))?;
    out.push(b'"');
    out.extend_from_slice(dates::format(date).as_bytes());
    out.push(b'"');
    Ok(())
}

pub(super) fn number(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let digits = scalar(text).ok_or(Misfit::Wrong("a number"))?;
    let digits = digits.trim();
    if digits.is_empty() {
        return Err(Misfit::Empty);
    }
    // Discounts may come as `.10` (products_catalog.v3, bulk pricing rules), and JSON wants the zero.
    let (sign, unsigned) = digits.strip_prefix('-').map_or(("", digits), |unsigned| ("-", unsigned));
    let digits = if unsigned.starts_with('.') { Cow::from(format!("{sign}0{unsigned}")) } else { Cow::from(digits) };
    // Beyond a double's range most readers of JSON fail.
    if !is_json_number(&digits) || digits.parse::<f64>().is_ok_and(f64::is_infinite) {
        return Err(Misfit::Wrong("a number"));
    }
    out.extend_from_slice(digits.as_bytes());
    Ok(())
}

pub(super) fn integer(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let digits = scalar(text).ok_or(Misfit::Wrong("a whole number"))?;
    let digits = digits.trim();
    if digits.is_empty() {
        return Err(Misfit::Empty);
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_whole = is_json_number(whole) && !whole.contains(['e', 'E']);
    if !is_whole || fraction.is_empty() || fraction.bytes().any(|b| b != b'0') {
        return Err(Misfit::Wrong("a whole number"));
    }
    out.extend_from_slice(whole.as_bytes());
    Ok(())
}

pub(super) fn boolean(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let word = match text {
        "true" | "false" => text.into(),
        _ => scalar(text).ok_or(Misfit::Wrong("true or false"))?,
    };
    out.extend_from_slice(match word.trim().to_ascii_lowercase().as_str() {
        "" => return Err(Misfit::Empty),
        "true" | "1" => b"true",
        "false" | "0" => b"false",
        _ => return Err(Misfit::Wrong("true or false")),
    });
    Ok(())
}

/// Whether the text is a number by JSON's grammar.
fn is_json_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

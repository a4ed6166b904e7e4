//! Single values: text, dates, numbers, true or false.

use super::Misfit;
use crate::dates;
use crate::json::{scalar, unquoted};
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
    let text = text.trim();
    let date = match dates::usual(text) {
        Some(date) => date,
        None if text.is_empty() || dates::is_zero(text) => return Err(Misfit::Empty),
        None => dates::parse(text).ok_or(Misfit::Wrong("a date"))?,
    };
    out.push(b'"');
    dates::write(date, out);
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
    match Number::parse(&digits) {
        Some(number) if number.is_in_range() => out.extend_from_slice(digits.as_bytes()),
        _ => return Err(Misfit::Wrong("a number")),
    }
    Ok(())
}

pub(super) fn integer(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let digits = scalar(text).ok_or(Misfit::Wrong("a whole number"))?;
    let digits = digits.trim();
    if digits.is_empty() {
        return Err(Misfit::Empty);
    }
    match Number::parse(digits) {
        Some(number) if number.is_whole() => out.extend_from_slice(number.whole.as_bytes()),
        _ => return Err(Misfit::Wrong("a whole number")),
    }
    Ok(())
}

pub(super) fn boolean(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if let "true" | "false" = text {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    let word = scalar(text).ok_or(Misfit::Wrong("true or false"))?;
    let word = word.trim();
    let is = |other: &str| word.eq_ignore_ascii_case(other);
    if word == "1" || is("true") {
        out.extend_from_slice(b"true");
    } else if word == "0" || is("false") {
        out.extend_from_slice(b"false");
    } else {
        return Err(if word.is_empty() { Misfit::Empty } else { Misfit::Wrong("true or false") });
    }
    Ok(())
}

/// A number by JSON's grammar.
struct Number<'t> {
    text: &'t str,
    /// The digits before the point, with their sign.
    whole: &'t str,
    /// Those after it; empty without a point.
    fraction: &'t str,
    has_exponent: bool,
}

impl<'t> Number<'t> {
    fn parse(text: &'t str) -> Option<Number<'t>> {
        let bytes = text.as_bytes();
        let after_digits = |from: usize| from + bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let point = after_digits(start);
        let has_zero_before = bytes.get(start) == Some(&b'0') && point > start + 1;
        let fraction = if bytes.get(point) == Some(&b'.') { point + 1 } else { point };
        let exponent = after_digits(fraction);
        let has_exponent = matches!(bytes.get(exponent), Some(b'e' | b'E'));
        let sign = usize::from(has_exponent && matches!(bytes.get(exponent + 1), Some(b'+' | b'-')));
        let end = if has_exponent { after_digits(exponent + 1 + sign) } else { exponent };
        let is_number = point > start
            && !has_zero_before
            && (fraction == point || exponent > fraction)
            && (!has_exponent || end > exponent + 1 + sign)
            && end == bytes.len();
        is_number.then_some(Number { text, whole: text.get(..point)?, fraction: text.get(fraction..exponent)?, has_exponent })
    }

    /// Beyond a double's range, 1.8e308, most readers of JSON fail.
    fn is_in_range(&self) -> bool {
        !self.has_exponent && self.whole.len() < 300 || self.text.parse::<f64>().is_ok_and(f64::is_finite)
    }

    fn is_whole(&self) -> bool {
        !self.has_exponent && self.fraction.bytes().all(|byte| byte == b'0')
    }
}

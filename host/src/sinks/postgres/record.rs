//! Turns a record's values from JSON text into a row for COPY, without building a JSON tree. What PostgreSQL cannot hold is found
//! here, where the record and the field are known.

use super::super::columns::unquoted;
use super::column::Type;
use std::io::Write;

/// Why a value has no place in its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// A whole number beyond 64 bits, or one with a fraction, in a column of whole numbers.
    Wide,
    /// What it is, as in `is not a number`.
    Told(&'static str),
}

/// Digits before and behind the point that a numeric holds.
const NUMERIC: (i64, i64) = (131_072, 16_383);

/// Appends a value to a row.
pub(super) fn append(json: Option<&str>, kind: Type, row: &mut Vec<u8>) -> Result<(), Misfit> {
    let Some(json) = json else {
        row.extend_from_slice(b"\\N");
        return Ok(());
    };
    let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    match kind {
        Type::Bigint if is_number => match json.parse::<i64>() {
            Ok(_) => row.extend_from_slice(json.as_bytes()),
            Err(_) => return Err(Misfit::Wide),
        },
        Type::Numeric if is_number => {
            check_numeric(json)?;
            row.extend_from_slice(json.as_bytes());
        }
        Type::Bigint | Type::Numeric => return Err(Misfit::Told("is not a number")),
        Type::Boolean if json == "true" || json == "false" => row.extend_from_slice(json.as_bytes()),
        Type::Boolean => return Err(Misfit::Told("is neither true nor false")),
        Type::Timestamp | Type::Date => {
            let text = unquoted(json);
            let is_one = if kind == Type::Date { is_date(&text) } else { is_moment(&text) };
            if !is_one {
                return Err(Misfit::Told(if kind == Type::Date {
                    "is no date"
                } else {
                    "is no time that PostgreSQL can hold exactly"
                }));
            }
            row.extend_from_slice(text.as_bytes());
        }
        Type::Json => {
            if has_nul(json) {
                return Err(Misfit::Told("holds the character U+0000, which jsonb cannot hold"));
            }
            escape(json, row);
        }
        // A value that is no text keeps its JSON.
        Type::Text => {
            let text = unquoted(json);
            if text.contains('\0') {
                return Err(Misfit::Told("holds the character U+0000, which text cannot hold"));
            }
            escape(&text, row);
        }
    }
    Ok(())
}

/// Appends a number of the tap's own.
pub(super) fn append_own(number: Option<u64>, row: &mut Vec<u8>) {
    match number {
        // A vector takes all that it is given.
        Some(number) => drop(write!(row, "{number}")),
        None => row.extend_from_slice(b"\\N"),
    }
}

/// As COPY wants it.
fn escape(text: &str, row: &mut Vec<u8>) {
    for piece in text.as_bytes().split_inclusive(|b| matches!(b, b'\\' | b'\n' | b'\r' | b'\t')) {
        let Some((last, others)) = piece.split_last() else { continue };
        let escaped = match last {
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            _ => {
                row.extend_from_slice(piece);
                continue;
            }
        };
        row.extend_from_slice(others);
        row.extend_from_slice(escaped);
    }
}

/// Whether JSON text has an escaped NUL: a `\u0000` whose backslash is not itself escaped.
fn has_nul(json: &str) -> bool {
    let is_escape =
        |at: usize| json.as_bytes().get(..at).into_iter().flatten().rev().take_while(|b| **b == b'\\').count() % 2 == 0;
    json.match_indices("\\u0000").any(|(at, _)| is_escape(at))
}

/// Whether a numeric can hold a number, all its digits.
fn check_numeric(json: &str) -> Result<(), Misfit> {
    let (mantissa, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let length = |part: &str| i64::try_from(part.len()).unwrap_or(i64::MAX);
    let exponent = exponent.parse::<i32>().map(i64::from);
    match exponent {
        Ok(exponent)
            if length(whole).saturating_add(exponent) <= NUMERIC.0
                && length(fraction).saturating_sub(exponent) <= NUMERIC.1
                && exponent.abs() <= NUMERIC.0 =>
        {
            Ok(())
        }
        _ => Err(Misfit::Told("is a number that is too long for numeric")),
    }
}

/// The number in a part of a text, if it is one of these.
fn number(text: &str, part: std::ops::Range<usize>, known: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let part = text.get(part).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?;
    part.parse().ok().filter(|number| known.contains(number))
}

fn is_date(text: &str) -> bool {
    let day = || {
        let (year, month) = (number(text, 0..4, 1..=9999)?, number(text, 5..7, 1..=12)?);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let last = *days.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
        number(text, 8..10, 1..=last)
    };
    text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-") && day().is_some()
}

/// Whether a text is an RFC 3339 time with at most microseconds: PostgreSQL would round a finer one, and would turn a leap second
/// into the next second.
fn is_moment(text: &str) -> bool {
    let (Some(day), Some(rest)) = (text.get(..10), text.get(10..)) else { return false };
    let is_time = matches!(rest.get(..1), Some("T" | "t" | " "))
        && number(rest, 1..3, 0..=23).is_some()
        && rest.get(3..4) == Some(":")
        && number(rest, 4..6, 0..=59).is_some()
        && rest.get(6..7) == Some(":")
        && number(rest, 7..9, 0..=59).is_some();
    let rest = rest.get(9..).unwrap_or_default();
    let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at(zone);
    let is_fraction = match fraction.strip_prefix('.') {
        Some(digits) => {
            let finer = digits.get(6..).unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && finer.bytes().all(|b| b == b'0')
        }
        None => fraction.is_empty(),
    };
    let is_offset = zone.len() == 6
        && number(zone, 1..3, 0..=15).is_some()
        && zone.get(3..4) == Some(":")
        && number(zone, 4..6, 0..=59).is_some();
    is_date(day) && is_time && is_fraction && (zone.eq_ignore_ascii_case("z") || is_offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str, kind: Type) -> Result<String, Misfit> {
        let mut row = Vec::new();
        append(Some(json), kind, &mut row)?;
        Ok(String::from_utf8(row).unwrap())
    }

    #[test]
    fn a_moment_that_would_be_changed_is_none() {
        for moment in [
            "2025-10-09T08:53:20Z",
            "2024-02-29t23:59:59.123456z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59.999999000-08:30",
            "2025-10-09 08:53:20Z",
        ] {
            assert!(is_moment(moment), "{moment}");
        }
        for other in [
            "",
            "2025-10-09",
            "2025-10-09T08:53:20",
            "2025-10-09T08:53:20.1234567Z",
            "2025-10-09T08:53:20.Z",
            "2025-10-09T23:59:60Z",
            "2025-10-09T24:00:00Z",
            "2023-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2025-10-09T08:53:20Z ",
            "2025-10-09T08:53:20+99:00",
            "+025-10-09T08:53:20Z",
            "ü025-10-09T08:53:20Z",
            "now",
            "infinity",
        ] {
            assert!(!is_moment(other), "{other}");
        }
    }

    #[test]
    fn a_number_keeps_its_digits_or_is_refused() {
        for number in ["0", "-12.3400", "1e400", "1E-100", "92233720368547758089"] {
            assert_eq!(row(number, Type::Numeric).as_deref(), Ok(number));
        }
        for number in ["1e131073", "1e-20000", "1e99999999999999999999", "1e-99999999999999999999"] {
            assert!(matches!(row(number, Type::Numeric), Err(Misfit::Told(_))), "{number}");
        }
        assert_eq!(row("-9223372036854775808", Type::Bigint).as_deref(), Ok("-9223372036854775808"));
        for wide in ["9223372036854775808", "1.5", "1e3"] {
            assert_eq!(row(wide, Type::Bigint), Err(Misfit::Wide));
        }
        for other in ["\"7\"", "true", "{}"] {
            assert_eq!(row(other, Type::Bigint), Err(Misfit::Told("is not a number")));
            assert_eq!(row(other, Type::Numeric), Err(Misfit::Told("is not a number")));
        }
    }

    #[test]
    fn a_nul_is_found_and_what_only_looks_like_one_is_not() {
        for nul in [r#"{"a":"\u0000"}"#, r#""x\\\u0000""#] {
            assert!(row(nul, Type::Json).is_err() && has_nul(nul), "{nul}");
        }
        assert!(row(r#""a\u0000b""#, Type::Text).is_err());
        for other in [r#"{"a":"\\u0000"}"#, r#""\\\\u0000""#, r#""u0000""#] {
            assert!(!has_nul(other), "{other}");
        }
    }

    #[test]
    fn what_copy_has_a_meaning_for_is_escaped() {
        assert_eq!(row(r#""a\tb\nc\rd\\e\\N""#, Type::Text).as_deref(), Ok("a\\tb\\nc\\rd\\\\e\\\\N"));
        assert_eq!(row(r#"{"a":"\n"}"#, Type::Json).as_deref(), Ok(r#"{"a":"\\n"}"#));
        assert_eq!(row("\"\\\\.\"", Type::Text).as_deref(), Ok("\\\\."));
        assert_eq!(row("17", Type::Text).as_deref(), Ok("17"));
    }
}

//! Single values: from JSON text to what a column holds.

use super::super::columns::unquoted;
use super::shape::{DIGITS, SCALE, Scalar};
use chrono::{DateTime, NaiveDate, Timelike};
use std::borrow::Cow;

/// A value as a column holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'j> {
    Boolean(bool),
    /// Days since 1970.
    Date(i32),
    /// A whole number, or microseconds since 1970.
    Integer(i64),
    /// With [`SCALE`] digits after the point.
    Decimal(i128),
    Text(Cow<'j, str>),
}

/// How a value fits its column.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit<'j> {
    Exact(Value<'j>),
    /// The nearest that the column can hold.
    Near(Value<'j>),
    /// Not at all.
    Not,
}

/// Reads a value that is not null.
pub(super) fn fit(json: &str, scalar: Scalar) -> Fit<'_> {
    match scalar {
        Scalar::Boolean => json.parse().map_or(Fit::Not, |value| Fit::Exact(Value::Boolean(value))),
        Scalar::Integer => json.parse().map_or(Fit::Not, |value| Fit::Exact(Value::Integer(value))),
        Scalar::Decimal => decimal(json).unwrap_or(Fit::Not),
        Scalar::Timestamp => timestamp(json).unwrap_or(Fit::Not),
        Scalar::Date => date(json).unwrap_or(Fit::Not),
        // What is no text stands there as its JSON.
        Scalar::Text => Fit::Exact(Value::Text(if json.starts_with('"') { unquoted(json) } else { json.into() })),
        Scalar::Json => Fit::Exact(Value::Text(json.into())),
    }
}

fn date(json: &str) -> Option<Fit<'_>> {
    let text = text(json)?;
    let is_date = text.len() == "2025-01-01".len();
    let date = is_date.then(|| NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok())??;
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    Some(Fit::Exact(Value::Date(days.try_into().ok()?)))
}

fn timestamp(json: &str) -> Option<Fit<'_>> {
    let text = text(json)?;
    let moment = DateTime::parse_from_rfc3339(&text).ok()?;
    // A leap second has no place in microseconds since 1970.
    if moment.nanosecond() >= 1_000_000_000 {
        return None;
    }
    let value = Value::Integer(moment.timestamp_micros());
    // Checked in the text, because the parsed time has no more than nanoseconds.
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let is_fine = fraction.bytes().take_while(u8::is_ascii_digit).skip(6).any(|digit| digit != b'0');
    Some(if is_fine { Fit::Near(value) } else { Fit::Exact(value) })
}

fn text(json: &str) -> Option<Cow<'_, str>> {
    json.starts_with('"').then(|| unquoted(json))
}

/// A number by JSON's grammar, as the JSON reader has checked.
fn decimal(json: &str) -> Option<Fit<'_>> {
    let (sign, unsigned) = json.strip_prefix('-').map_or((1, json), |unsigned| (-1, unsigned));
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (plain, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = || whole.bytes().chain(fraction.bytes()).map(|digit| i128::from(digit - b'0'));
    if digits().all(|digit| digit == 0) {
        return Some(Fit::Exact(Value::Decimal(0)));
    }
    // How many of the digits the scaled integer has: later digits are rounded off, and missing ones are zeros.
    let places = exponent.parse::<i64>().ok()?.saturating_add_unsigned(whole.len() as u64).saturating_add(SCALE.into());
    let (mut value, mut place, mut is_exact) = (0_i128, 0_i64, true);
    let mut dropped = 0;
    for digit in digits() {
        if place < places {
            value = longer(value, digit)?;
        } else {
            is_exact &= digit == 0;
            // Half rounds away from zero.
            if place == places {
                dropped = digit;
            }
        }
        place += 1;
    }
    while place < places {
        value = longer(value, 0)?;
        place += 1;
    }
    let value = Some(value + i128::from(dropped >= 5)).filter(is_in_range)? * sign;
    Some(if is_exact { Fit::Exact(Value::Decimal(value)) } else { Fit::Near(Value::Decimal(value)) })
}

/// With one digit more; none if the column has no room for that.
fn longer(value: i128, digit: i128) -> Option<i128> {
    value.checked_mul(10)?.checked_add(digit).filter(is_in_range)
}

fn is_in_range(value: &i128) -> bool {
    *value < 10_i128.pow(DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal_of(json: &str) -> Fit<'_> {
        fit(json, Scalar::Decimal)
    }

    #[test]
    fn decimals_keep_every_digit_that_the_column_has_room_for() {
        let unit = 10_i128.pow(SCALE);
        for (json, value) in [
            ("0", 0),
            ("-0.0", 0),
            ("0e999999999999999999999", 0),
            ("1", unit),
            ("-1.10", -unit / 10 * 11),
            ("10.0000", 10 * unit),
            ("1.0000000000", unit),
            ("33.333333333333336", 33_333_333_333_333_336_000),
            ("0.000000000000000001", 1),
            ("0.0000000000000000010", 1),
            ("1e3", 1000 * unit),
            ("1.5E+2", 150 * unit),
            ("15e-1", unit / 10 * 15),
            ("0.00000000000000000000001e5", 1),
            ("99999999999999999999.999999999999999999", 10_i128.pow(DIGITS) - 1),
        ] {
            assert_eq!(decimal_of(json), Fit::Exact(Value::Decimal(value)), "{json}");
        }
    }

    #[test]
    fn decimals_that_do_not_fit_are_known_as_such() {
        for (json, value) in [
            ("0.0000000000000000004", 0),
            ("0.0000000000000000005", 1),
            ("-0.0000000000000000015", -2),
            ("0.00000000000000000000009", 0),
            ("1e-300", 0),
        ] {
            assert_eq!(decimal_of(json), Fit::Near(Value::Decimal(value)), "{json}");
        }
        for json in [
            "100000000000000000000",
            "1e20",
            "2e20",
            "250000000000000000000",
            "999999999999999999999999999999999999999",
            "9e300",
            "2e9223372036854775807",
            "1e300",
            "-1e99999999999999999999",
            "99999999999999999999.9999999999999999995",
            "\"1\"",
            "true",
            "[1]",
        ] {
            assert_eq!(decimal_of(json), Fit::Not, "{json}");
        }
    }

    #[test]
    fn whole_numbers_end_at_64_bits() {
        let integer = |json| fit(json, Scalar::Integer);
        assert_eq!(integer("-9223372036854775808"), Fit::Exact(Value::Integer(i64::MIN)));
        for json in ["9223372036854775808", "1.0", "1e2", "\"1\"", "true", "{}"] {
            assert_eq!(integer(json), Fit::Not, "{json}");
        }
        assert_eq!((fit("true", Scalar::Boolean), fit("1", Scalar::Boolean)), (Fit::Exact(Value::Boolean(true)), Fit::Not));
    }

    #[test]
    fn times_are_microseconds_and_dates_days_since_1970() {
        for (json, micros) in [
            ("\"1970-01-01T00:00:00Z\"", 0),
            ("\"2025-10-09T08:53:20Z\"", 1_760_000_000_000_000),
            ("\"2025-10-09T10:53:20.000001+02:00\"", 1_760_000_000_000_001),
            ("\"0001-01-01T00:00:00Z\"", -62_135_596_800_000_000),
            ("\"9999-12-31T23:59:59.999999Z\"", 253_402_300_799_999_999),
        ] {
            assert_eq!(fit(json, Scalar::Timestamp), Fit::Exact(Value::Integer(micros)), "{json}");
        }
        for fine in ["\"1970-01-01T00:00:00.0000019Z\"", "\"1970-01-01T01:00:00.0000010000001+01:00\""] {
            assert_eq!(fit(fine, Scalar::Timestamp), Fit::Near(Value::Integer(1)), "{fine}");
        }
        for json in ["\"\"", "\"2025-10-09\"", "\"0000-00-00T00:00:00Z\"", "1760000000", "\"2016-12-31T23:59:60Z\""] {
            assert_eq!(fit(json, Scalar::Timestamp), Fit::Not, "{json}");
        }
        assert_eq!(fit("\"1969-12-31\"", Scalar::Date), Fit::Exact(Value::Date(-1)));
        for json in ["\"1969-12-32\"", "\"69-12-31\"", "\"1969-12-31T00:00:00Z\"", "0"] {
            assert_eq!(fit(json, Scalar::Date), Fit::Not, "{json}");
        }
    }

    #[test]
    fn text_is_itself_and_json_stays_json() {
        let text = |json, scalar| match fit(json, scalar) {
            Fit::Exact(Value::Text(text)) => text.into_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!([text(r#""a\"b""#, Scalar::Text), text("[1, 2]", Scalar::Text)], ["a\"b", "[1, 2]"]);
        assert_eq!([text(r#""a\"b""#, Scalar::Json), text("[1, 2]", Scalar::Json)], [r#""a\"b""#, "[1, 2]"]);
    }
}

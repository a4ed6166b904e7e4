//! How the API writes numbers.

use serde_json::{Map, Value};

/// Money of v2: text with four decimals, `336.3200`.
pub(crate) fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}00", cents.abs() / 100, cents.abs() % 100)
}

/// Money of v3: a number, whole where it is whole.
pub(crate) fn amount(cents: i64) -> Value {
    if cents % 100 == 0 { Value::from(cents / 100) } else { Value::from(cents as f64 / 100.0) }
}

/// The cents of v2 money or of a v3 number; 0 for anything else.
pub(crate) fn cents(value: Option<&Value>) -> i64 {
    let number = match value {
        Some(Value::String(text)) => text.parse().unwrap_or(0.0),
        Some(value) => value.as_f64().unwrap_or(0.0),
        None => 0.0,
    };
    (number * 100.0).round() as i64
}

/// A whole number that may be written as text; 0 for anything else.
pub(crate) fn whole(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(value) => value.as_i64().unwrap_or(0),
        None => 0,
    }
}

/// A field as it is; null when it is not there.
pub(crate) fn field(map: &Map<String, Value>, name: &str) -> Value {
    map.get(name).cloned().unwrap_or(Value::Null)
}

/// An array in a map, empty when it is not there.
pub(crate) fn array<'a>(map: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    map.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

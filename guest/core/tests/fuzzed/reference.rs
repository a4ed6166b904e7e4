//! The transform, plain and slow: maps and recursion over the schema's JSON. The fast one must agree with it.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

type Fields = Vec<(String, Box<RawValue>)>;

/// A record as its schema wants it, in canonical form; none for what is no object.
pub(crate) fn record(schema: &Value, row: &RawValue) -> Option<String> {
    object(schema, row)
}

/// An object of these fields.
pub(crate) fn braces(fields: BTreeMap<String, String>) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The keys and values of an object; of equal keys the first.
fn fields(raw: &RawValue) -> Option<Fields> {
    let mut fields = Fields::new();
    for (key, value) in all_fields(raw)? {
        if !fields.iter().any(|(known, _)| *known == key) {
            fields.push((key, value));
        }
    }
    Some(fields)
}

fn all_fields(raw: &RawValue) -> Option<Fields> {
    struct Visit;
    impl<'de> serde::de::Visitor<'de> for Visit {
        type Value = Fields;
        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
            let mut fields = Fields::new();
            while let Some((key, value)) = map.next_entry::<Box<RawValue>, Box<RawValue>>()? {
                let key = decoded(key.get()).unwrap_or_default();
                fields.push((key, value));
            }
            Ok(fields)
        }
    }
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(raw.get()), Visit).ok()
}

fn object(schema: &Value, raw: &RawValue) -> Option<String> {
    let fields = fields(raw)?;
    let mut out = BTreeMap::new();
    for (name, schema) in schema["properties"].as_object()? {
        let mut steps = schema["x-source"].as_str().unwrap_or(name).split('/');
        let key = steps.next()?;
        let or_zero = schema["x-or-zero"] == true;
        let Some(value) = under(&fields, key) else {
            out.extend(or_zero.then(|| (name.clone(), "0".to_owned())));
            continue;
        };
        let value = steps.try_fold(value, |value, step| inside(&value, step));
        let is_zero = or_zero && value.as_ref().is_none_or(|value| value.get() == "null");
        let none = if is_zero { "0" } else { "null" };
        out.insert(name.clone(), value.and_then(|value| fit(schema, &value)).unwrap_or_else(|| none.to_owned()));
    }
    Some(braces(out))
}

fn inside(raw: &RawValue, step: &str) -> Option<Box<RawValue>> {
    if raw.get().starts_with('[') {
        let items: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).ok()?;
        return items.into_iter().nth(step.parse().ok()?);
    }
    under(&fields(raw)?, step)
}

/// The value under a key, or else under one with spaces around it.
fn under(fields: &Fields, key: &str) -> Option<Box<RawValue>> {
    let exact = fields.iter().find(|(known, _)| known == key);
    let (_, value) = exact.or_else(|| fields.iter().find(|(known, _)| known.trim() == key))?;
    Some(value.clone())
}

/// The JSON text with each half of a surrogate pair replaced.
fn whole_pairs(text: &str) -> String {
    // Text, escapes and escapes of a code unit, one by one.
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let mut token = String::from(char);
        if char == '\\' {
            token.extend(chars.next());
            if token == "\\u" {
                token.extend(chars.by_ref().take(4));
            }
        }
        tokens.push(token);
    }
    let unit = |token: Option<&String>| {
        let digits = token.and_then(|token| token.strip_prefix("\\u")).and_then(|digits| u16::from_str_radix(digits, 16).ok());
        digits.unwrap_or_default()
    };
    let high = |place: usize| (0xd800..0xdc00).contains(&unit(tokens.get(place)));
    let low = |place: usize| (0xdc00..0xe000).contains(&unit(tokens.get(place)));
    let (mut whole, mut place) = (String::new(), 0);
    while place < tokens.len() {
        if high(place) && low(place + 1) {
            whole.push_str(&tokens[place]);
            place += 1;
            whole.push_str(&tokens[place]);
        } else if high(place) || low(place) {
            whole.push_str("\\ufffd");
        } else {
            whole.push_str(&tokens[place]);
        }
        place += 1;
    }
    whole
}

fn decoded(text: &str) -> Option<String> {
    serde_json::from_str(&whole_pairs(text)).ok()
}

/// The rows of a list, or of an object that is one.
fn rows(raw: &RawValue) -> Option<Vec<Box<RawValue>>> {
    if raw.get().starts_with('[') {
        return serde_json::from_str(raw.get()).ok();
    }
    let mut rows = Vec::new();
    for (key, value) in all_fields(raw)? {
        if key != "__warning__" {
            if key.is_empty() || !key.chars().all(|c| c.is_ascii_digit()) {
                return None;
            }
            rows.push((key.parse::<u64>().ok()?, value));
        }
    }
    rows.sort_by_key(|(number, _)| *number);
    Some(rows.into_iter().map(|(_, value)| value).collect())
}

fn is_link(raw: &RawValue) -> bool {
    let mut keys: Vec<String> = all_fields(raw).into_iter().flatten().map(|(key, _)| key).collect();
    keys.sort();
    keys == ["resource", "url"]
}

/// A value without a schema, all of it.
fn any(raw: &RawValue) -> String {
    let text = raw.get();
    if text.starts_with('[') {
        let items: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
        return format!("[{}]", items.iter().map(|item| any(item)).collect::<Vec<_>>().join(","));
    }
    // Of equal keys the last, as whoever reads the record has it.
    match all_fields(raw) {
        Some(fields) => braces(fields.iter().map(|(key, value)| (key.clone(), any(value))).collect()),
        None => whole_pairs(text),
    }
}

fn fit(schema: &Value, raw: &RawValue) -> Option<String> {
    let types = &schema["type"];
    let is = |name: &str| types == name || types.as_array().is_some_and(|types| types.iter().any(|kind| kind == name));
    let text = raw.get();
    if text == "null" {
        return None;
    }
    let empty = ["{}", "[]"].contains(&text.split_whitespace().collect::<String>().as_str());
    let string: Option<String> = if text.starts_with('"') { serde_json::from_str(text).ok() } else { None };
    let plain = if text.starts_with('"') { string.clone() } else { Some(text.to_owned()) };
    if is("array") {
        let items = match rows(raw) {
            Some(rows) => rows,
            None if text == "\"\"" || is_link(raw) => Vec::new(),
            None => vec![RawValue::from_string(text.to_owned()).ok()?],
        };
        let items: Vec<String> = items.iter().map(|item| fit(&schema["items"], item).unwrap_or_else(|| "null".into())).collect();
        return Some(format!("[{}]", items.join(",")));
    }
    if schema["additionalProperties"] == true {
        return if empty { Some("{}".into()) } else { text.starts_with('{').then(|| any(raw)) };
    }
    if is("object") {
        return if empty && text.starts_with('[') { Some("{}".into()) } else { object(schema, raw) };
    }
    if empty {
        return None;
    }
    if is("integer") {
        let plain = plain?;
        let number = number(plain.trim())?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        return (!number.contains(['e', 'E']) && fraction.bytes().all(|b| b == b'0')).then(|| whole.to_owned());
    }
    if is("number") {
        let plain = plain?;
        let bare = plain.trim();
        let digits = match bare.trim_start_matches('-').strip_prefix('.') {
            Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => bare.replacen('.', "0.", 1),
            _ => bare.to_owned(),
        };
        return number(&digits).filter(|digits| digits.parse::<f64>().is_ok_and(f64::is_finite)).map(str::to_owned);
    }
    if is("boolean") {
        let word = plain?.trim().to_ascii_lowercase();
        return match word.as_str() {
            "true" | "1" => Some("true".into()),
            "false" | "0" => Some("false".into()),
            _ => None,
        };
    }
    if schema["format"] == "date-time" {
        return Some(format!("\"{}\"", moment(&string?)?.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
    }
    if text.starts_with('"') { Some(whole_pairs(text)) } else { serde_json::to_string(&whole_pairs(text)).ok() }
}

/// A date in any of its forms, by chrono alone.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let aware = match text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => DateTime::parse_from_rfc2822(text),
        false => DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")),
    };
    let naive = || {
        let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
        let moment = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        moment.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
    };
    let moment = aware.map(|date| date.to_utc()).ok().or_else(|| Some(naive()?.and_utc()));
    moment.filter(|date| (1..=9999).contains(&date.year()))
}

fn number(text: &str) -> Option<&str> {
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit());
    (is_number && serde_json::from_str::<&RawValue>(text).is_ok()).then_some(text)
}

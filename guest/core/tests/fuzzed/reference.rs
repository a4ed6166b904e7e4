//! The transform, plain and slow: maps and recursion over the schema's JSON. The fast one must agree with it.

use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tap_bigcommerce_core::dates;

type Fields = Vec<(String, Box<RawValue>)>;

/// A record as its schema wants it, in canonical form; none for what is no object.
pub(crate) fn record(schema: &Value, row: &RawValue) -> Option<String> {
    object(schema, row)
}

/// The same JSON whatever the order of its keys; leaves keep their bytes.
pub(crate) fn canonical(raw: &RawValue) -> String {
    let text = raw.get();
    if text.starts_with('{') {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).expect("an object");
        return braces(fields.iter().map(|(key, value)| (key.clone(), canonical(value))).collect());
    }
    if text.starts_with('[') {
        let items: Vec<Box<RawValue>> = serde_json::from_str(text).expect("a list");
        return format!("[{}]", items.iter().map(|item| canonical(item)).collect::<Vec<_>>().join(","));
    }
    text.to_owned()
}

fn braces(fields: BTreeMap<String, String>) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The keys and values of an object; of equal keys the first.
fn fields(raw: &RawValue) -> Option<Fields> {
    struct Visit;
    impl<'de> serde::de::Visitor<'de> for Visit {
        type Value = Fields;
        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
            let mut fields = Fields::new();
            while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                if !fields.iter().any(|(known, _)| *known == key) {
                    fields.push((key, value));
                }
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
        let Some((_, value)) = fields.iter().find(|(known, _)| known == key) else { continue };
        let value = steps.try_fold(value.clone(), |value, step| inside(&value, step));
        out.insert(name.clone(), value.and_then(|value| fit(schema, &value)).unwrap_or_else(|| "null".to_owned()));
    }
    Some(braces(out))
}

fn inside(raw: &RawValue, step: &str) -> Option<Box<RawValue>> {
    if raw.get().starts_with('[') {
        let items: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).ok()?;
        return items.into_iter().nth(step.parse().ok()?);
    }
    let last = fields_with_repeats(raw)?.into_iter().rfind(|(key, _)| key == step)?;
    Some(last.1)
}

fn fields_with_repeats(raw: &RawValue) -> Option<Fields> {
    let map: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_str(raw.get()).ok()?;
    Some(map.into_iter().collect())
}

fn fit(schema: &Value, raw: &RawValue) -> Option<String> {
    let types = &schema["type"];
    let is = |name: &str| types == name || types.as_array().is_some_and(|types| types.iter().any(|kind| kind == name));
    let text = raw.get();
    if text == "null" {
        return None;
    }
    let string: Option<String> = if text.starts_with('"') { serde_json::from_str(text).ok() } else { None };
    let plain = if text.starts_with('"') { string.clone() } else { Some(text.to_owned()) };
    if is("array") {
        let empty = string.as_deref() == Some("") && text == "\"\"" || fields(raw).is_some_and(|fields| fields.is_empty());
        let items: Vec<Box<RawValue>> = match serde_json::from_str(text) {
            Ok(items) if text.starts_with('[') => items,
            _ if empty => Vec::new(),
            _ => vec![RawValue::from_string(text.to_owned()).ok()?],
        };
        let items: Vec<String> = items.iter().map(|item| fit(&schema["items"], item).unwrap_or_else(|| "null".into())).collect();
        return Some(format!("[{}]", items.join(",")));
    }
    if is("object") {
        let empty = text.starts_with('[') && serde_json::from_str::<Vec<Box<RawValue>>>(text).is_ok_and(|list| list.is_empty());
        return if empty { Some("{}".into()) } else { object(schema, raw) };
    }
    if is("integer") {
        let plain = plain?;
        let number = number(plain.trim())?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        return (!number.contains(['e', 'E']) && fraction.bytes().all(|b| b == b'0')).then(|| whole.to_owned());
    }
    if is("number") {
        return number(plain?.trim()).filter(|digits| digits.parse::<f64>().is_ok_and(f64::is_finite)).map(str::to_owned);
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
        return Some(format!("\"{}\"", dates::format(dates::parse(&string?)?)));
    }
    match string {
        Some(_) => Some(text.to_owned()),
        None if text.starts_with('"') => None,
        None => serde_json::to_string(text).ok(),
    }
}

fn number(text: &str) -> Option<&str> {
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit());
    (is_number && serde_json::from_str::<&RawValue>(text).is_ok()).then_some(text)
}

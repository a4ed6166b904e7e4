//! From an API record to one that fits its schema. Values are passed on as the bytes that came; nothing is parsed into a tree.

use crate::dates;
use crate::schema::{Field, Object, Shape};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What came of transforming a stream's records, for warnings and the summary.
#[derive(Debug, Default)]
pub struct Findings {
    /// Values that did not fit and became null.
    pub nulled: u64,
    /// How often each field's value did not fit.
    by_field: BTreeMap<String, u64>,
    /// Keys that are not documented, as dotted paths.
    unknown: BTreeSet<String>,
    /// What has been found since [`Findings::take_warnings`], ready to be logged. Names and keys, never values.
    warnings: Vec<String>,
}

/// A field is warned of this often; more is only counted.
const WARNINGS_A_FIELD: u64 = 10;
/// So many undocumented keys are named; a store that sends more sends noise.
const UNKNOWN_KEYS: usize = 1000;

impl Findings {
    /// The warnings since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn misfit(&mut self, key: u64, path: String, wanted: &str) {
        self.nulled += 1;
        let count = self.by_field.entry(path.clone()).or_default();
        *count += 1;
        if *count <= WARNINGS_A_FIELD {
            self.warnings.push(format!("record {key}: the value of {path} is not {wanted}; it becomes null"));
        }
        if *count == WARNINGS_A_FIELD {
            self.warnings.push(format!("further values of {path} that do not fit are counted, not named"));
        }
    }

    /// Notes an undocumented key. One that is no plain name is not shown: it may hold anything.
    fn unknown(&mut self, within: &str, key: &str) {
        let plain =
            (1..=64).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':'));
        let path = format!("{within}.{}", if plain { key } else { "(a name of another form)" });
        let path = path.trim_start_matches('.').to_owned();
        if self.unknown.len() < UNKNOWN_KEYS && self.unknown.insert(path.clone()) {
            self.warnings.push(format!("the API sends a field that this tap does not know; it is left out: {path}"));
        }
    }
}

/// A value that takes the place of what the API's record holds under a name.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// One value.
    Value(&'a RawValue),
    /// A list that was fetched apart.
    List(&'a [Box<RawValue>]),
}

/// Writes the record `row` as `object` shapes it. `parts` replace fields by their names. `key` is the record's key, for warnings.
/// Fails only on a row that is not a JSON object.
pub fn record(
    object: &Object,
    row: &RawValue,
    parts: &[(&str, Part)],
    key: u64,
    findings: &mut Findings,
    out: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let mut writer = Writer { key, path: Vec::new(), findings, out };
    writer.object(object, row, parts)
}

/// The value under a key of a JSON object, as it came. None: no object, or no such key.
pub fn peek<'a>(object: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    struct Find<'k>(&'k str);
    impl<'de> Visitor<'de> for Find<'_> {
        type Value = Option<&'de RawValue>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object or a list")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(key) = map.next_key::<Key>()? {
                if key.0 == self.0 {
                    found = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let wanted: usize = self.0.parse().map_err(|_| A::Error::custom("not an index"))?;
            let mut found = None;
            for place in 0.. {
                match list.next_element::<&RawValue>()? {
                    Some(item) if place == wanted => found = Some(item),
                    Some(_) => {}
                    None => break,
                }
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(object.get()).deserialize_any(Find(key)).ok().flatten()
}

/// An object's key, borrowed where it holds no escape. One that is no Unicode text (half of an escaped pair) is read as far as it is.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Key<'de>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Key<'de>, E> {
                Ok(Key(String::from_utf8_lossy(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
        }
        from.deserialize_bytes(Read)
    }
}

/// Why a value was not written.
enum Misfit {
    /// It is absent: null, or an empty text that stands for "none".
    Empty,
    /// It is not what the schema wants.
    Wrong(&'static str),
}

struct Writer<'w> {
    key: u64,
    path: Vec<String>,
    findings: &'w mut Findings,
    out: &'w mut Vec<u8>,
}

impl Writer<'_> {
    fn object(&mut self, object: &Object, raw: &RawValue, parts: &[(&str, Part)]) -> Result<(), serde_json::Error> {
        let start = self.out.len();
        self.out.push(b'{');
        let mut written = vec![false; object.fields.len()];
        for (name, part) in parts {
            if let Some(place) = object.position(name) {
                self.field(&object.fields[place], *part);
                written[place] = true;
            }
        }
        let visitor = Fields { writer: self, object, written: &mut written };
        let done = serde_json::Deserializer::from_str(raw.get()).deserialize_map(visitor);
        match done {
            Ok(()) => self.out.push(b'}'),
            Err(_) => self.out.truncate(start),
        }
        done
    }

    fn field(&mut self, field: &Field, part: Part) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        // A field's name is the schema's own: letters, digits and underscores.
        self.out.push(b'"');
        self.out.extend_from_slice(field.name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.path.push(field.name.clone());
        match part {
            Part::Value(raw) => self.value(&field.shape, raw),
            Part::List(rows) => {
                let items = if let Shape::Array(items) = &field.shape { items } else { &field.shape };
                self.list(items, rows.iter().map(|row| &**row));
            }
        }
        self.path.pop();
    }

    /// Writes the value in its shape, or null with a note of why.
    fn value(&mut self, shape: &Shape, raw: &RawValue) {
        let start = self.out.len();
        match self.fit(shape, raw) {
            Ok(()) => {}
            Err(misfit) => {
                self.out.truncate(start);
                self.out.extend_from_slice(b"null");
                if let Misfit::Wrong(wanted) = misfit {
                    self.findings.misfit(self.key, self.path.join("."), wanted);
                }
            }
        }
    }

    fn fit(&mut self, shape: &Shape, raw: &RawValue) -> Result<(), Misfit> {
        let text = raw.get();
        if text == "null" {
            return Err(Misfit::Empty);
        }
        match shape {
            Shape::String => fit_string(text, self.out),
            Shape::DateTime => fit_date(text, self.out),
            Shape::Integer => fit_integer(text, self.out),
            Shape::Number => fit_number(text, self.out),
            Shape::Boolean => fit_boolean(text, self.out),
            Shape::Array(items) => self.fit_array(items, raw),
            Shape::Object(object) => self.fit_object(object, raw),
        }
    }

    /// A list stays one; what PHP sends for "nothing" (`{}`, `""`) is an empty one; a single value is a list of one.
    fn fit_array(&mut self, items: &Shape, raw: &RawValue) -> Result<(), Misfit> {
        match raw.get() {
            text if text.starts_with('[') => {
                let rows: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Misfit::Wrong("a list"))?;
                self.list(items, rows.into_iter());
            }
            "\"\"" => self.out.extend_from_slice(b"[]"),
            text if is_empty_object(text) => self.out.extend_from_slice(b"[]"),
            _ => self.list(items, std::iter::once(raw)),
        }
        Ok(())
    }

    fn list<'r>(&mut self, items: &Shape, rows: impl Iterator<Item = &'r RawValue>) {
        self.out.push(b'[');
        for (place, row) in rows.enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            self.value(items, row);
        }
        self.out.push(b']');
    }

    /// An object stays one; an empty list is how PHP sends an empty object.
    fn fit_object(&mut self, object: &Object, raw: &RawValue) -> Result<(), Misfit> {
        match raw.get() {
            "\"\"" => Err(Misfit::Empty),
            text if text.starts_with('{') => self.object(object, raw, &[]).map_err(|_| Misfit::Wrong("an object")),
            text if text.starts_with('[') && text[1..].trim_start().starts_with(']') => {
                self.out.extend_from_slice(b"{}");
                Ok(())
            }
            _ => Err(Misfit::Wrong("an object")),
        }
    }
}

/// Walks an API object's keys and writes the fields that are filled from them.
struct Fields<'f, 'w> {
    writer: &'f mut Writer<'w>,
    object: &'f Object,
    written: &'f mut [bool],
}

impl<'de> Visitor<'de> for Fields<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            let Some(filled) = self.object.from_key(&key) else {
                map.next_value::<IgnoredAny>()?;
                self.writer.findings.unknown(&self.writer.path.join("."), &key);
                continue;
            };
            if filled.iter().all(|place| self.written[*place]) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw: &RawValue = map.next_value()?;
            for &place in filled {
                let field = &self.object.fields[place];
                // The first of two equal keys counts: a record never holds a name twice.
                if std::mem::replace(&mut self.written[place], true) {
                    continue;
                }
                let value = field.source.iter().try_fold(raw, |raw, step| peek(raw, step));
                self.writer.field(field, Part::Value(value.unwrap_or(RawValue::NULL)));
            }
        }
        Ok(())
    }
}

fn is_empty_object(text: &str) -> bool {
    text.starts_with('{') && text[1..].trim_start().starts_with('}')
}

/// The text of a JSON string; borrowed where it holds no escape. None for other values, and for what is no Unicode text.
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    text.starts_with('"').then(|| serde_json::from_str::<Text>(text).ok()).flatten().map(|text| text.0)
}

/// Text stays as it came; anything else becomes its JSON text.
fn fit_string(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if text.starts_with('"') {
        // A lone surrogate escape is JSON to some readers and not to others.
        if text.contains("\\u") && unquoted(text).is_none() {
            return Err(Misfit::Wrong("well-formed text"));
        }
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    serde_json::to_writer(out, text).map_err(|_| Misfit::Wrong("text"))
}

fn fit_date(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let text = unquoted(text).ok_or(Misfit::Wrong("a date"))?;
    if text.trim().is_empty() {
        return Err(Misfit::Empty);
    }
    let date = dates::parse(&text).ok_or(Misfit::Wrong("a date"))?;
    out.push(b'"');
    out.extend_from_slice(dates::format(date).as_bytes());
    out.push(b'"');
    Ok(())
}

fn fit_number(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let digits = scalar(text).ok_or(Misfit::Wrong("a number"))?;
    let digits = digits.trim();
    if digits.is_empty() {
        return Err(Misfit::Empty);
    }
    // Beyond a double's range most readers of JSON fail.
    if !is_json_number(digits) || digits.parse::<f64>().is_ok_and(f64::is_infinite) {
        return Err(Misfit::Wrong("a number"));
    }
    out.extend_from_slice(digits.as_bytes());
    Ok(())
}

fn fit_integer(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
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

fn fit_boolean(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
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

/// A number's digits, or a string's text. None for booleans, lists and objects.
fn scalar(text: &str) -> Option<Cow<'_, str>> {
    if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) { Some(text.into()) } else { unquoted(text) }
}

/// Whether the text is a number by JSON's grammar.
fn is_json_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests;

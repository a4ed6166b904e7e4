//! From an API record to one that fits its schema. Values are passed on as the bytes that came; nothing is parsed into a tree.

mod findings;
mod scalars;

pub use self::findings::Findings;
use crate::api::repair;
pub use crate::json::peek;
use crate::json::{self, Key};
use crate::schema::{Field, Object, Shape};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A value that takes the place of what the API's record holds under a name.
#[derive(Clone, Copy, Debug)]
pub enum Replacement<'a> {
    /// One value.
    Value(&'a RawValue),
    /// A list that was fetched apart.
    List(&'a [Box<RawValue>]),
}

/// Why a record was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is not a JSON object.
    NoObject,
    /// A field that identifies it is absent, or is not what the schema wants.
    NoKey,
}

/// Writes the record `row` as `object` shapes it. `replaced` holds what replaces its fields, by their names. `key` is what warnings call the
/// record.
///
/// # Errors
/// It is not an object, or has no key. What has been written of it then is to be dropped.
pub fn record(
    object: &Object,
    row: &RawValue,
    replaced: &[(&str, Replacement)],
    key: &dyn fmt::Display,
    findings: &mut Findings,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let mut writer = Writer { key, path: Vec::new(), has_key: true, findings, out };
    writer.object(object, row, replaced).map_err(|_| Unfit::NoObject)?;
    if writer.has_key { Ok(()) } else { Err(Unfit::NoKey) }
}

/// Why a value was not written.
enum Misfit {
    /// It is absent: null, or what stands for "none".
    Empty,
    /// It is not what the schema wants.
    Wrong(&'static str),
}

struct Writer<'w> {
    key: &'w dyn fmt::Display,
    path: Vec<String>,
    /// No field that is required is missing so far.
    has_key: bool,
    findings: &'w mut Findings,
    out: &'w mut Vec<u8>,
}

impl Writer<'_> {
    fn object(&mut self, object: &Object, raw: &RawValue, replaced: &[(&str, Replacement)]) -> Result<(), serde_json::Error> {
        let start = self.out.len();
        self.out.push(b'{');
        let mut written = vec![false; object.fields.len()];
        for (name, value) in replaced {
            if let Some(place) = object.position(name) {
                self.field(&object.fields[place], *value);
                written[place] = true;
            }
        }
        let visitor = Fields { writer: self, object, written: &mut written };
        let done = serde_json::Deserializer::from_str(raw.get()).deserialize_map(visitor);
        for (field, written) in object.fields.iter().zip(&mut written).filter(|(field, _)| field.or_zero) {
            if !std::mem::replace(written, true) {
                self.field(field, Replacement::Value(RawValue::NULL));
            }
        }
        match done {
            Ok(()) => self.out.push(b'}'),
            Err(_) => self.out.truncate(start),
        }
        let is_missing = |(field, written): (&Field, &bool)| field.required && !written;
        self.has_key = self.has_key && !object.fields.iter().zip(&written).any(is_missing);
        done
    }

    fn field(&mut self, field: &Field, value: Replacement) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        // A field's name is the schema's own: letters, digits and underscores.
        self.out.push(b'"');
        self.out.extend_from_slice(field.name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.path.push(field.name.clone());
        match value {
            Replacement::Value(raw) if field.or_zero && raw.get() == "null" => self.out.push(b'0'),
            Replacement::Value(raw) => {
                let is_there = self.value(&field.shape, raw, field.required);
                self.has_key = self.has_key && (is_there || !field.required);
            }
            Replacement::List(rows) => {
                let items = if let Shape::Array(items) = &field.shape { items } else { &field.shape };
                self.list(items, rows.iter().map(|row| &**row));
            }
        }
        self.path.pop();
    }

    /// Writes the value in its shape, or null with a note of why: without a value that is required the record is not written, which says enough.
    /// Reports whether it is there.
    fn value(&mut self, shape: &Shape, raw: &RawValue, required: bool) -> bool {
        let start = self.out.len();
        let fit = self.fit(shape, raw);
        if let Err(misfit) = &fit {
            self.out.truncate(start);
            self.out.extend_from_slice(b"null");
            if let (Misfit::Wrong(wanted), false) = (misfit, required) {
                self.findings.misfit(self.key, &self.path.join("."), wanted);
            }
        }
        fit.is_ok()
    }

    fn fit(&mut self, shape: &Shape, raw: &RawValue) -> Result<(), Misfit> {
        let text = raw.get();
        if text == "null" {
            return Err(Misfit::Empty);
        }
        match shape {
            Shape::Array(items) => return self.fit_array(items, raw),
            Shape::Object(object) => return self.fit_object(object, raw),
            Shape::Any => return self.fit_any(text),
            _ if is_empty(text) => return Err(Misfit::Empty),
            _ => {}
        }
        match shape {
            Shape::String => self.fit_string(text),
            Shape::DateTime => scalars::date(text, self.out),
            Shape::Integer => scalars::integer(text, self.out),
            Shape::Number => scalars::number(text, self.out),
            Shape::Boolean => scalars::boolean(text, self.out),
            Shape::Array(_) | Shape::Object(_) | Shape::Any => Ok(()),
        }
    }

    /// Half of a surrogate pair is text to some readers of JSON and not to others, so it is replaced.
    fn fit_string(&mut self, text: &str) -> Result<(), Misfit> {
        let Some(repaired) = text.contains("\\u").then(|| repair::without_halves(text)).flatten() else {
            return scalars::string(text, self.out);
        };
        self.findings.repaired(self.key, &self.path.join("."));
        scalars::string(&repaired, self.out)
    }

    /// An object is passed on whole, in one line; an empty list is how PHP sends an empty object.
    fn fit_any(&mut self, text: &str) -> Result<(), Misfit> {
        let text = match text {
            "\"\"" => return Err(Misfit::Empty),
            _ if is_empty(text) => "{}",
            _ if text.starts_with('{') => text,
            _ => return Err(Misfit::Wrong("an object")),
        };
        let repaired = text.contains("\\u").then(|| repair::without_halves(text)).flatten();
        if repaired.is_some() {
            self.findings.repaired(self.key, &self.path.join("."));
        }
        scalars::compact(repaired.as_deref().unwrap_or(text), self.out);
        Ok(())
    }

    /// A list stays one, in either of PHP's forms; what PHP sends for "nothing" (`{}`, `""`) and a link to a list are an empty one; a single
    /// value is a list of one.
    fn fit_array(&mut self, items: &Shape, raw: &RawValue) -> Result<(), Misfit> {
        if let Some(list) = json::list(raw) {
            if list.is_cut {
                self.findings.cut(self.key, &self.path.join("."));
            }
            self.list(items, list.rows.into_iter());
        } else if raw.get() == "\"\"" || json::is_link(raw) {
            self.out.extend_from_slice(b"[]");
        } else {
            self.list(items, std::iter::once(raw));
        }
        Ok(())
    }

    fn list<'r>(&mut self, items: &Shape, rows: impl Iterator<Item = &'r RawValue>) {
        self.out.push(b'[');
        for (place, row) in rows.enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            self.value(items, row, false);
        }
        self.out.push(b']');
    }

    /// An object stays one; an empty list is how PHP sends an empty object.
    fn fit_object(&mut self, object: &Object, raw: &RawValue) -> Result<(), Misfit> {
        match raw.get() {
            "\"\"" => Err(Misfit::Empty),
            text if text.starts_with('{') => self.object(object, raw, &[]).map_err(|_| Misfit::Wrong("an object")),
            text if is_empty(text) => {
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

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut padded: Vec<(&[usize], &RawValue)> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            if let Some(places) = self.object.from_key(&key) {
                match places.iter().all(|place| self.written[*place]) {
                    true => drop(map.next_value::<IgnoredAny>()?),
                    false => self.fill(places, map.next_value()?),
                }
            } else if let Some(places) = self.object.from_key(key.trim()) {
                padded.push((places, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
                let within = self.writer.path.join(".");
                match key.as_ref() {
                    json::CUT => self.writer.findings.cut(self.writer.key, &within),
                    key => self.writer.findings.unknown(&within, key),
                }
            }
        }
        // A key with spaces around it counts where the exact one is absent.
        for (places, raw) in padded {
            self.fill(places, raw);
        }
        Ok(())
    }
}

impl Fields<'_, '_> {
    /// Writes the fields that are filled from one key, but for those that have been: of equal keys the first counts.
    fn fill(&mut self, places: &[usize], raw: &RawValue) {
        for &place in places {
            let field = &self.object.fields[place];
            if !std::mem::replace(&mut self.written[place], true) {
                let value = field.source.iter().try_fold(raw, |raw, step| peek(raw, step));
                self.writer.field(field, Replacement::Value(value.unwrap_or(RawValue::NULL)));
            }
        }
    }
}

/// Whether a value is an empty list or object: PHP sends either for "nothing".
fn is_empty(text: &str) -> bool {
    let inside = |open: char, close: char| text.strip_prefix(open).is_some_and(|rest| rest.trim_start().starts_with(close));
    inside('{', '}') || inside('[', ']')
}

#[cfg(test)]
mod tests;

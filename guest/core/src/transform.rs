//! From an API record to one that fits its schema. Values are passed on as the bytes that came; nothing is parsed into a tree.

mod findings;
mod scalars;

pub use self::findings::Findings;
use crate::api::repair;
pub use crate::json::peek;
use crate::json::{self, Members, members};
use crate::schema::{Field, Object, Shape};
use serde_json::value::RawValue;
use std::fmt;

/// What stands for "no value".
pub(crate) const NULL: &str = "null";

/// A value that takes the place of what the API's record holds under a name.
#[derive(Clone, Copy, Debug)]
pub enum Replacement<'a> {
    /// The JSON text of one value.
    Value(&'a str),
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

/// Writes the record `row`, which is valid JSON text, in the shape of `object`. `replaced` holds the values that replace its
/// fields, by name. `key` is the record's name in warnings.
///
/// # Errors
/// It is not an object, or has no key. The caller must discard what was written of it.
pub fn record(
    object: &Object,
    row: &str,
    replaced: &[(&str, Replacement)],
    key: &dyn fmt::Display,
    findings: &mut Findings,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    let members = members(row).ok_or(Unfit::NoObject)?;
    let written = Vec::with_capacity(2 * object.fields.len());
    let mut writer = Writer { key, path: Vec::new(), written, has_key: true, findings, out };
    writer.object(object, members, replaced);
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
    /// The path to the current field.
    path: Vec<&'w str>,
    /// Which fields have been written: those of the objects on the path, one object after the other.
    written: Vec<bool>,
    /// No field that is required is missing so far.
    has_key: bool,
    findings: &'w mut Findings,
    out: &'w mut Vec<u8>,
}

/// An object under way: what it is to become, and where its fields begin in [`Writer::written`].
#[derive(Clone, Copy)]
struct Under<'w> {
    object: &'w Object,
    first: usize,
}

impl<'w> Writer<'w> {
    fn object(&mut self, object: &'w Object, members: Members, replaced: &[(&str, Replacement)]) {
        let under = Under { object, first: self.written.len() };
        self.written.resize(under.first + object.fields.len(), false);
        self.out.push(b'{');
        for (name, value) in replaced {
            if let Some(place) = object.position(name) {
                self.field(&object.fields[place], *value);
                self.written[under.first + place] = true;
            }
        }
        self.members(under, members);
        for (place, field) in object.fields.iter().enumerate() {
            if !self.written[under.first + place] {
                match field.or_zero {
                    true => self.field(field, Replacement::Value(NULL)),
                    false => self.has_key = self.has_key && !field.required,
                }
            }
        }
        self.out.push(b'}');
        self.written.truncate(under.first);
    }

    /// Walks an API object's members and writes the fields that are filled from them.
    fn members(&mut self, under: Under<'w>, members: Members) {
        let object = under.object;
        let mut padded: Vec<(&[usize], &str)> = Vec::new();
        let mut before = None;
        for (key, text) in members {
            if let Some(place) = object.key(&key, before) {
                before = Some(place);
                self.fill(under, object.filled_from(place), text);
                continue;
            }
            let trimmed = key.trim();
            let place = (trimmed.len() < key.len()).then(|| object.key(trimmed, before)).flatten();
            match (place, key.as_ref()) {
                (Some(place), _) => padded.push((object.filled_from(place), text)),
                (None, json::CUT) => self.findings.cut(self.key, &self.path.join(".")),
                (None, key) => self.findings.unknown(&self.path, key),
            }
        }
        // A key with spaces around it counts where the exact one is absent.
        for (places, text) in padded {
            self.fill(under, places, text);
        }
    }

    /// Writes the fields that are filled from one key, except those already written: of duplicate keys the first counts.
    fn fill(&mut self, under: Under<'w>, places: &[usize], text: &str) {
        for &place in places {
            if !std::mem::replace(&mut self.written[under.first + place], true) {
                let field = &under.object.fields[place];
                let value = field.source.iter().try_fold(text, |text, step| peek(text, step));
                self.field(field, Replacement::Value(value.unwrap_or(NULL)));
            }
        }
    }

    fn field(&mut self, field: &'w Field, value: Replacement) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        // A field's name is the schema's own: letters, digits and underscores.
        self.out.push(b'"');
        self.out.extend_from_slice(field.name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.path.push(&field.name);
        match value {
            Replacement::Value(NULL) if field.or_zero => self.out.push(b'0'),
            Replacement::Value(text) => {
                let is_there = self.value(&field.shape, text, field.required);
                self.has_key = self.has_key && (is_there || !field.required);
            }
            Replacement::List(rows) => {
                let items = if let Shape::Array(items) = &field.shape { items } else { &field.shape };
                self.list(items, rows.iter().map(|row| row.get()));
            }
        }
        self.path.pop();
    }

    /// Writes the value in its shape, or null with a warning. There is no warning for a required value: without it, the record is
    /// not written at all, which is reported. Returns whether the value was written.
    fn value(&mut self, shape: &'w Shape, text: &str, required: bool) -> bool {
        let start = self.out.len();
        let fit = self.fit(shape, text);
        if let Err(misfit) = &fit {
            self.out.truncate(start);
            self.out.extend_from_slice(b"null");
            if let (Misfit::Wrong(wanted), false) = (misfit, required) {
                self.findings.misfit(self.key, &self.path.join("."), wanted);
            }
        }
        fit.is_ok()
    }

    fn fit(&mut self, shape: &'w Shape, text: &str) -> Result<(), Misfit> {
        if text == NULL {
            return Err(Misfit::Empty);
        }
        match shape {
            Shape::Array(items) => return self.fit_array(items, text),
            Shape::Object(object) => return self.fit_object(object, text),
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
        let Some(repaired) = without_halves(text) else {
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
        let repaired = without_halves(text);
        if repaired.is_some() {
            self.findings.repaired(self.key, &self.path.join("."));
        }
        scalars::compact(repaired.as_deref().unwrap_or(text), self.out);
        Ok(())
    }

    /// A list stays a list, in either of PHP's forms. What PHP sends for "nothing" (`{}`, `""`) and a link to a list become an
    /// empty list; a single value becomes a list of one.
    fn fit_array(&mut self, items: &'w Shape, text: &str) -> Result<(), Misfit> {
        if let Some(list) = json::list(text) {
            if list.is_cut {
                self.findings.cut(self.key, &self.path.join("."));
            }
            self.list(items, list.rows.into_iter());
        } else if text == "\"\"" || json::is_link(text) {
            self.out.extend_from_slice(b"[]");
        } else {
            self.list(items, std::iter::once(text));
        }
        Ok(())
    }

    fn list<'r>(&mut self, items: &'w Shape, rows: impl Iterator<Item = &'r str>) {
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
    fn fit_object(&mut self, object: &'w Object, text: &str) -> Result<(), Misfit> {
        match members(text) {
            Some(members) => self.object(object, members, &[]),
            None if text == "\"\"" => return Err(Misfit::Empty),
            None if is_empty(text) => self.out.extend_from_slice(b"{}"),
            None => return Err(Misfit::Wrong("an object")),
        }
        Ok(())
    }
}

/// The text without halves of surrogate pairs; none if it has no half.
fn without_halves(text: &str) -> Option<String> {
    if json::has_escape(text) { repair::without_halves(text) } else { None }
}

/// Whether a value is an empty list or object: PHP sends either for "nothing".
fn is_empty(text: &str) -> bool {
    match text.as_bytes() {
        [b'{', rest @ ..] => rest.trim_ascii_start().starts_with(b"}"),
        [b'[', rest @ ..] => rest.trim_ascii_start().starts_with(b"]"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

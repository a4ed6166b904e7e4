//! Reads a stream's columns from its SCHEMA, for every sink with columns. Each sink decides how to store them.

mod slots;
#[cfg(test)]
mod tests;

pub(super) use slots::{Slots, unquoted};

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers, of any size.
    Integer,
    Boolean,
    /// Numbers with a fraction, with as many digits as came.
    Decimal,
    /// Text that is a date with a time: `format: date-time`.
    Timestamp,
    /// Text that is a date: `format: date`.
    Date,
    Text,
    /// An object with these fields and no others.
    Object(Fields),
    /// A list of such values.
    Array(Box<Kind>),
    /// Anything: an object or a list whose content the SCHEMA does not describe, or values of more than one type.
    Json,
}

/// A field of a record, or of an object in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// A key has a value in every record. Any other field may be missing from one, whatever its type says.
    pub(super) is_key: bool,
}

/// What a sink can hold.
pub(super) struct Limits {
    /// What has the columns, as in `a table`.
    pub(super) holder: &'static str,
    pub(super) columns: usize,
    /// The bytes of a name.
    pub(super) name: usize,
}

/// The fields of a stream, or of an object in its records, in the order of its SCHEMA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) list: Vec<Field>,
    places: HashMap<String, usize>,
}

impl Fields {
    /// Reads the fields of a stream from its SCHEMA. The error says what is wrong with the message.
    pub(super) fn read(stream: &str, schema: &RawValue, keys: &[String], limits: &Limits) -> Result<Fields, String> {
        let schema: Value = serde_json::from_str(schema.get()).map_err(|fault| format!("the SCHEMA of {stream}: {fault}"))?;
        let properties =
            schema.get("properties").and_then(Value::as_object).ok_or(format!("the SCHEMA of {stream} has no properties"))?;
        if properties.is_empty() || properties.len() > limits.columns {
            let Limits { holder, columns, .. } = limits;
            return Err(format!("{stream} has {} fields; {holder} has 1 to {columns} columns", properties.len()));
        }
        if let Some(name) = properties.keys().find(|name| name.is_empty() || name.len() > limits.name || name.contains('\0')) {
            return Err(format!("{stream} has a field {name:?}, which cannot be a column's name"));
        }
        if let Some(key) = keys.iter().find(|key| !properties.contains_key(*key)) {
            return Err(format!("the key {key:?} of {stream} is not among its fields"));
        }
        Ok(Fields::of(properties, keys))
    }

    fn of(properties: &Map<String, Value>, keys: &[String]) -> Fields {
        let field =
            |(name, schema): (&String, &Value)| Field { name: name.clone(), kind: kind(schema), is_key: keys.contains(name) };
        let list: Vec<Field> = properties.iter().map(field).collect();
        let places = list.iter().enumerate().map(|(place, field)| (field.name.clone(), place)).collect();
        Fields { list, places }
    }

    /// The place of a field in the list.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names as SQL has them, with commas between them.
pub(super) fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Refuses column names that differ only in case, for a sink whose readers ignore case.
pub(super) fn refuse_alike(stream: &str, names: &[impl AsRef<str>]) -> Result<(), String> {
    let mut seen = HashSet::new();
    match names.iter().map(AsRef::as_ref).find(|name: &&str| !seen.insert(name.to_ascii_lowercase())) {
        Some(name) => Err(format!("{stream} has two fields {name:?}, upper and lower case apart, which cannot be two columns")),
        None => Ok(()),
    }
}

/// The kind of the values that a schema allows, besides null. Mixed types that no single kind covers are JSON, and so is a schema
/// without a type.
fn kind(schema: &Value) -> Kind {
    let mut branches = Vec::new();
    gather(schema, &mut branches);
    branches.retain(|(name, _)| *name != "null");
    let are_all = |known: &[&str]| !branches.is_empty() && branches.iter().all(|(name, _)| known.contains(name));
    let have_format = |format: &str| branches.iter().all(|(_, schema)| schema.get("format").is_some_and(|is| is == format));
    match &*branches {
        _ if are_all(&["integer"]) => Kind::Integer,
        _ if are_all(&["boolean"]) => Kind::Boolean,
        _ if are_all(&["integer", "number"]) => Kind::Decimal,
        _ if are_all(&["string"]) && have_format("date-time") => Kind::Timestamp,
        _ if are_all(&["string"]) && have_format("date") => Kind::Date,
        _ if are_all(&["string"]) => Kind::Text,
        [("object", schema)] => object(schema),
        [("array", schema)] if schema.get("items").is_some_and(Value::is_object) => Kind::Array(Box::new(kind(&schema["items"]))),
        _ => Kind::Json,
    }
}

fn object(schema: &Value) -> Kind {
    let is_open = schema.get("additionalProperties").is_some_and(|others| *others != Value::Bool(false));
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) if !properties.is_empty() && !is_open => Kind::Object(Fields::of(properties, &[])),
        _ => Kind::Json,
    }
}

/// The types that a schema allows, each with the part of the schema that names it.
fn gather<'a>(schema: &'a Value, branches: &mut Vec<(&'a str, &'a Value)>) {
    match schema.get("type") {
        Some(Value::String(name)) => branches.push((name, schema)),
        Some(Value::Array(names)) => branches.extend(names.iter().filter_map(Value::as_str).map(|name| (name, schema))),
        _ => {}
    }
    for branch in ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        gather(branch, branches);
    }
}

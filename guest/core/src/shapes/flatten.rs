//! Flattening: an object's fields become fields of the record, as Meltano's SDK names them.

use super::types::is_nullable;
use super::value::write_text;
use crate::json::members;
use serde_json::{Map, Value, json};

/// How records are flattened.
#[derive(Clone, Debug)]
pub(crate) struct Flattening {
    /// How many levels of objects are flattened; at least one.
    pub(crate) depth: u64,
    /// Stands between the names.
    pub(crate) separator: String,
    /// Names of this length or longer are shortened.
    pub(crate) longest: usize,
}

/// The fields of a flattened schema, in order; a name may be there twice.
pub(super) type Properties = Vec<(String, Value)>;

/// What becomes of one value.
#[derive(Clone)]
pub(super) enum Column {
    /// It stays as it is. Holds the name as JSON, with a colon.
    Value(String),
    /// It becomes JSON text.
    Text(String),
    /// Each of these members becomes a column of its own, or several.
    Members(Vec<(String, Column)>),
}

impl Column {
    /// A value that stays as it is.
    pub(super) fn plain(name: &str) -> Column {
        Column::Value(key(name))
    }

    /// Whether a value stays as it is, under this name.
    pub(super) fn is_plain(&self, name: &str) -> bool {
        matches!(self, Column::Value(known) if *known == key(name))
    }

    /// Writes the columns of a value, which is JSON text; `null` in each of them if an object is null.
    pub(super) fn write(&self, value: &str, out: &mut Vec<u8>) {
        match self {
            Column::Value(key) => {
                begin(key, out);
                out.extend_from_slice(value.as_bytes());
            }
            Column::Text(key) => {
                begin(key, out);
                match value {
                    "null" => out.extend_from_slice(b"null"),
                    _ => write_text(value, out),
                }
            }
            Column::Members(columns) => match members(value) {
                Some(members) => {
                    let (mut next, mut is_met) = (0, vec![false; columns.len()]);
                    for (name, value) in members {
                        if let Some(place) = place(columns.len(), next, |place| columns[place].0 == *name && !is_met[place]) {
                            columns[place].1.write(value, out);
                            is_met[place] = true;
                            next = place + 1;
                        }
                    }
                    // Write missing members as null: a target that only overwrites the columns it gets would keep their old
                    // values.
                    let missing = columns.iter().zip(is_met).filter(|(_, is_met)| !is_met);
                    missing.for_each(|((_, column), _)| column.write("null", out));
                }
                None => columns.iter().for_each(|(_, column)| column.write("null", out)),
            },
        }
    }
}

/// Finds a place; `next` is the most likely one.
pub(super) fn place(length: usize, next: usize, is_it: impl Fn(usize) -> bool) -> Option<usize> {
    (next..length).chain(0..next.min(length)).find(|place| is_it(*place))
}

/// Begins a field of an object.
pub(super) fn begin(key: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(key.as_bytes());
}

/// A name as JSON, and a colon.
pub(super) fn key(name: &str) -> String {
    format!("{}:", Value::from(name))
}

impl Flattening {
    /// The name of a field from its names, the outermost first.
    pub(super) fn name(&self, path: &[&str]) -> String {
        let mut names: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
        for place in 0..names.len() {
            if names.join(&self.separator).chars().count() < self.longest {
                break;
            }
            names[place] = shortened(&names[place]);
        }
        names.join(&self.separator)
    }

    /// What becomes of a field with this schema. The fields that it becomes are added to `properties`.
    pub(super) fn column(&self, path: &[&str], schema: &Value, properties: &mut Properties) -> Column {
        let name = self.name(path);
        let is = |kind: &str| allows(schema, kind);
        let below: Option<&Map<String, Value>> = schema["properties"].as_object().filter(|_| is("object"));
        if let Some(below) = below.filter(|_| path.len() as u64 <= self.depth) {
            let column = |(name, schema): (&String, &Value)| {
                (name.clone(), self.column(&[path, &[name.as_str()]].concat(), schema, properties))
            };
            return Column::Members(below.iter().map(column).collect());
        }
        if is("array") || is("object") {
            let schema = if is_nullable(schema) { json!({ "type": ["string", "null"] }) } else { json!({ "type": "string" }) };
            let column = Column::Text(key(&name));
            properties.push((name, schema));
            return column;
        }
        let column = Column::plain(&name);
        properties.push((name, schema.clone()));
        column
    }
}

/// Whether a schema allows values of this type.
pub(super) fn allows(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|other| other == kind),
        other => other == kind,
    }
}

/// The first letters of a name's words, `ba` for `billing_address`; the first three of a single word.
fn shortened(name: &str) -> String {
    let mut camel = String::new();
    let mut begins = true;
    for c in name.chars() {
        match c {
            // An underscore at the start, or after another one, is a letter of its own.
            '_' if !begins => begins = true,
            c if begins => {
                camel.extend(c.to_uppercase());
                begins = false;
            }
            c => camel.push(c),
        }
    }
    if begins {
        camel.push('_');
    }
    let initials: String = camel.chars().filter(|c| !c.is_ascii_lowercase()).collect();
    let short = if initials.chars().count() > 1 { initials } else { name.chars().take(3).collect() };
    short.to_lowercase()
}

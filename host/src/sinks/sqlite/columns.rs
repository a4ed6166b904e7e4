//! The columns of a stream's table: what the SCHEMA says of a field, and how SQLite holds it.

use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

/// SQLite's own limit is 2000; a statement holds as many parameters.
const MAX_COLUMNS: usize = 2000;
const MAX_NAME: usize = 128;

/// How a column holds its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// INTEGER; what does not fit 64 bits keeps its digits as a BLOB, since SQLite would make a float of the same TEXT.
    Integer,
    /// INTEGER, 0 or 1.
    Boolean,
    /// Two columns: REAL, to compare and to count with, and the digits as they came, as TEXT.
    Decimal,
    /// TEXT: the text itself, a number's digits, or JSON.
    Text,
}

impl ColumnKind {
    pub(super) fn declared(self) -> &'static str {
        match self {
            ColumnKind::Integer | ColumnKind::Boolean => "INTEGER",
            // What is stored.
            ColumnKind::Text | ColumnKind::Decimal => "TEXT",
        }
    }
}

/// What follows a decimal's name where its digits are.
const EXACT: &str = "__exact";

/// A column of a table.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
}

impl Column {
    /// The names of the columns that it takes in a table.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = vec![self.stored()];
        names.extend(self.made().map(|_| self.name.clone()));
        names
    }

    /// The name of the column that holds what came.
    pub(super) fn stored(&self) -> String {
        match self.kind {
            ColumnKind::Decimal => format!("{}{EXACT}", self.name),
            ColumnKind::Integer | ColumnKind::Boolean | ColumnKind::Text => self.name.clone(),
        }
    }

    /// The definition of the column that is made from what came.
    pub(super) fn made(&self) -> Option<String> {
        let is_made = self.kind == ColumnKind::Decimal;
        is_made.then(|| format!("{} REAL AS (CAST({} AS REAL)) VIRTUAL", quoted(&self.name), quoted(&self.stored())))
    }
}

/// The columns of a table, in the order of the SCHEMA.
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    /// The place of each field's column.
    pub(super) places: HashMap<String, usize>,
}

impl Columns {
    /// Reads the columns of a stream from its SCHEMA. The error says what is wrong with the message.
    pub(super) fn read(stream: &str, schema: &RawValue, keys: &[String]) -> Result<Columns, String> {
        let schema: Value = serde_json::from_str(schema.get()).map_err(|fault| format!("the SCHEMA of {stream}: {fault}"))?;
        let properties =
            schema.get("properties").and_then(Value::as_object).ok_or(format!("the SCHEMA of {stream} has no properties"))?;
        if properties.is_empty() || properties.len() > MAX_COLUMNS {
            return Err(format!("{stream} has {} fields; a table has 1 to {MAX_COLUMNS} columns", properties.len()));
        }
        if let Some(name) = properties.keys().find(|name| name.is_empty() || name.len() > MAX_NAME || name.contains('\0')) {
            return Err(format!("{stream} has a field {name:?}, which cannot be a column's name"));
        }
        if let Some(key) = keys.iter().find(|key| !properties.contains_key(*key)) {
            return Err(format!("the key {key:?} of {stream} is not among its fields"));
        }
        let column = |(name, schema): (&String, &Value)| match column_kind(schema) {
            // A key is compared by its text.
            ColumnKind::Decimal if keys.contains(name) => Column { name: name.clone(), kind: ColumnKind::Text },
            kind => Column { name: name.clone(), kind },
        };
        let columns: Vec<Column> = properties.iter().map(column).collect();
        let names: Vec<String> = columns.iter().flat_map(Column::names).collect();
        if names.len() > MAX_COLUMNS {
            return Err(format!("{stream} needs {} columns; a table has at most {MAX_COLUMNS}", names.len()));
        }
        let mut seen = HashSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(name.to_ascii_lowercase())) {
            return Err(format!("{stream} has two fields {name:?}, upper and lower case apart, which cannot be two columns"));
        }
        let places = columns.iter().enumerate().map(|(place, column)| (column.name.clone(), place)).collect();
        Ok(Columns { list: columns, places })
    }
}

/// INTEGER where a schema allows nothing but integers or nothing but booleans, a decimal where it allows other numbers, else TEXT.
fn column_kind(schema: &Value) -> ColumnKind {
    let mut types = HashSet::new();
    gather_types(schema, &mut types);
    types.remove("null");
    let are_all = |known: &[&str]| !types.is_empty() && types.iter().all(|name| known.contains(name));
    match () {
        () if are_all(&["integer"]) => ColumnKind::Integer,
        () if are_all(&["boolean"]) => ColumnKind::Boolean,
        () if are_all(&["integer", "number"]) => ColumnKind::Decimal,
        () => ColumnKind::Text,
    }
}

fn gather_types<'a>(schema: &'a Value, types: &mut HashSet<&'a str>) {
    match schema.get("type") {
        Some(Value::String(name)) => drop(types.insert(name)),
        Some(Value::Array(names)) => types.extend(names.iter().filter_map(Value::as_str)),
        _ => {}
    }
    for branch in ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        gather_types(branch, types);
    }
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names as SQL has them, with commas between them.
pub(super) fn list(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

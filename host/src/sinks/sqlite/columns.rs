//! The columns of a stream's table: how SQLite holds what the SCHEMA says of a field.

use super::super::columns::{Field, Fields, Kind, Limits, quoted, refuse_alike};
use serde_json::value::RawValue;

/// SQLite's own limit is 2000 columns; a statement holds as many parameters.
const LIMITS: Limits = Limits { holder: "a table", columns: 2000, name: 128 };

/// How a column holds its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// INTEGER. A number beyond 64 bits keeps its digits as a BLOB, because SQLite would turn the same TEXT into a float.
    Integer,
    /// INTEGER, 0 or 1.
    Boolean,
    /// Two columns: REAL, to compare and to count with, and the digits as they came, as TEXT.
    Decimal,
    /// TEXT: the text itself, a number's digits, or JSON.
    Text,
}

impl ColumnKind {
    fn of(field: &Field) -> ColumnKind {
        match field.kind {
            Kind::Integer => ColumnKind::Integer,
            Kind::Boolean => ColumnKind::Boolean,
            // A key is compared by its text.
            Kind::Decimal if !field.is_key => ColumnKind::Decimal,
            _ => ColumnKind::Text,
        }
    }

    pub(super) fn declared(self) -> &'static str {
        match self {
            ColumnKind::Integer | ColumnKind::Boolean => "INTEGER",
            // What is stored.
            ColumnKind::Text | ColumnKind::Decimal => "TEXT",
        }
    }
}

/// Suffix of the column with a decimal's digits.
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

    /// The definition of the column that is computed from the stored one.
    pub(super) fn made(&self) -> Option<String> {
        let is_made = self.kind == ColumnKind::Decimal;
        is_made.then(|| format!("{} REAL AS (CAST({} AS REAL)) VIRTUAL", quoted(&self.name), quoted(&self.stored())))
    }
}

/// The columns of a table, in the order of the SCHEMA.
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    /// What they hold, in the same order.
    pub(super) fields: Fields,
}

impl Columns {
    /// Reads the columns of a stream from its SCHEMA. The error says what is wrong with the message.
    pub(super) fn read(stream: &str, schema: &RawValue, keys: &[String]) -> Result<Columns, String> {
        let fields = Fields::read(stream, schema, keys, &LIMITS)?;
        let column = |field: &Field| Column { name: field.name.clone(), kind: ColumnKind::of(field) };
        let list: Vec<Column> = fields.list.iter().map(column).collect();
        let names: Vec<String> = list.iter().flat_map(Column::names).collect();
        if names.len() > LIMITS.columns {
            return Err(format!("{stream} needs {} columns; a table has at most {}", names.len(), LIMITS.columns));
        }
        refuse_alike(stream, &names)?;
        Ok(Columns { list, fields })
    }
}

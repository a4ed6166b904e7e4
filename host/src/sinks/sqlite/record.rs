//! A record's values, from JSON text to SQLite without a tree in between.

use super::super::fields::fields;
use super::table::{ColumnKind, Table};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The JSON text of each column's value, in the order of the columns.
pub(super) struct Slots<'a>(Vec<Option<&'a RawValue>>);

impl<'a> Slots<'a> {
    pub(super) fn read(table: &Table, record: &'a RawValue) -> serde_json::Result<Slots<'a>> {
        fields(record.get(), &table.index).map(Slots)
    }

    /// Whether a column has no value.
    pub(super) fn is_null(&self, table: &Table, column: &str) -> bool {
        let slot = table.index.get(column).and_then(|&place| self.0.get(place).copied().flatten());
        slot.is_none_or(|raw| raw.get() == "null")
    }

    pub(super) fn bind(&self, table: &Table, statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
        for (place, (slot, column)) in self.0.iter().zip(&table.columns).enumerate() {
            let value = slot.map_or(ToSqlOutput::Borrowed(ValueRef::Null), |raw| sql_value(raw.get(), column.kind));
            statement.raw_bind_parameter(place + 1, value)?;
        }
        Ok(())
    }
}

/// A value as a column of a kind holds it.
fn sql_value(json: &str, kind: ColumnKind) -> ToSqlOutput<'_> {
    let text = |text| ToSqlOutput::Borrowed(ValueRef::Text(str::as_bytes(text)));
    match (json.as_bytes().first(), kind) {
        (Some(b'n') | None, _) => ToSqlOutput::Borrowed(ValueRef::Null),
        (Some(b't'), ColumnKind::Boolean | ColumnKind::Integer) => ToSqlOutput::Owned(Value::Integer(1)),
        (Some(b'f'), ColumnKind::Boolean | ColumnKind::Integer) => ToSqlOutput::Owned(Value::Integer(0)),
        (Some(b'"'), _) => match unquoted(json) {
            Cow::Borrowed(inner) => text(inner),
            Cow::Owned(inner) => ToSqlOutput::Owned(Value::Text(inner)),
        },
        (Some(b'-' | b'0'..=b'9'), ColumnKind::Boolean | ColumnKind::Integer) => match json.parse() {
            Ok(number) => ToSqlOutput::Owned(Value::Integer(number)),
            Err(_) => ToSqlOutput::Borrowed(ValueRef::Blob(json.as_bytes())),
        },
        _ => text(json),
    }
}

/// The text of a JSON string.
fn unquoted(json: &str) -> Cow<'_, str> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        _ => serde_json::from_str::<String>(json).map_or(Cow::Borrowed(json), Cow::Owned),
    }
}

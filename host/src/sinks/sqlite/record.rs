//! A record's values, from JSON text to SQLite without a tree in between.

use super::super::columns::{Slots, unquoted};
use super::columns::{ColumnKind, Columns};
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use std::borrow::Cow;

/// Binds a record's values to the parameters of a statement.
pub(super) fn bind(slots: &Slots<'_>, columns: &Columns, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
    bind_places(slots, columns, 0..columns.list.len(), statement)
}

/// Binds the values of some columns to the first parameters.
pub(super) fn bind_some(
    slots: &Slots<'_>,
    columns: &Columns,
    some: &[String],
    statement: &mut Statement<'_>,
) -> rusqlite::Result<()> {
    let places = some.iter().filter_map(|column| columns.fields.place(column));
    bind_places(slots, columns, places, statement)
}

fn bind_places(
    slots: &Slots<'_>,
    columns: &Columns,
    places: impl Iterator<Item = usize>,
    statement: &mut Statement<'_>,
) -> rusqlite::Result<()> {
    for (parameter, place) in places.enumerate() {
        let value = slots.get(place).zip(columns.list.get(place));
        let value = value.map_or(ToSqlOutput::Borrowed(ValueRef::Null), |(json, column)| sql_value(json, column.kind));
        statement.raw_bind_parameter(parameter + 1, value)?;
    }
    Ok(())
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

//! A record's values, from JSON text to SQLite without a tree in between.

use super::columns::{ColumnKind, Columns};
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The JSON text of each column's value, in the order of the columns.
pub(super) struct Slots<'a>(Vec<Option<&'a RawValue>>);

impl<'a> Slots<'a> {
    pub(super) fn read(columns: &Columns, record: &'a RawValue) -> serde_json::Result<Slots<'a>> {
        let mut reader = serde_json::Deserializer::from_str(record.get());
        SlotReader(columns).deserialize(&mut reader)
    }

    /// Whether a column has no value.
    pub(super) fn is_null(&self, columns: &Columns, column: &str) -> bool {
        let slot = columns.places.get(column).and_then(|&place| self.0.get(place).copied().flatten());
        slot.is_none_or(|raw| raw.get() == "null")
    }

    /// Binds the values of some columns to the first parameters.
    pub(super) fn bind_some(&self, columns: &Columns, some: &[String], statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        let places = some.iter().filter_map(|column| columns.places.get(column).copied());
        self.bind_places(columns, places, statement)
    }

    pub(super) fn bind(&self, columns: &Columns, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        self.bind_places(columns, 0..columns.list.len(), statement)
    }

    fn bind_places(
        &self,
        columns: &Columns,
        places: impl Iterator<Item = usize>,
        statement: &mut Statement<'_>,
    ) -> rusqlite::Result<()> {
        for (parameter, place) in places.enumerate() {
            let value = self.0.get(place).copied().flatten().zip(columns.list.get(place));
            let value = value.map_or(ToSqlOutput::Borrowed(ValueRef::Null), |(raw, column)| sql_value(raw.get(), column.kind));
            statement.raw_bind_parameter(parameter + 1, value)?;
        }
        Ok(())
    }
}

/// Reads an object into [`Slots`]. Fields that are no columns are passed over.
struct SlotReader<'t>(&'t Columns);

impl<'de> DeserializeSeed<'de> for SlotReader<'_> {
    type Value = Slots<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slots<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SlotReader<'_> {
    type Value = Slots<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Slots<'de>, A::Error> {
        let mut slots = vec![None; self.0.list.len()];
        while let Some(Name(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if let Some(slot) = self.0.places.get(name.as_ref()).and_then(|&place| slots.get_mut(place)) {
                *slot = Some(value);
            }
        }
        Ok(Slots(slots))
    }
}

/// A field's name, copied only if it is escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

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

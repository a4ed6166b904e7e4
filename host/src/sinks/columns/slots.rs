//! Finds a record's value for each column without building a JSON tree.

use super::Fields;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The JSON text of each field's value, in the order of the fields.
pub(in super::super) struct Slots<'a>(Vec<Option<&'a RawValue>>);

impl<'a> Slots<'a> {
    /// Reads a record. The error says how it is no object.
    pub(in super::super) fn read(fields: &Fields, record: &'a RawValue) -> serde_json::Result<Slots<'a>> {
        let mut reader = serde_json::Deserializer::from_str(record.get());
        SlotReader(fields).deserialize(&mut reader)
    }

    /// The value at a place; none if it is null or missing.
    pub(in super::super) fn get(&self, place: usize) -> Option<&'a str> {
        self.0.get(place).copied().flatten().map(RawValue::get).filter(|json| *json != "null")
    }
}

/// Reads an object into [`Slots`]. Fields that are no columns are passed over.
struct SlotReader<'t>(&'t Fields);

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
            if let Some(slot) = self.0.place(&name).and_then(|place| slots.get_mut(place)) {
                *slot = Some(value);
            }
        }
        Ok(Slots(slots))
    }
}

/// A field's name, copied only if it is escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text of a JSON string.
pub(in super::super) fn unquoted(json: &str) -> Cow<'_, str> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        _ => serde_json::from_str::<String>(json).map_or(Cow::Borrowed(json), Cow::Owned),
    }
}

//! Some fields of a record, by name, without a tree of the whole.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// The JSON text of those fields of an object that have a place, each at its place. Other fields are passed over.
///
/// The places are 0, 1, 2 and so on.
pub(super) fn fields<'a>(record: &'a str, places: &HashMap<String, usize>) -> serde_json::Result<Vec<Option<&'a RawValue>>> {
    FieldReader(places).deserialize(&mut serde_json::Deserializer::from_str(record))
}

struct FieldReader<'t>(&'t HashMap<String, usize>);

impl<'de> DeserializeSeed<'de> for FieldReader<'_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldReader<'_> {
    type Value = Vec<Option<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.0.len()];
        while let Some(Name(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            if let Some(slot) = self.0.get(name.as_ref()).and_then(|&place| found.get_mut(place)) {
                *slot = Some(value);
            }
        }
        Ok(found)
    }
}

/// A field's name, copied only if it is escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

//! What a walk needs to know of a record, read without the rest.

use crate::dates;
use crate::json::Key;
use chrono::{DateTime, Utc};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The fields of a record that a walk goes by, as they came. As in the transform, the first of equal keys counts, and one with spaces
/// around it where the exact one is absent.
#[derive(Default)]
pub(crate) struct Head<'a> {
    id: Option<&'a RawValue>,
    date_modified: Option<&'a RawValue>,
}

impl<'a> Head<'a> {
    /// Reads a record; none if it is no object.
    pub(crate) fn read(row: &'a RawValue) -> Option<Head<'a>> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Head<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
                let (mut head, mut padded) = (Head::default(), Head::default());
                while let Some(Key(key)) = map.next_key()? {
                    let value: &RawValue = map.next_value()?;
                    let name = key.trim();
                    let found = if name.len() == key.len() { &mut head } else { &mut padded };
                    match name {
                        "id" => drop(found.id.get_or_insert(value)),
                        "date_modified" => drop(found.date_modified.get_or_insert(value)),
                        _ => {}
                    }
                }
                Ok(Head { id: head.id.or(padded.id), date_modified: head.date_modified.or(padded.date_modified) })
            }
        }
        serde_json::Deserializer::from_str(row.get()).deserialize_map(Read).ok()
    }

    /// The id, from a number or from its digits, written as a number is.
    pub(crate) fn id(&self) -> Option<u64> {
        let digits = self.id?.get().trim_matches('"');
        digits.parse().ok().filter(|id: &u64| id.to_string() == digits)
    }

    /// The modification date, if there is one that can be read.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        dates::parse(&serde_json::from_str::<String>(self.date_modified?.get()).ok()?)
    }
}

/// The id of a row, if it has one.
pub(crate) fn id_of(row: &RawValue) -> Option<u64> {
    Head::read(row)?.id()
}

//! What a walk needs to know of a record, read without the rest.

use crate::dates;
use crate::hash::LEAST_ROUNDED;
use crate::json::{self, Key, scalar};
use crate::streams::List;
use chrono::{DateTime, Utc};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The fields of a record that a walk goes by, as they came. As in the transform, the first of equal keys counts, and one with spaces
/// around it where the exact one is absent.
#[derive(Default)]
pub(crate) struct Head<'a> {
    id: Option<&'a RawValue>,
    date: Option<&'a RawValue>,
}

/// The names of those fields.
#[derive(Clone, Copy)]
struct Names<'n> {
    id: Option<&'n str>,
    date: Option<&'n str>,
}

impl<'a> Head<'a> {
    /// Reads a record of a list; none if it is not an object.
    pub(crate) fn read(row: &'a RawValue, list: &List) -> Option<Head<'a>> {
        Names { id: list.id(), date: list.date() }.deserialize(&mut serde_json::Deserializer::from_str(row.get())).ok()
    }

    /// The id, from a number or from its digits, written as a number is. It stands in the STATE, which goes through other tools: one that they would
    /// round is not read.
    pub(crate) fn id(&self) -> Option<u64> {
        let digits = self.id?.get().trim_matches('"');
        digits.parse().ok().filter(|id: &u64| *id < LEAST_ROUNDED && id.to_string() == digits)
    }

    /// The date, if there is one that can be read.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        dates::parse(&serde_json::from_str::<String>(self.date?.get()).ok()?)
    }
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = Head<'de>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Head<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = Head<'de>;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
        let (mut head, mut padded) = (Head::default(), Head::default());
        while let Some(Key(key)) = map.next_key()? {
            let name = key.trim();
            let found = if name.len() == key.len() { &mut head } else { &mut padded };
            let place = match name {
                name if Some(name) == self.id => &mut found.id,
                name if Some(name) == self.date => &mut found.date,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value: &RawValue = map.next_value()?;
            place.get_or_insert(value);
        }
        Ok(Head { id: head.id.or(padded.id), date: head.date.or(padded.date) })
    }
}

/// The id of a row of a list, if it has one.
pub(crate) fn id_of(row: &RawValue, list: &List) -> Option<u64> {
    Head::read(row, list)?.id()
}

/// What stands for a row: the values of its key, or all of it where they cannot be read.
pub(crate) fn stand_in(row: &RawValue, key: &[&str]) -> String {
    mark(row, key).unwrap_or_else(|| row.get().to_owned())
}

/// What tells a row from others: the values of its key. None: it does not say.
pub(crate) fn mark(row: &RawValue, key: &[&str]) -> Option<String> {
    let parts: Option<Vec<_>> = key.iter().map(|name| json::at(row, name).and_then(|value| scalar(value.get()))).collect();
    parts.map(|parts| parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::brands;

    #[test]
    fn an_id_that_other_tools_would_round_is_not_read() {
        let read = |id: &str| {
            let row = RawValue::from_string(format!(r#"{{"id": {id}}}"#)).unwrap();
            id_of(&row, &brands::LIST)
        };
        assert_eq!((read("7"), read("\"7\"")), (Some(7), Some(7)));
        assert_eq!(read("9007199254740991"), Some(9_007_199_254_740_991));
        for none in ["9007199254740992", "18446744073709551615", "\"007\"", "-1", "1.5", "null"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}

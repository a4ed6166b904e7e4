//! What a walk needs to know of a record, read without the rest.

use crate::dates;
use crate::hash::LEAST_ROUNDED;
use crate::json::{self, members, scalar, unquoted};
use crate::streams::List;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

/// The fields of a record that a walk needs, unparsed. As in the transform, the first of duplicate keys counts, and a key with
/// spaces around it counts if the exact one is missing.
#[derive(Default)]
pub(crate) struct Head<'a> {
    id: Option<&'a str>,
    date: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// Reads a record of a list, as far as it has to; none if it is not an object.
    pub(crate) fn read(row: &'a RawValue, list: &List) -> Option<Head<'a>> {
        let (mut exact, mut padded) = (Head::default(), Head::default());
        for (key, value) in members(row.get())? {
            let name = key.trim();
            let found = if name.len() == key.len() { &mut exact } else { &mut padded };
            if Some(name) == list.id() {
                found.id.get_or_insert(value);
            } else if Some(name) == list.date() {
                found.date.get_or_insert(value);
            } else {
                continue;
            }
            if exact.id.is_some() == list.id().is_some() && exact.date.is_some() == list.date().is_some() {
                break;
            }
        }
        Some(Head { id: exact.id.or(padded.id), date: exact.date.or(padded.date) })
    }

    /// The id, from a number, or from a string that has the form of a number. It is written to the STATE, which other tools read:
    /// an id that they would round is rejected.
    pub(crate) fn id(&self) -> Option<u64> {
        let digits = self.id?.trim_matches('"');
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        digits.parse().ok().filter(|id: &u64| is_plain && *id < LEAST_ROUNDED)
    }

    /// The date, if there is one that can be read.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        dates::parse(&unquoted(self.date?)?)
    }
}

/// The id of a row of a list, if it has one.
pub(crate) fn id_of(row: &RawValue, list: &List) -> Option<u64> {
    Head::read(row, list)?.id()
}

/// A text that identifies a row: the values of its key, or the whole row if they cannot be read.
pub(crate) fn stand_in(row: &RawValue, key: &[&str]) -> String {
    mark(row, key).unwrap_or_else(|| row.get().to_owned())
}

/// The values of a row's key, as one text. None if a part of the key is missing.
pub(crate) fn mark(row: &RawValue, key: &[&str]) -> Option<String> {
    let parts: Option<Vec<_>> = key.iter().map(|name| json::at(row.get(), name).and_then(scalar)).collect();
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

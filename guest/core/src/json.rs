//! Reading JSON text without parsing it into a tree: values stay the bytes that came.

mod scan;

pub(crate) use scan::{Members, has_escape, items, members};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The key that the store adds to a list it has cut short.
pub(crate) const CUT: &str = "__warning__";

/// An object's key, borrowed if it has no escape. In a key that is not valid Unicode (half of a surrogate pair), the invalid part
/// is replaced.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Key<'de>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Key<'de>, E> {
                Ok(Key(String::from_utf8_lossy(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
        }
        from.deserialize_bytes(Read)
    }
}

/// A key as messages show it: one that is no plain name is not shown, since it may hold anything.
pub(crate) fn shown(key: &str) -> &str {
    let plain =
        (1..=64).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':'));
    if plain { key } else { "(a name of another form)" }
}

/// The value under a key of a JSON object, or at an index of a list, as it came. Of equal keys the first counts; a key with spaces around
/// it counts where the exact one is absent. None: no such value.
pub fn peek<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut padded = None;
    for (other, value) in members(text).into_iter().flatten() {
        if other == key {
            return Some(value);
        }
        if padded.is_none() && other.trim() == key {
            padded = Some(value);
        }
    }
    padded.or_else(|| items(text)?.nth(key.parse().ok()?))
}

/// The value at a path of names with points between them.
pub(crate) fn at<'a>(text: &'a str, path: &str) -> Option<&'a str> {
    path.split('.').try_fold(text, peek)
}

/// The rows of a list. PHP sends a list whose first rows are gone as an object with numbers for keys: `{"0": …, "2": …}`; its rows come in
/// the order of those numbers. Anything else is an error.
pub(crate) struct Listed<R> {
    pub(crate) rows: Vec<R>,
    /// The store says that it has cut the list short.
    pub(crate) is_cut: bool,
}

impl<R> Listed<R> {
    fn whole(rows: Vec<R>) -> Listed<R> {
        Listed { rows, is_cut: false }
    }

    fn numbered(mut rows: Vec<(u64, R)>, is_cut: bool) -> Listed<R> {
        rows.sort_by_key(|(number, _)| *number);
        Listed { rows: rows.into_iter().map(|(_, row)| row).collect(), is_cut }
    }
}

/// From text that has not been checked yet.
impl<'de> Deserialize<'de> for Listed<&'de RawValue> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Listed<&'de RawValue>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = list.next_element()? {
                    rows.push(row);
                }
                Ok(Listed::whole(rows))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut rows, mut is_cut) = (Vec::new(), false);
                while let Some(Key(key)) = map.next_key()? {
                    if key == CUT {
                        is_cut = true;
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let number = digits(&key).ok_or_else(|| A::Error::custom("an object whose keys are no numbers"))?;
                    rows.push((number, map.next_value()?));
                }
                Ok(Listed::numbered(rows, is_cut))
            }
        }
        from.deserialize_any(Read)
    }
}

/// The rows of a list in either form; none if it is no list.
pub(crate) fn list(text: &str) -> Option<Listed<&str>> {
    if let Some(items) = items(text) {
        return Some(Listed::whole(items.collect()));
    }
    let (mut rows, mut is_cut) = (Vec::new(), false);
    for (key, value) in members(text)? {
        match key.as_ref() {
            CUT => is_cut = true,
            key => rows.push((digits(key)?, value)),
        }
    }
    Some(Listed::numbered(rows, is_cut))
}

/// How many rows a list has, in either form; 0 if it is no list.
pub(crate) fn length(text: &str) -> usize {
    list(text).map_or(0, |list| list.rows.len())
}

/// Whether a value is a link to a list, `{"url": …, "resource": …}`, and not a row of one.
pub(crate) fn is_link(text: &str) -> bool {
    let Some(mut members) = members(text) else { return false };
    let mut key = || members.next().map(|(key, _)| key);
    match [key(), key(), key()] {
        [Some(one), Some(other), None] => matches!((&*one, &*other), ("url", "resource") | ("resource", "url")),
        _ => false,
    }
}

/// The text of a JSON string; borrowed where it holds no escape. None for other values, and for what is no Unicode text.
pub(crate) fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    if !has_escape(inside) {
        return Some(inside.into());
    }
    serde_json::from_str::<Text>(text).ok().map(|text| text.0)
}

/// A number's digits, or a string's text. None for booleans, lists and objects.
pub(crate) fn scalar(text: &str) -> Option<Cow<'_, str>> {
    if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) { Some(text.into()) } else { unquoted(text) }
}

/// A count, from a number or from its text.
pub(crate) fn count(text: &str) -> Option<u64> {
    let text = scalar(text)?;
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    fraction.bytes().all(|b| b == b'0').then(|| digits(whole)).flatten()
}

fn digits(text: &str) -> Option<u64> {
    // `parse` alone takes a plus sign.
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_first_exact_key_or_else_by_a_padded_one() {
        for (object, found) in [
            (r#"{"b": 0, "a": 1, "a": 2}"#, Some("1")),
            (r#"{"a ": 1, "a": 2}"#, Some("2")),
            (r#"{" a": 1, "a ": 2}"#, Some("1")),
            (r#"{"A": 1}"#, None),
            ("[1]", None),
            ("\"a\"", None),
        ] {
            assert_eq!(peek(object, "a"), found, "{object}");
        }
        assert_eq!(peek("[5, 6]", "1"), Some("6"));
    }

    #[test]
    fn a_list_comes_in_two_forms() {
        fn rows(text: &str) -> Option<Vec<&str>> {
            list(text).map(|list| list.rows)
        }
        assert_eq!(rows("[1, 2]").unwrap(), ["1", "2"]);
        assert_eq!(rows(r#"{"10": 1, "2": 2}"#).unwrap(), ["2", "1"]);
        assert!(rows("{}").unwrap().is_empty());
        for other in [r#"{"0": 1, "a": 2}"#, r#"{"+1": 1}"#, r#"{"": 1}"#, "5", "null", "\"x\""] {
            assert!(rows(other).is_none(), "{other}");
        }
        let cut = r#"{"0": 1, "__warning__": {"message": "more"}}"#;
        assert!(list(cut).is_some_and(|list| list.is_cut && list.rows.len() == 1));
    }

    #[test]
    fn counts_are_read_from_numbers_and_from_text() {
        for (text, wanted) in [("12", Some(12)), ("\" 12 \"", Some(12)), ("12.0", Some(12)), ("0", Some(0))] {
            assert_eq!(count(text), wanted, "{text}");
        }
        for text in ["-1", "1.5", "\"\"", "null", "[]", "\"many\"", "1e3", "\"+1\"", "99999999999999999999"] {
            assert_eq!(count(text), None, "{text}");
        }
    }
}

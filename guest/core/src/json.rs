//! Reading JSON text without parsing it into a tree: values stay the bytes that came.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The key that the store adds to a list it has cut short.
pub(crate) const CUT: &str = "__warning__";

/// An object's key, borrowed where it holds no escape. One that is no Unicode text (half of an escaped pair) is read as far as it is.
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
pub fn peek<'a>(object: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    struct Find<'k>(&'k str);
    impl<'de> Visitor<'de> for Find<'_> {
        type Value = Option<&'de RawValue>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object or a list")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut exact, mut padded) = (None, None);
            while let Some(Key(key)) = map.next_key()? {
                let place = if key == self.0 { &mut exact } else { &mut padded };
                if place.is_none() && key.trim() == self.0 {
                    *place = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(exact.or(padded))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let wanted: usize = self.0.parse().map_err(|_| A::Error::custom("not an index"))?;
            let mut found = None;
            for place in 0.. {
                match list.next_element::<&RawValue>()? {
                    Some(item) if place == wanted => found = Some(item),
                    Some(_) => {}
                    None => break,
                }
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(object.get()).deserialize_any(Find(key)).ok().flatten()
}

/// The value at a path of names with points between them.
pub(crate) fn at<'a>(object: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    path.split('.').try_fold(object, peek)
}

/// The rows of a list. PHP sends a list whose first rows are gone as an object with numbers for keys: `{"0": …, "2": …}`; its rows come in
/// the order of those numbers. Anything else is an error.
#[derive(Default)]
pub(crate) struct Listed<'a> {
    pub(crate) rows: Vec<&'a RawValue>,
    /// The store says that it has cut the list short.
    pub(crate) is_cut: bool,
}

impl<'de> Deserialize<'de> for Listed<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Listed<'de>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Listed<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listed<'de>, A::Error> {
                let mut listed = Listed::default();
                while let Some(row) = list.next_element()? {
                    listed.rows.push(row);
                }
                Ok(listed)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listed<'de>, A::Error> {
                let (mut rows, mut is_cut) = (Vec::<(u64, &RawValue)>::new(), false);
                while let Some(Key(key)) = map.next_key()? {
                    if key == CUT {
                        is_cut = true;
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let number = digits(&key).ok_or_else(|| A::Error::custom("an object whose keys are no numbers"))?;
                    rows.push((number, map.next_value()?));
                }
                rows.sort_by_key(|(number, _)| *number);
                Ok(Listed { rows: rows.into_iter().map(|(_, row)| row).collect(), is_cut })
            }
        }
        from.deserialize_any(Read)
    }
}

/// The rows of a list in either form; none if it is no list.
pub(crate) fn list(raw: &RawValue) -> Option<Listed<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// How many rows a list has, in either form; 0 if it is no list.
pub fn length(raw: &RawValue) -> usize {
    list(raw).map_or(0, |list| list.rows.len())
}

/// Whether a value is a link to a list, `{"url": …, "resource": …}`, and not a row of one.
pub(crate) fn is_link(raw: &RawValue) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Link {
        #[serde(rename = "url")]
        _url: IgnoredAny,
        #[serde(rename = "resource")]
        _resource: IgnoredAny,
    }
    raw.get().starts_with('{') && serde_json::from_str::<Link>(raw.get()).is_ok()
}

/// The text of a JSON string; borrowed where it holds no escape. None for other values, and for what is no Unicode text.
pub(crate) fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    text.starts_with('"').then(|| serde_json::from_str::<Text>(text).ok()).flatten().map(|text| text.0)
}

/// A number's digits, or a string's text. None for booleans, lists and objects.
pub(crate) fn scalar(text: &str) -> Option<Cow<'_, str>> {
    if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) { Some(text.into()) } else { unquoted(text) }
}

/// A count, from a number or from its text.
pub(crate) fn count(raw: &RawValue) -> Option<u64> {
    let text = scalar(raw.get())?;
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

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

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
            assert_eq!(peek(&raw(object), "a").map(RawValue::get), found, "{object}");
        }
        assert_eq!(peek(&raw("[5, 6]"), "1").map(RawValue::get), Some("6"));
    }

    #[test]
    fn a_list_comes_in_two_forms() {
        let rows = |text: &str| list(&raw(text)).map(|list| list.rows.iter().map(|row| row.get().to_owned()).collect::<Vec<_>>());
        assert_eq!(rows("[1, 2]").unwrap(), ["1", "2"]);
        assert_eq!(rows(r#"{"10": 1, "2": 2}"#).unwrap(), ["2", "1"]);
        assert!(rows("{}").unwrap().is_empty());
        for other in [r#"{"0": 1, "a": 2}"#, r#"{"+1": 1}"#, r#"{"": 1}"#, "5", "null", "\"x\""] {
            assert!(rows(other).is_none(), "{other}");
        }
        let cut = raw(r#"{"0": 1, "__warning__": {"message": "more"}}"#);
        assert!(list(&cut).is_some_and(|list| list.is_cut && list.rows.len() == 1));
    }

    #[test]
    fn counts_are_read_from_numbers_and_from_text() {
        for (text, wanted) in [("12", Some(12)), ("\" 12 \"", Some(12)), ("12.0", Some(12)), ("0", Some(0))] {
            assert_eq!(count(&raw(text)), wanted, "{text}");
        }
        for text in ["-1", "1.5", "\"\"", "null", "[]", "\"many\"", "1e3", "\"+1\"", "99999999999999999999"] {
            assert_eq!(count(&raw(text)), None, "{text}");
        }
    }
}

//! Iterates over the members of JSON text that is known to be valid, as the rows of a page are. It reads each byte once, and none
//! after the wanted value. Malformed text gives unspecified values, never a panic.

use super::Key;
use std::borrow::Cow;

/// The members of an object, in the order of the text: keys and values as they came. None if it is something else.
pub(crate) fn members(text: &str) -> Option<Members<'_>> {
    text.starts_with('{').then_some(Members(Values { text, at: 1 }))
}

/// The items of a list. None if it is something else.
pub(crate) fn items(text: &str) -> Option<Items<'_>> {
    text.starts_with('[').then_some(Items(Values { text, at: 1 }))
}

pub(crate) struct Members<'a>(Values<'a>);
pub(crate) struct Items<'a>(Values<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, &'a str);
    fn next(&mut self) -> Option<Self::Item> {
        Some((key(self.0.next()?), self.0.next()?))
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        self.0.next()
    }
}

/// What is inside an object or a list, one value after the other. A member's key is one, too.
struct Values<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':') = bytes.get(self.at) {
            self.at += 1;
        }
        let start = self.at;
        self.at = end_of_value(bytes, start);
        self.text.get(start..self.at).filter(|value| !value.is_empty())
    }
}

/// A key without its quotes.
fn key(quoted: &str) -> Cow<'_, str> {
    let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    match has_escape(plain) {
        true => serde_json::from_str(quoted).map_or(Cow::Borrowed(plain), |Key(key)| key),
        false => Cow::Borrowed(plain),
    }
}

/// Whether a text has a backslash. Most are too short for memchr to pay off.
pub(crate) fn has_escape(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'\\')
}

fn end_of_value(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'"') => end_of_text(bytes, at),
        Some(b'{' | b'[') => end_of_nested(bytes, at),
        _ => {
            let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
            bytes.iter().skip(at).position(is_end).map_or(bytes.len(), |length| at + length)
        }
    }
}

fn end_of_nested(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = end_of_text(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    at
}

/// The end of the text whose first quote is here.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        // Eight bytes at a time, as long as none of them is special.
        while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let eight = u64::from_le_bytes(*eight);
            let special = first_equal(eight, b'"') | first_equal(eight, b'\\');
            if special != 0 {
                at += special.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}

/// Zero if none of the eight bytes equals `byte`; otherwise the lowest bit that is set lies in the first one that does.
fn first_equal(eight: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let differences = eight ^ (ONES * u64::from(byte));
    differences.wrapping_sub(ONES) & !differences & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use serde_json::value::RawValue;

    /// What serde reads of the same text.
    fn parsed(object: &str) -> Vec<(String, String)> {
        let members: serde_json::Map<String, Value> = serde_json::from_str(object).unwrap();
        let values: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_str(object).unwrap();
        members.keys().map(|key| (key.clone(), values[key].get().to_owned())).collect()
    }

    #[test]
    fn members_and_items_are_those_that_a_parser_reads() {
        let values = [
            "0",
            "-1.5e+9",
            "true",
            "null",
            "\"\"",
            "\"\\\"\"",
            "\"a\\\\\"",
            "\"1234567\"",
            "\"12345678\"",
            "\"1234567\\\"8\"",
            "\"},{]\u{e9}\u{1f600}\\u00e9\"",
            "{}",
            "[ ]",
            "{\"a\": [{\"]\": \"}\"}, \"\\\\\"]}",
            "[[], {\"b\" : 1}]",
        ];
        for (first, second) in values.iter().flat_map(|first| values.map(|second| (*first, second))) {
            for object in [
                format!("{{\"k\":{first},\"a \\u00e9\\\"\":{second}}}"),
                format!("{{ \"k\" : {first} ,\n\t\"a \\u00e9\\\"\" :\r\n{second} }}"),
            ] {
                let members: Vec<_> =
                    members(&object).unwrap().map(|(key, value)| (key.into_owned(), value.to_owned())).collect();
                assert_eq!(members, parsed(&object), "{object}");
            }
            let list = format!("[{first}, {second}\n]");
            assert_eq!(items(&list).unwrap().collect::<Vec<_>>(), [first, second], "{list}");
        }
        assert!(members("[]").is_none() && items("{}").is_none() && members("").is_none());
    }

    #[test]
    fn any_part_of_a_text_is_read_to_its_end() {
        let text = r#"{"a": [1, {"b": "\"]}"}], "é": "12345678\\", "c": -1e5, "d": {"e": []}}"#;
        for part in (0..text.len()).filter_map(|end| text.get(..end)) {
            let read = members(part).map_or(0, |members| members.map(|(key, value)| key.len() + value.len()).sum::<usize>());
            assert!(read <= part.len(), "{part}");
        }
    }
}

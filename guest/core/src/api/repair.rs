//! Repairs of bytes that no JSON parser takes, as old importers write them into a store: invalid UTF-8 and raw control characters inside
//! texts. Nothing else about an answer is corrected: what ends early or has another form is refused.

use crate::json::{self, items, members};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Write as _;

use super::MAX_BODY;

const MARK: &[u8] = "\u{feff}".as_bytes();
/// At most this many repaired strings of a body are traced to their fields.
const MOST_SPOTS: usize = 100_000;
/// Fields nested deeper than this are reported as the field that contains them.
const DEEPEST: usize = 8;

/// A value whose bytes were repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The row's place among the rows of its page.
    pub row: usize,
    /// The field, as a dotted path.
    pub field: String,
}

/// A body whose bytes were repaired.
pub(super) struct Repaired {
    pub(super) text: String,
    /// Where: one place for each text, ascending.
    spots: Vec<usize>,
}

/// The body without byte order marks before it.
pub(super) fn without_marks(mut body: &[u8]) -> &[u8] {
    while let Some(rest) = body.strip_prefix(MARK) {
        body = rest;
    }
    body
}

/// Replaces invalid UTF-8 with U+FFFD and escapes control characters inside strings. None if there is nothing to repair, or too
/// much.
pub(super) fn repair(body: &[u8]) -> Option<Repaired> {
    let mut repairer = Repairer::default();
    for chunk in body.utf8_chunks() {
        repairer.valid(chunk.valid());
        if !chunk.invalid().is_empty() {
            repairer.spot();
            repairer.escaped = false;
            repairer.text.push(char::REPLACEMENT_CHARACTER);
        }
        if repairer.text.len() > MAX_BODY {
            return None;
        }
    }
    let Repairer { text, spots, .. } = repairer;
    (!spots.is_empty()).then_some(Repaired { text, spots })
}

#[derive(Default)]
struct Repairer {
    text: String,
    spots: Vec<usize>,
    in_text: bool,
    /// The next character belongs to an escape.
    escaped: bool,
    /// The repair of this string is noted already.
    spotted: bool,
}

impl Repairer {
    fn valid(&mut self, piece: &str) {
        let mut from = 0;
        for (at, byte) in piece.bytes().enumerate() {
            // Escaping a control character after a backslash would change the text, so it stays and the body is refused.
            let escaped = std::mem::take(&mut self.escaped);
            match byte {
                b'"' if !escaped => (self.in_text, self.spotted) = (!self.in_text, false),
                b'\\' if self.in_text && !escaped => self.escaped = true,
                0..0x20 if self.in_text && !escaped => {
                    self.text.push_str(&piece[from..at]);
                    self.spot();
                    // Writing to a String cannot fail.
                    let _ = write!(self.text, "\\u{byte:04x}");
                    from = at + 1;
                }
                _ => {}
            }
        }
        self.text.push_str(&piece[from..]);
    }

    fn spot(&mut self) {
        if !std::mem::replace(&mut self.spotted, true) && self.spots.len() < MOST_SPOTS {
            self.spots.push(self.text.len());
        }
    }
}

impl Repaired {
    /// Which fields of which rows were repaired. The rows are parts of this text.
    pub(super) fn repairs(&self, rows: &[&RawValue]) -> Vec<Repair> {
        let mut repairs = Vec::new();
        for (row, raw) in rows.iter().enumerate() {
            let spots = self.inside(raw.get(), &self.spots);
            self.trace(raw.get(), spots, &mut Vec::new(), &mut |path| {
                let field = path.join(".");
                let repair = Repair { row, field: if field.is_empty() { json::shown("").to_owned() } else { field } };
                // Rows of a list inside the record share its path.
                if repairs.last() != Some(&repair) {
                    repairs.push(repair);
                }
            });
        }
        repairs
    }

    /// Those of the spots that lie inside a part of the text.
    fn inside<'s>(&self, part: &str, spots: &'s [usize]) -> &'s [usize] {
        let start = part.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        let end = start.saturating_add(part.len());
        &spots[spots.partition_point(|spot| *spot < start)..spots.partition_point(|spot| *spot < end)]
    }

    /// Calls `found` with the path of each value that has spots of its own.
    fn trace(&self, part: &str, spots: &[usize], path: &mut Vec<String>, found: &mut impl FnMut(&[String])) {
        if spots.is_empty() {
            return;
        }
        let children = if path.len() < DEEPEST { children(part) } else { Vec::new() };
        let mut own = spots.len();
        for (key, child) in children {
            let spots = self.inside(child, spots);
            own -= spots.len();
            path.push(json::shown(&key).to_owned());
            self.trace(child, spots, path, found);
            path.pop();
        }
        if own > 0 {
            found(path);
        }
    }
}

/// The values inside an object, or inside the objects of a list, by their keys.
fn children(part: &str) -> Vec<(Cow<'_, str>, &str)> {
    match members(part) {
        Some(members) => members.collect(),
        None => items(part).into_iter().flatten().filter_map(members).flatten().collect(),
    }
}

/// The JSON text with `\ufffd` for each escape that is half of a surrogate pair. None: there is none.
pub(crate) fn without_halves(text: &str) -> Option<String> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut repaired, mut from, mut at) = (String::new(), 0, 0);
    while let Some(next) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += next;
        let step = match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                repaired.push_str(&text[from..at]);
                repaired.push_str("\\ufffd");
                from = at + 6;
                6
            }
            _ => 2,
        };
        at += step;
    }
    (from > 0).then(|| repaired + &text[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced_and_whole_pairs_stay() {
        for (text, wanted) in [
            (r#""\ud800""#, r#""\ufffd""#),
            (r#""a\uDC00b""#, r#""a\ufffdb""#),
            (r#""\ud800\ud800\udc00""#, r#""\ufffd\ud800\udc00""#),
            (r#""\\\ud800""#, r#""\\\ufffd""#),
            (r#""\ud800\n\udfff""#, r#""\ufffd\n\ufffd""#),
            (r#"{"\ud83d": ["\ude00"]}"#, r#"{"\ufffd": ["\ufffd"]}"#),
        ] {
            assert_eq!(without_halves(text).as_deref(), Some(wanted), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(wanted).is_ok());
        }
        for whole in [r#""\ud83d\ude00""#, r#""\\ud800""#, r#""\u00e9 é""#, "\"\"", "12", r#""\u+d80""#] {
            assert_eq!(without_halves(whole), None, "{whole}");
        }
    }
}

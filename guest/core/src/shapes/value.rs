//! Evaluates expressions for one record. Nothing fails here: what raises an error in Python, such as comparing null by size,
//! gives false or null.

use super::grammar::{Affix, Comparison, Expr, FieldPath, Function};
use crate::json::{items, peek, unquoted};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A value of a record, or of an expression.
#[derive(Clone, Debug)]
pub(super) enum Found<'v> {
    Null,
    Bool(bool),
    /// As it is written, by JSON's grammar.
    Number(&'v str),
    Text(Cow<'v, str>),
    /// JSON text.
    List(&'v str),
    Object(&'v str),
}

impl<'v> Found<'v> {
    fn read(json: &'v str) -> Found<'v> {
        match json.as_bytes() {
            [b'"', ..] => unquoted(json).map_or(Found::Null, Found::Text),
            [b'[', ..] => Found::List(json),
            [b'{', ..] => Found::Object(json),
            b"true" => Found::Bool(true),
            b"false" => Found::Bool(false),
            [b'-' | b'0'..=b'9', ..] => Found::Number(json),
            _ => Found::Null,
        }
    }

    /// Whether Python counts it as true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Found::Null => false,
            Found::Bool(value) => *value,
            Found::Number(number) => number.parse::<f64>().is_ok_and(|number| number != 0.0),
            Found::Text(text) => !text.is_empty(),
            Found::List(json) | Found::Object(json) => json.len() > 2,
        }
    }

    /// Text as Python's `str` writes it. Null stays null.
    fn into_text(self) -> Option<Cow<'v, str>> {
        match self {
            Found::Null => None,
            Found::Bool(value) => Some(if value { "True" } else { "False" }.into()),
            Found::Text(text) => Some(text),
            Found::Number(text) | Found::List(text) | Found::Object(text) => Some(text.into()),
        }
    }

    fn as_number(&self) -> Option<&str> {
        match self {
            Found::Number(number) => Some(number),
            Found::Bool(value) => Some(if *value { "1" } else { "0" }),
            _ => None,
        }
    }

    /// How it compares. None: the two have no order.
    fn compare(&self, other: &Found) -> Option<Ordering> {
        if let (Some(one), Some(other)) = (self.as_number(), other.as_number()) {
            return match (one.parse::<i128>(), other.parse::<i128>()) {
                (Ok(one), Ok(other)) => Some(one.cmp(&other)),
                _ => one.parse::<f64>().ok()?.partial_cmp(&other.parse().ok()?),
            };
        }
        match (self, other) {
            (Found::Text(one), Found::Text(other)) => Some(one.cmp(other)),
            (Found::Null, Found::Null) => Some(Ordering::Equal),
            (Found::List(one), Found::List(other)) | (Found::Object(one), Found::Object(other)) if one == other => {
                Some(Ordering::Equal)
            }
            _ => None,
        }
    }

    fn is(&self, comparison: Comparison, other: &Found) -> bool {
        let order = self.compare(other);
        let are_null = matches!((self, other), (Found::Null, Found::Null));
        match comparison {
            Comparison::Equal | Comparison::Is => order == Some(Ordering::Equal),
            Comparison::NotEqual | Comparison::IsNot => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::LessEqual => !are_null && order.is_some_and(Ordering::is_le),
            Comparison::GreaterEqual => !are_null && order.is_some_and(Ordering::is_ge),
            Comparison::In => other.has(self),
            Comparison::NotIn => !other.has(self),
        }
    }

    /// Whether a list contains a value, or a text contains another text.
    fn has(&self, sought: &Found) -> bool {
        match (self, sought) {
            (Found::List(json), _) => {
                items(json).into_iter().flatten().any(|item| Found::read(item).is(Comparison::Equal, sought))
            }
            (Found::Text(text), Found::Text(part)) => text.contains(&**part),
            _ => false,
        }
    }

    /// Writes it as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Found::Null => out.extend_from_slice(b"null"),
            Found::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Found::Number(json) | Found::List(json) | Found::Object(json) => out.extend_from_slice(json.as_bytes()),
            Found::Text(text) => write_text(text, out),
        }
    }
}

/// Writes a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

impl FieldPath {
    /// Its value as it came. None: it is not there.
    pub(super) fn json<'v>(&self, slots: &[Option<&'v str>]) -> Option<&'v str> {
        let first = slots.get(self.slot).copied().flatten()?;
        self.names.iter().skip(1).try_fold(first, |json, name| if json.starts_with('{') { peek(json, name) } else { None })
    }
}

impl Expr {
    /// What it yields for a record, whose values are in their slots.
    pub(super) fn value<'v>(&'v self, slots: &[Option<&'v str>]) -> Found<'v> {
        match self {
            // A list only follows `in`, so it has no value of its own.
            Expr::Null | Expr::List(_) => Found::Null,
            Expr::Bool(value) => Found::Bool(*value),
            Expr::Number(number) => Found::Number(number),
            Expr::Text(text) => Found::Text(text.as_str().into()),
            Expr::Field(field) => field.json(slots).map_or(Found::Null, Found::read),
            Expr::Not(one) => Found::Bool(!one.value(slots).is_true()),
            Expr::All(all) => first(all, slots, false),
            Expr::Any(all) => first(all, slots, true),
            Expr::Compared(one, rest) => Found::Bool(are_all(one, rest, slots)),
            Expr::Joined(all) => {
                let texts = all.iter().map(|one| one.value(slots).into_text());
                texts.collect::<Option<Vec<_>>>().map_or(Found::Null, |texts| Found::Text(texts.concat().into()))
            }
            Expr::Call(Function::Bool, one) => Found::Bool(one.value(slots).is_true()),
            Expr::Call(function, one) => {
                one.value(slots).into_text().map_or(Found::Null, |text| Found::Text(call(*function, text)))
            }
            Expr::Affix(affix, text, part) => {
                let texts = text.value(slots).into_text().zip(part.value(slots).into_text());
                Found::Bool(texts.is_some_and(|(text, part)| match affix {
                    Affix::Start => text.starts_with(&*part),
                    Affix::End => text.ends_with(&*part),
                }))
            }
        }
    }
}

/// The first value that counts as `wanted`, or the last one, as Python's `and` and `or` have it.
fn first<'v>(all: &'v [Expr], slots: &[Option<&'v str>], wanted: bool) -> Found<'v> {
    let mut last = Found::Null;
    for one in all {
        last = one.value(slots);
        if last.is_true() == wanted {
            break;
        }
    }
    last
}

fn are_all<'v>(one: &'v Expr, rest: &'v [(Comparison, Expr)], slots: &[Option<&'v str>]) -> bool {
    let mut left = one.value(slots);
    for (comparison, right) in rest {
        if let Expr::List(items) = right {
            let has = items.iter().any(|item| left.is(Comparison::Equal, &item.value(slots)));
            if has != (*comparison == Comparison::In) {
                return false;
            }
            continue;
        }
        let right = right.value(slots);
        if !left.is(*comparison, &right) {
            return false;
        }
        left = right;
    }
    true
}

fn call(function: Function, text: Cow<'_, str>) -> Cow<'_, str> {
    match function {
        Function::Md5 => hex(&Md5::digest(text.as_bytes())),
        Function::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        Function::Lower => text.to_lowercase().into(),
        Function::Upper => text.to_uppercase().into(),
        Function::Strip => text.trim().to_owned().into(),
        Function::Str | Function::Bool => text,
    }
}

fn hex(digest: &[u8]) -> Cow<'static, str> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>().into()
}

//! Shapes and bytes that no documentation promises and real stores send.

use serde_json::{Map, Value};

use crate::http::Response;

/// The byte order mark in UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What is odd about every field of one name, at any depth of every answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OddField {
    /// A link, as v2 writes one for what is not included, although the request includes it.
    Link,
    /// A list comes as an object with numbers for names, one of which is missing: a PHP array with a gap.
    NumberedObject,
    /// `{}` in place of the value.
    EmptyObject,
    /// The name ends with a space.
    SpaceAfterName,
    /// A field that no documentation names comes right after it.
    FollowedBy(String, Value),
}

/// What is odd about every answer of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OddAnswer {
    /// `total` and `total_pages` count the rows of the page alone (v3).
    PageTotals,
    /// The list comes as an object with numbers for names, one of which is missing.
    NumberedRows,
    /// `"meta": []` (v3).
    MetaAsList,
    /// A byte order mark comes before the body.
    ByteOrderMark,
    /// The list is in an object, under this name (an order's fees, in the orders reference).
    Named(&'static str),
    /// A list of one row comes as that row (an order's fees, in the orders reference).
    RowAlone,
    /// A list without rows comes as [`Action::NoBody`](crate::Action::NoBody) instead of 204 (v2).
    NoBodyWhenEmpty,
    /// A list without rows comes as `{}`, as PHP writes an empty array (v3: `"data": {}`).
    EmptyObject,
}

/// Bytes inside a text that no JSON parser accepts.
///
/// ```
/// # use tap_bigcommerce_sandbox::{Kind, OddByte, Options, Request, Store};
/// # let mut store = Store::new(Options::default());
/// # let at = store.date_modified(Kind::ORDERS, 100).expect("an order");
/// store.edit(Kind::ORDERS, 100, at, |order| {
///     order.fields.insert("staff_notes".to_owned(), format!("Caf{}", OddByte::InvalidUtf8.mark()).into());
/// });
/// let request = Request::get("/stores/sandbox/v2/orders/100").with_header("X-Auth-Token", "sandbox-access-token");
/// assert!(String::from_utf8(store.respond(&request, at).body).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OddByte {
    /// A byte of Latin-1 (`é`) among UTF-8.
    InvalidUtf8,
    /// A vertical tab that is not escaped.
    ControlCharacter,
    /// `\ud800`, half of an escaped character.
    LoneSurrogate,
}

impl OddByte {
    const ALL: [Self; 3] = [Self::InvalidUtf8, Self::ControlCharacter, Self::LoneSurrogate];

    /// The character to put into a record's text. Answers have the odd byte in its place.
    #[must_use]
    pub const fn mark(self) -> char {
        match self {
            Self::InvalidUtf8 => '\u{10FFF0}',
            Self::ControlCharacter => '\u{10FFF1}',
            Self::LoneSurrogate => '\u{10FFF2}',
        }
    }

    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::InvalidUtf8 => b"\xE9",
            Self::ControlCharacter => b"\x0B",
            Self::LoneSurrogate => br"\ud800",
        }
    }
}

/// Puts the odd bytes in place of their marks.
pub(crate) fn write_odd_bytes(body: &mut Vec<u8>) {
    // The first byte of every mark, and of no other character that a store has.
    const LEAD: u8 = 0xF4;
    if !body.contains(&LEAD) {
        return;
    }
    let mut written = Vec::with_capacity(body.len());
    let mut rest = body.as_slice();
    while let Some(at) = rest.iter().position(|byte| *byte == LEAD) {
        let (before, marked) = rest.split_at(at);
        written.extend_from_slice(before);
        let found = OddByte::ALL.into_iter().find(|odd| marked.starts_with(odd.mark().encode_utf8(&mut [0; 4]).as_bytes()));
        let (bytes, length) = found.map_or((&marked[..1], 1), |odd| (odd.bytes(), odd.mark().len_utf8()));
        written.extend_from_slice(bytes);
        rest = &marked[length..];
    }
    written.extend_from_slice(rest);
    *body = written;
}

/// Makes the answer of the store with this hash odd.
pub(crate) fn spoil<'q>(
    response: Response,
    hash: &str,
    fields: impl Iterator<Item = (&'q String, &'q OddField)>,
    answers: impl Iterator<Item = &'q OddAnswer>,
) -> Response {
    let answers: Vec<&OddAnswer> = answers.collect();
    if response.status == 204 && answers.contains(&&OddAnswer::NoBodyWhenEmpty) {
        return Response::without_body();
    }
    if response.status == 204 && answers.contains(&&OddAnswer::EmptyObject) {
        return Response::json(200, &Map::new().into());
    }
    let Some(mut body) = response.value() else { return response };
    for (name, odd) in fields {
        spoil_field(&mut body, hash, name, odd);
    }
    let mut mark = false;
    for odd in answers {
        match odd {
            OddAnswer::PageTotals => count_page_alone(&mut body),
            OddAnswer::NumberedRows => match body.get_mut("data") {
                Some(rows) => number(rows),
                None => number(&mut body),
            },
            OddAnswer::MetaAsList => body["meta"] = Value::Array(Vec::new()),
            OddAnswer::ByteOrderMark => mark = true,
            OddAnswer::Named(name) => {
                let rows = body.take();
                body = Map::from_iter([((*name).to_owned(), rows)]).into();
            }
            OddAnswer::RowAlone => {
                if let Some([row]) = body.as_array_mut().map(Vec::as_mut_slice) {
                    body = row.take();
                }
            }
            OddAnswer::NoBodyWhenEmpty => {}
            OddAnswer::EmptyObject => {
                if let Some(rows) = body.get_mut("data").filter(|rows| rows.as_array().is_some_and(Vec::is_empty)) {
                    *rows = Map::new().into();
                }
            }
        }
    }
    let mut bytes = if mark { BYTE_ORDER_MARK.to_vec() } else { Vec::new() };
    bytes.extend(body.to_string().into_bytes());
    Response { body: bytes, ..response }
}

fn count_page_alone(body: &mut Value) {
    let Some(pagination) = body.pointer_mut("/meta/pagination").and_then(Value::as_object_mut) else { return };
    let count = pagination.get("count").and_then(Value::as_u64).unwrap_or(0);
    pagination.insert("total".to_owned(), count.into());
    pagination.insert("total_pages".to_owned(), count.min(1).into());
}

/// Turns a list into an object: `{"0": …, "2": …, "3": …}`.
fn number(value: &mut Value) {
    if let Value::Array(rows) = value {
        let name = |place: usize| if place == 0 { place } else { place + 1 }.to_string();
        let rows: Map<String, Value> =
            std::mem::take(rows).into_iter().enumerate().map(|(place, row)| (name(place), row)).collect();
        *value = rows.into();
    }
}

fn spoil_field(value: &mut Value, hash: &str, name: &str, odd: &OddField) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| spoil_field(value, hash, name, odd)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|value| spoil_field(value, hash, name, odd));
            if fields.contains_key(name) {
                *fields = with_odd_field(std::mem::take(fields), hash, name, odd);
            }
        }
        _ => {}
    }
}

fn with_odd_field(fields: Map<String, Value>, hash: &str, name: &str, odd: &OddField) -> Map<String, Value> {
    let id = fields.get("id").cloned().unwrap_or_default();
    let mut spoilt = Map::with_capacity(fields.len() + 1);
    for (known, mut value) in fields {
        if known != name {
            spoilt.insert(known, value);
            continue;
        }
        match odd {
            OddField::Link => {
                let resource = format!("/orders/{id}/{name}");
                let url = format!("https://api.bigcommerce.com/stores/{hash}/v2{resource}");
                spoilt.insert(known, object! { "url": url, "resource": resource }.into());
            }
            OddField::NumberedObject => {
                number(&mut value);
                spoilt.insert(known, value);
            }
            OddField::EmptyObject => drop(spoilt.insert(known, Map::new().into())),
            OddField::SpaceAfterName => drop(spoilt.insert(format!("{known} "), value)),
            OddField::FollowedBy(next, with) => {
                spoilt.insert(known, value);
                spoilt.insert(next.clone(), with.clone());
            }
        }
    }
    spoilt
}

//! A page of a list, as both versions of the API send it.

use super::repair;
pub use super::repair::Repair;
use crate::json::{self, Key, Listed, peek};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Which version's form a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// v2: a bare list; nothing at all where there are no rows.
    Bare,
    /// v3: `{"data": […], "meta": {…}}`.
    Envelope,
    /// One object, which is the only row: a record of API v2 under its own path.
    Object,
    /// A list of API v2 that is documented in three forms: a bare list, a list under this name, and one row alone.
    Named(&'static str),
}

/// The rows of one page, and what the page says of the list.
#[derive(Debug, Default)]
pub struct Listing {
    /// The rows as they came.
    pub rows: Vec<Box<RawValue>>,
    /// v3: how many rows the list has under the request's filters, where the page says so.
    pub total: Option<u64>,
    /// v3: the cursor of the last row, where the page has one.
    pub end_cursor: Option<String>,
    /// The values whose bytes had to be repaired. The other rows are as they came.
    pub repairs: Vec<Repair>,
}

impl Listing {
    /// Whether there are no rows, and nothing on the page says that there are.
    pub fn is_empty_as_it_says(&self) -> bool {
        self.rows.is_empty() && self.total.unwrap_or(0) == 0
    }

    /// Removes the rows that `keep` rejects, and their repairs. Returns how many.
    pub fn retain(&mut self, keep: impl Fn(&RawValue) -> bool) -> usize {
        let kept: Vec<bool> = self.rows.iter().map(|row| keep(row)).collect();
        let is_kept = |place: usize| kept.get(place).copied().unwrap_or(false);
        self.repairs.retain(|repair| is_kept(repair.row));
        for repair in &mut self.repairs {
            repair.row = (0..repair.row).filter(|place| is_kept(*place)).count();
        }
        let mut places = 0..;
        self.rows.retain(|_| places.next().is_some_and(is_kept));
        kept.len() - self.rows.len()
    }
}

fn is_empty_object(text: &str) -> bool {
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start() == "}")
}

/// The parts of a page, borrowed from its body.
#[derive(Default)]
struct Page<'a> {
    rows: Vec<&'a RawValue>,
    total: Option<u64>,
    end_cursor: Option<String>,
}

impl Form {
    /// Reads a page. An empty body is a list without rows, in either version. Bytes that are no JSON text are repaired if all else is in
    /// order. The error says what is wrong, without values.
    pub fn decode(self, body: &[u8]) -> Result<Listing, String> {
        if body.is_empty() && self != Form::Object {
            return Ok(Listing::default());
        }
        let body = repair::without_marks(body);
        let whole = |page: Page, repairs| {
            let rows = page.rows.into_iter().map(ToOwned::to_owned).collect();
            Listing { rows, total: page.total, end_cursor: page.end_cursor, repairs }
        };
        match self.page(body) {
            Ok(page) => Ok(whole(page, Vec::new())),
            Err(fault) => {
                let repaired = repair::repair(body).ok_or(fault)?;
                let page = self.page(repaired.text.as_bytes())?;
                let repairs = repaired.repairs(&page.rows);
                Ok(whole(page, repairs))
            }
        }
    }

    fn page(self, body: &[u8]) -> Result<Page<'_>, String> {
        match self {
            Form::Bare => {
                let wanted = "a JSON list";
                let Listed { rows, .. } = parse(body, wanted)?;
                // An empty object may be an error response, so it does not count as an empty list.
                match rows.is_empty() && !body.trim_ascii_start().starts_with(b"[") {
                    true => Err(format!("it should be {wanted}, but it is an empty object")),
                    false => Ok(Page { rows, ..Page::default() }),
                }
            }
            Form::Object => {
                let wanted = "a JSON object";
                let raw: &RawValue = parse(body, wanted)?;
                match raw.get().starts_with('{') {
                    true => Ok(Page { rows: vec![raw], ..Page::default() }),
                    false => Err(format!("it should be {wanted}, but it has another form")),
                }
            }
            Form::Named(name) => {
                let raw: &RawValue = parse(body, "JSON")?;
                let is_none = |text: &str| text == "null" || is_empty_object(text);
                match (peek(raw.get(), name), peek(raw.get(), "id")) {
                    (Some(list), _) if is_none(list) => Ok(Page::default()),
                    (None, None) if is_empty_object(raw.get()) => Ok(Page::default()),
                    (Some(list), _) => Form::Bare.page(list.as_bytes()),
                    (None, Some(_)) => Form::Object.page(body),
                    (None, None) => Form::Bare.page(body),
                }
            }
            Form::Envelope => {
                let Envelope { data, meta } = parse(body, ENVELOPE)?;
                let about = |list: &str, key: &str| peek(peek(meta?.get(), list)?, key);
                let total = about("pagination", "total").and_then(json::count);
                let end_cursor = about("cursor_pagination", "end_cursor").and_then(json::scalar);
                let end_cursor = end_cursor.filter(|cursor| !cursor.is_empty()).map(Cow::into_owned);
                match (data, total) {
                    (Some(Listed { rows, .. }), _) => Ok(Page { rows, total, end_cursor }),
                    (None, Some(0)) => Ok(Page { total, end_cursor, ..Page::default() }),
                    // There may be rows although `data` is null.
                    (None, _) => Err(format!("it should be {ENVELOPE}, but its \"data\" is null, and its total is not 0")),
                }
            }
        }
    }
}

const ENVELOPE: &str = "a JSON object with a list \"data\"";

struct Envelope<'a> {
    /// None: null.
    data: Option<Listed<&'a RawValue>>,
    /// Whatever it is: rows can be read without it.
    meta: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Envelope<'de>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Envelope<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(ENVELOPE)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
                let (mut data, mut meta) = (None, None);
                while let Some(Key(key)) = map.next_key()? {
                    match (key.as_ref(), &data, meta) {
                        ("data", None, _) => data = Some(map.next_value()?),
                        ("data", Some(_), _) => return Err(A::Error::duplicate_field("data")),
                        ("meta", _, None) => meta = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Envelope { data: data.ok_or_else(|| A::Error::missing_field("data"))?, meta })
            }
        }
        from.deserialize_map(Read)
    }
}

/// The smallest number of rows at which a store is known to cap its pages: 10 and 50 are documented.
const LEAST_CAP: usize = 10;

/// Whether a page is the last of its list. A full page never is, nor one that a store may have capped at a round number of rows.
/// Otherwise the total decides; without a total, the page must have fewer rows than any known cap.
pub fn is_last(came: usize, limit: usize, has_all: Option<bool>) -> bool {
    let may_be_cut = came > 0 && (came >= limit || came.is_multiple_of(LEAST_CAP));
    !may_be_cut && has_all.unwrap_or(came < limit.min(LEAST_CAP))
}

/// Reads the `count` of a count endpoint.
pub fn count(body: &[u8]) -> Result<u64, String> {
    let wanted = "a JSON object with a number \"count\"";
    any(body, wanted, |raw| peek(raw.get(), "count").and_then(json::count))?
        .ok_or_else(|| format!("it should be {wanted}, but it has another form"))
}

/// Whether the body is JSON of any form. The error says what is wrong, without values.
pub fn is_json(body: &[u8]) -> Result<(), String> {
    any(body, "JSON", |_| ())
}

/// Reads a body of any form.
fn any<T>(body: &[u8], wanted: &str, read: impl Fn(&RawValue) -> T) -> Result<T, String> {
    let body = repair::without_marks(body);
    match parse::<&RawValue>(body, wanted) {
        Ok(raw) => Ok(read(raw)),
        Err(fault) => parse(repair::repair(body).ok_or(fault)?.text.as_bytes(), wanted).map(read),
    }
}

fn parse<'a, D: Deserialize<'a>>(body: &'a [u8], wanted: &str) -> Result<D, String> {
    serde_json::from_slice(body).map_err(|fault| {
        let what = if fault.is_eof() { "it ends too early" } else { "it has another form" };
        format!(
            "it should be {wanted}, but {what} (byte {} of line {}; {} bytes in all)",
            fault.column(),
            fault.line(),
            body.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_is_an_empty_page_in_both_versions() {
        for form in [Form::Bare, Form::Envelope] {
            assert!(form.decode(b"").unwrap().rows.is_empty());
        }
    }

    #[test]
    fn the_envelope_tells_total_and_cursor_where_it_has_them() {
        let body = br#"{"data": [{"id": 1}], "meta": {"pagination": {"total": 9}, "cursor_pagination": {"end_cursor": "x", "links": {}}}}"#;
        let page = Form::Envelope.decode(body).unwrap();
        assert_eq!((page.rows.len(), page.total, page.end_cursor.as_deref()), (1, Some(9), Some("x")));
        let page = Form::Envelope.decode(br#"{"data": [], "meta": {}}"#).unwrap();
        assert_eq!((page.rows.len(), page.total, page.end_cursor), (0, None, None));
    }

    #[test]
    fn a_truncated_or_malformed_body_is_refused_without_showing_its_values() {
        for (form, body) in [
            (Form::Bare, &br#"[{"id": 1, "email": "a@b.c"}, {"i"#[..]),
            (Form::Bare, b"<html>"),
            (Form::Bare, b"{}"),
            (Form::Bare, b"null"),
            (Form::Bare, br#"{"status": 500, "message": "a@b.c"}"#),
            (Form::Envelope, b"[]"),
            (Form::Envelope, br#"{"meta": {"pagination": {"total": 0}}}"#),
            (Form::Envelope, br#"{"data": null}"#),
            (Form::Envelope, br#"{"data": null, "meta": {"pagination": {"total": 3}}}"#),
            (Form::Envelope, br#"{"data": [], "data": [{"email": "a@b.c"}]}"#),
            (Form::Envelope, br#"{"data": {"email": "a@b.c"}}"#),
            // Only bytes are repaired: a body that is cut short stays invalid.
            (Form::Bare, b"[{\"id\": 1, \"note\": \"\xff\"}, {\"i"),
            (Form::Bare, b"[{\"id\": 1}\x01]"),
            (Form::Bare, b"[{\"id\": 1, \"note\": \"\\\x01\"}]"),
            (Form::Bare, b"\xef\xbb\xbf"),
        ] {
            let why = form.decode(body).unwrap_err();
            assert!(!why.contains("a@b.c"), "{why}");
        }
    }

    #[test]
    fn rows_keep_their_bytes() {
        let page = Form::Bare.decode(br#"[{"total": "336.3200" }]"#).unwrap();
        assert_eq!(page.rows[0].get(), r#"{"total": "336.3200" }"#);
    }

    #[test]
    fn a_page_is_readable_whatever_its_meta_is() {
        for (meta, total, cursor) in [
            ("[]", None, None),
            ("null", None, None),
            ("\"\"", None, None),
            (r#"{"pagination": []}"#, None, None),
            (r#"{"pagination": null, "cursor_pagination": []}"#, None, None),
            (r#"{"pagination": {"total": "12"}}"#, Some(12), None),
            (r#"{"pagination": {"total": 12.0}, "cursor_pagination": {"end_cursor": 7}}"#, Some(12), Some("7")),
            (r#"{"pagination": {"total": -1}, "cursor_pagination": {"end_cursor": ""}}"#, None, None),
            (r#"{"pagination": {"total": {}}, "cursor_pagination": {"end_cursor": {}}}"#, None, None),
            (r#"{"pagination": {"total": 1, "total": 2}}, "meta": []"#, Some(1), None),
        ] {
            let page = Form::Envelope.decode(format!(r#"{{"data": [{{"id": 1}}], "meta": {meta}}}"#).as_bytes()).unwrap();
            assert_eq!((page.rows.len(), page.total, page.end_cursor.as_deref()), (1, total, cursor), "{meta}");
        }
        assert_eq!(Form::Envelope.decode(br#"{"data": [{"id": 1}]}"#).unwrap().total, None);
    }

    #[test]
    fn a_list_sent_as_an_object_with_numbers_for_keys_is_a_list() {
        let body = r#"{"10": {"id": 2}, "9": {"id": 1}}"#;
        let envelope = format!(r#"{{"data": {body}}}"#);
        for (form, body) in [(Form::Bare, body), (Form::Envelope, &envelope)] {
            let rows: Vec<String> = form.decode(body.as_bytes()).unwrap().rows.iter().map(|row| row.get().to_owned()).collect();
            assert_eq!(rows, [r#"{"id": 1}"#, r#"{"id": 2}"#]);
        }
        for empty in [r#"{"data": {}}"#, r#"{"data": null, "meta": {"pagination": {"total": 0}}}"#] {
            assert!(Form::Envelope.decode(empty.as_bytes()).unwrap().rows.is_empty(), "{empty}");
        }
    }

    #[test]
    fn a_list_that_is_documented_in_three_forms_is_read_in_each() {
        let rows = |body: &str| -> Vec<String> {
            let page = Form::Named("fees").decode(body.as_bytes()).unwrap();
            page.rows.iter().map(|row| row.get().to_owned()).collect()
        };
        for body in [
            r#"[{"id": 1}, {"id": 2}]"#,
            r#"{"fees": [{"id": 1}, {"id": 2}]}"#,
            r#"{"fees": {"0": {"id": 1}, "2": {"id": 2}}}"#,
            r#"{"0": {"id": 1}, "2": {"id": 2}}"#,
        ] {
            assert_eq!(rows(body), [r#"{"id": 1}"#, r#"{"id": 2}"#], "{body}");
        }
        assert_eq!(rows(r#"{"id": 1}"#), [r#"{"id": 1}"#]);
        for empty in ["", "[]", "{}", r#"{"fees": []}"#, r#"{"fees": {}}"#, r#"{"fees": null}"#] {
            assert!(rows(empty).is_empty(), "{empty}");
        }
        for other in [r#"{"status": 500}"#, r#"{"fees": 5}"#, "null", "5"] {
            assert!(Form::Named("fees").decode(other.as_bytes()).is_err(), "{other}");
        }
        let page = Form::Named("fees").decode(b"{\"fees\": [{\"id\": 1}, {\"id\": 2, \"a\": \"\x01\"}]}").unwrap();
        assert_eq!(page.repairs, [Repair { row: 1, field: "a".to_owned() }]);
    }

    #[test]
    fn bytes_that_are_no_json_are_repaired_and_named_by_row_and_field() {
        let rows = b"[{\"id\": 1, \"a\": \"clean\"}, {\"id\": 2, \"a\": \"x\xc3\", \"b\": {\"c\": [{\"d\": \"\t\n \x00\"}, {\"d\": \"\x1f\"}]}}, {\"e\xff@\": 1}]";
        let envelope = [&b"\xef\xbb\xbf{\"data\": "[..], rows, b", \"meta\": {\"x\": \"\x01\"}}"].concat();
        for (form, body) in [(Form::Bare, &rows[..]), (Form::Envelope, &envelope)] {
            let page = form.decode(body).unwrap();
            assert_eq!(page.rows[0].get(), r#"{"id": 1, "a": "clean"}"#);
            assert_eq!(
                page.rows[1].get(),
                "{\"id\": 2, \"a\": \"x\u{fffd}\", \"b\": {\"c\": [{\"d\": \"\\u0009\\u000a \\u0000\"}, {\"d\": \"\\u001f\"}]}}"
            );
            let repair = |row, field: &str| Repair { row, field: field.to_owned() };
            assert_eq!(page.repairs, [repair(1, "a"), repair(1, "b.c.d"), repair(2, "(a name of another form)")]);
        }
    }

    #[test]
    fn a_byte_order_mark_is_not_reported_as_a_repair() {
        let page = Form::Bare.decode(b"\xef\xbb\xbf\xef\xbb\xbf [{\"id\": 1}]").unwrap();
        assert_eq!((page.rows.len(), page.repairs), (1, Vec::new()));
    }

    #[test]
    fn counts_are_read_from_numbers_and_text_and_over_bad_bytes() {
        for body in [
            &br#"{"count": 12}"#[..],
            br#"{"count": "12"}"#,
            b"\xef\xbb\xbf{\"statuses\": [{\"name\": \"\xff\"}], \"count\": 12}",
        ] {
            assert_eq!(count(body), Ok(12));
        }
        for body in [&b"{}"[..], b"[]", b"", br#"{"count": -1}"#, br#"{"count": 12"#, br#"{"count": []}"#] {
            assert!(count(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
        assert!(is_json(b"{\"a\": \"\x01\"}").is_ok() && is_json(b"{\"a\": \"\x01").is_err());
    }
}

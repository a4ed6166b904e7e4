//! A page of a list, as both versions of the API send it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// Which version's form a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// v2: a bare list; nothing at all where there are no rows.
    Bare,
    /// v3: `{"data": […], "meta": {…}}`.
    Envelope,
}

/// The rows of one page, and what the page says of the list.
#[derive(Debug, Default)]
pub struct Rows {
    /// The rows as they came.
    pub rows: Vec<Box<RawValue>>,
    /// v3: how many rows the list has under the request's filters, where the page says so.
    pub total: Option<u64>,
    /// v3: the cursor of the last row, where the page has one.
    pub end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    data: Vec<Box<RawValue>>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    pagination: Option<Pagination>,
    cursor_pagination: Option<Cursors>,
}

#[derive(Deserialize)]
struct Pagination {
    total: Option<u64>,
}

#[derive(Deserialize)]
struct Cursors {
    end_cursor: Option<String>,
}

impl Form {
    /// Reads a page. An empty body is a page without rows, in either version. The error says what is wrong, without values.
    pub fn decode(self, body: &[u8]) -> Result<Rows, String> {
        if body.is_empty() {
            return Ok(Rows::default());
        }
        match self {
            Form::Bare => Ok(Rows { rows: parse(body, "a JSON list")?, ..Rows::default() }),
            Form::Envelope => {
                let Envelope { data, meta } = parse(body, "a JSON object with a list \"data\"")?;
                let total = meta.pagination.and_then(|pagination| pagination.total);
                let end_cursor =
                    meta.cursor_pagination.and_then(|cursors| cursors.end_cursor).filter(|cursor| !cursor.is_empty());
                Ok(Rows { rows: data, total, end_cursor })
            }
        }
    }
}

/// Reads the `count` of a count endpoint.
pub fn count(body: &[u8]) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct Count {
        count: u64,
    }
    parse::<Count>(body, "a JSON object with a number \"count\"").map(|counted| counted.count)
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
    fn what_is_cut_short_or_of_another_form_is_refused_without_its_values() {
        for (form, body) in [
            (Form::Bare, &br#"[{"id": 1, "email": "a@b.c"}, {"i"#[..]),
            (Form::Bare, b"<html>"),
            (Form::Bare, b"{}"),
            (Form::Envelope, b"[]"),
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
}

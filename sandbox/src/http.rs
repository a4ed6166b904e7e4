//! A request and a response as plain data.

use serde_json::Value;

/// One HTTP request, without a body: the API is read only here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// In capitals: `GET`.
    pub method: String,
    /// From the first slash up to the question mark, as sent.
    pub path: String,
    /// The part after the question mark, as sent (still percent-encoded); empty when there is none.
    pub query: String,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// A `GET` of a path with an optional query, without headers.
    #[must_use]
    pub fn get(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: "GET".to_owned(), path: path.to_owned(), query: query.to_owned(), headers: Vec::new() }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Path and query as one: `/stores/x/v2/orders?page=2`.
    #[must_use]
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// One HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// In the order they are sent. `Content-Length` and the like are the shell's.
    pub headers: Vec<(String, String)>,
    /// Not compressed.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with a JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::of_json(status, body.to_string().into_bytes())
    }

    /// A list as v2 sends it: 204 without a body when there are no rows (catalyst pull request 2410; bigcommerce-api-ruby issue 47).
    pub(crate) fn rows(rows: &[Value]) -> Self {
        match serde_json::to_vec(rows) {
            Ok(body) if !rows.is_empty() => Self::of_json(200, body),
            _ => Self::empty(204),
        }
    }

    fn of_json(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("Content-Type".to_owned(), "application/json".to_owned())], body }
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same answer with one more header.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// An answer that says it is compressed JSON and has no body.
    pub(crate) fn without_body() -> Self {
        Self::empty(200).with_header("Content-Type", "application/json").with_header("Content-Encoding", "gzip")
    }

    /// The body read as JSON; `None` when it is empty or no JSON.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

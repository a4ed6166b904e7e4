//! What the API says when it does not give data.

use serde_json::{Map, Value};

use crate::http::Response;

/// The two generations of the API: they differ in paging, dates and error bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V2,
    V3,
}

/// A request that gets no data.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: Option<u16>,
    message: String,
    about: Option<Box<(String, Value)>>,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status: Some(status), message: message.into(), about: None }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "The requested resource was not found.")
    }

    /// A parameter that cannot be used: 400 on v2, 422 on v3.
    pub(crate) fn parameter(name: &str, reason: &str) -> Self {
        let about = Some(Box::new((name.to_owned(), Value::from(reason))));
        Self { status: None, message: format!("The parameter {name} is not valid: {reason}"), about }
    }

    /// A v2 `limit` above the maximum: 413, with the maximum in `details.max_limit` (bigcommerce-api-python issue 59).
    pub(crate) fn too_large(maximum: usize) -> Self {
        let about = Some(Box::new(("max_limit".to_owned(), Value::from(maximum))));
        Self { status: Some(413), message: "The requested page is too large.".to_owned(), about }
    }

    /// As this version writes it: v2 an array of objects, v3 one object (orders, customers and products references).
    pub(crate) fn response(self, version: Version) -> Response {
        let details: Map<String, Value> = self.about.into_iter().map(|about| *about).collect();
        match version {
            Version::V2 => {
                let status = self.status.unwrap_or(400);
                let mut error = object! { "status": status, "message": self.message };
                if !details.is_empty() {
                    error.insert("details".to_owned(), Value::from(details));
                }
                Response::json(status, &Value::from(vec![error]))
            }
            Version::V3 => {
                let status = self.status.unwrap_or(422);
                let error = object! {
                    "status": status,
                    "title": self.message,
                    "type": "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes",
                    "errors": details,
                };
                Response::json(status, &Value::from(error))
            }
        }
    }
}

//! A request that is not served, as RFC 9457 has it.

use serde_json::json;

pub(crate) struct Refusal {
    pub(crate) status: u16,
    kind: &'static str,
    message: String,
    /// What HTTP requires in addition to the status.
    header: Option<(&'static str, &'static str)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, kind, message: message.into(), header: None }
    }

    pub(crate) fn with(self, name: &'static str, value: &'static str) -> Refusal {
        Refusal { header: Some((name, value)), ..self }
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, &'static str)> {
        std::iter::once(("content-type", "application/problem+json")).chain(self.header).collect()
    }

    /// A few hundred bytes, which fit into one write.
    pub(crate) fn body(&self) -> String {
        let title = match self.status {
            400 => "Bad Request",
            401 => "Unauthorized",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            413 => "Content Too Large",
            500 => "Internal Server Error",
            503 => "Service Unavailable",
            507 => "Insufficient Storage",
            _ => "Error",
        };
        json!({"type": "about:blank", "title": title, "status": self.status, "detail": self.message, "kind": self.kind})
            .to_string()
    }
}

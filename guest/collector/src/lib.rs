//! Takes lines of JSON over HTTP and appends them to files in a folder: `POST /lines/NAME`, one file for each name.
//!
//! A body is appended as a whole or not at all, so that a caller who gets no answer can send it again. It is kept in memory until it is whole.
#![deny(unsafe_code)]

mod batch;
mod file;
mod refusal;
mod settings;

use crate::file::Fault;
use crate::refusal::Refusal;
use crate::settings::Settings;
use serde_json::json;
use waki::bindings::exports::wasi::http::incoming_handler::Guest;
use waki::bindings::wasi::http::types::{Headers, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use waki::{ErrorCode, Method, Request};

/// Larger bodies are refused. A batch of the driver, with its largest line, fits.
const MOST_BODY: usize = 65 << 20;
/// Read at once from a body.
const CHUNK: u64 = 256 << 10;
/// So much of a body is read although it is refused: many clients read no answer before they have sent everything.
const MOST_UNUSED: usize = 1 << 20;

struct Collector;

#[allow(unsafe_code, reason = "generated")]
mod export {
    use super::Collector;
    waki::bindings::export!(Collector with_types_in waki::bindings);
}

/// Not through the attribute `waki::handler`: what that generates panics when the client is gone before it has its answer.
impl Guest for Collector {
    fn handle(request: IncomingRequest, response: ResponseOutparam) {
        match Request::try_from(request) {
            Ok(request) => respond(response, answer(&request)),
            Err(code) => ResponseOutparam::set(response, Err(code)),
        }
    }
}

fn answer(request: &Request) -> Result<String, Refusal> {
    if request.path() == "/health" {
        return Ok(json!({ "status": "ok" }).to_string());
    }
    let taken = take(request);
    if taken.is_err() {
        read_unused(request);
    }
    taken.map(|lines| json!({ "lines": lines }).to_string())
}

/// Appends the request's lines, and gives their number.
fn take(request: &Request) -> Result<u64, Refusal> {
    let settings = Settings::from_env()?;
    settings.authorize(request.headers().get_all("authorization").iter().map(waki::header::HeaderValue::as_bytes))?;
    let name = request.path().strip_prefix("/lines/").filter(|name| file::is_name(name)).ok_or_else(|| {
        let text = "there are POST /lines/NAME and GET /health; a NAME has up to 64 lower-case letters, digits, - and _";
        Refusal::new(404, "not-found", text)
    })?;
    if !matches!(request.method(), Method::Post) {
        return Err(Refusal::new(405, "method", "lines are sent with POST").with("allow", "POST"));
    }
    let body = body(request)?;
    let lines = batch::count(&body).map_err(|why| Refusal::new(400, "body", why))?;
    file::append(&settings.folder, name, &body)?;
    Ok(lines)
}

fn body(request: &Request) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    let truncated = |_| Refusal::new(400, "body", "the request's body was truncated; nothing of it was appended");
    while let Some(bytes) = request.chunk(CHUNK).map_err(truncated)? {
        if body.len() + bytes.len() > MOST_BODY {
            return Err(Refusal::new(413, "body", format!("a body may have {MOST_BODY} bytes at most; send the lines in parts")));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

fn read_unused(request: &Request) {
    let mut read = 0;
    while let Ok(Some(bytes)) = request.chunk(CHUNK) {
        read += bytes.len();
        if read > MOST_UNUSED {
            return;
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        match fault {
            Fault::Busy => {
                let text = "another request is appending to this file; send the lines again in a second";
                Refusal::new(503, "busy", text).with("retry-after", "1")
            }
            Fault::Full(fault) => {
                let text = format!(
                    "the lines cannot be written ({fault}); most likely the folder has no room. Nothing of them was kept: make room, and send them again"
                );
                Refusal::new(507, "full", text)
            }
            Fault::Io(fault) => {
                let text = format!(
                    "the lines cannot be appended ({fault}); see that the folder is granted with --dir and can be written"
                );
                Refusal::new(500, "file", text)
            }
        }
    }
}

fn respond(response: ResponseOutparam, answer: Result<String, Refusal>) {
    let (status, headers, body) = match answer {
        Ok(body) => (200, vec![("content-type", "application/json")], body),
        Err(refusal) => (refusal.status, refusal.headers(), refusal.body()),
    };
    let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let Ok(headers) = Headers::from_list(&headers) else {
        return ResponseOutparam::set(response, Err(ErrorCode::InternalError(None)));
    };
    let outgoing = OutgoingResponse::new(headers);
    let (Ok(()), Ok(to)) = (outgoing.set_status_code(status), outgoing.body()) else {
        return ResponseOutparam::set(response, Err(ErrorCode::InternalError(None)));
    };
    ResponseOutparam::set(response, Ok(outgoing));
    // A client that is gone gets no answer, and sends the lines again.
    if let Ok(stream) = to.write()
        && stream.blocking_write_and_flush(body.as_bytes()).is_ok()
    {
        drop(stream);
        let _ = OutgoingBody::finish(to, None);
    }
}

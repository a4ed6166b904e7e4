//! Takes lines of JSON over HTTP and appends them to files in a folder: `POST /lines/NAME`, one file for each name.
//!
//! A body is appended as a whole or not at all, so that a caller who gets no answer can send it again. It is kept in memory until it is whole.
#![deny(unsafe_code)]

mod batch;
mod body;
mod file;
mod refusal;
mod settings;

use crate::body::Body;
use crate::file::Fault;
use crate::refusal::Refusal;
use crate::settings::Settings;
use serde_json::json;
use waki::bindings::exports::wasi::http::incoming_handler::Guest;
use waki::bindings::wasi::http::types::{Headers, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use waki::{ErrorCode, Method};

struct Collector;

#[allow(unsafe_code, reason = "generated")]
mod export {
    use super::Collector;
    waki::bindings::export!(Collector with_types_in waki::bindings);
}

/// Does not use the attribute `waki::handler`: its generated code panics if the client disconnects before it gets the response.
impl Guest for Collector {
    fn handle(request: IncomingRequest, response: ResponseOutparam) {
        respond(response, answer(&request));
    }
}

fn answer(request: &IncomingRequest) -> Result<String, Refusal> {
    let path = request.path_with_query().unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    if path == "/health" {
        return Ok(json!({ "status": "ok" }).to_string());
    }
    let body = Body::of(request).ok_or_else(|| Refusal::new(400, "body", "the request's body cannot be read"))?;
    let taken = take(request, path, &body);
    if taken.is_err() {
        body.discard();
    }
    taken.map(|lines| json!({ "lines": lines }).to_string())
}

/// Appends the request's lines, and gives their number.
fn take(request: &IncomingRequest, path: &str, body: &Body) -> Result<u64, Refusal> {
    let settings = Settings::from_env()?;
    settings.authorize(request.headers().get(&"authorization".to_owned()).iter().map(Vec::as_slice))?;
    let name = path.strip_prefix("/lines/").filter(|name| file::is_name(name)).ok_or_else(|| {
        let text = "there are POST /lines/NAME and GET /health; a NAME has up to 64 lower-case letters, digits, - and _";
        Refusal::new(404, "not-found", text)
    })?;
    if !matches!(request.method(), Method::Post) {
        return Err(Refusal::new(405, "method", "lines are sent with POST").with("allow", "POST"));
    }
    let lines = body.whole()?;
    let count = batch::count(&lines).map_err(|why| Refusal::new(400, "body", why))?;
    file::append(&settings.folder, name, &lines)?;
    Ok(count)
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

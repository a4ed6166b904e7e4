//! The edge interface: an HTTP server's handler. `POST /sync` streams messages; `GET /discover`, `/about` and `/health`.
//!
//! Settings come from the environment, `TAP_BIGCOMMERCE_*`; a request may choose its store only if the operator allows it
//! ([`body`]). Without a bearer token of its own (`TAP_BIGCOMMERCE_EDGE_TOKEN`, at least 16 bytes) the interface serves only
//! `/health`.

mod body;

use crate::Tap;
use crate::clock::WasiClock;
use crate::log::Stderr;
use crate::sink::{StreamSink, Watch};
use crate::transport::WasiHttp;
use serde_json::json;
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::config;
use tap_bigcommerce_core::error::{Failure, Kind};
use tap_bigcommerce_core::log::{Level, Log};
use tap_bigcommerce_core::plan::Plan;
use tap_bigcommerce_core::singer::message::{MessageType, Sink, type_of};
use tap_bigcommerce_core::sync::sync;
use tap_bigcommerce_core::{about, discover};
use wasi::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wstd::runtime::block_on;

/// The response is opened at the latest after this many bytes, even if its first message is a STATE.
const MOST_WAITING: usize = 1 << 20;
/// A shorter token counts as not set.
const LEAST_TOKEN: usize = 16;
/// How often the handler checks whether its client is still there.
const LOOK: Duration = Duration::from_secs(1);
/// The wait before a response is truncated: a server may drop what it has not sent yet, which may include the last STATE.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl wasi::exports::http::incoming_handler::Guest for Tap {
    fn handle(request: IncomingRequest, response: ResponseOutparam) {
        block_on(async {
            match answer(&request).await {
                Ok(Answer::Whole(text)) => Responder::new(response, 200, &[JSON]).whole(text.as_bytes()).await,
                Ok(Answer::Sync(plan)) => stream(plan, response).await,
                Err(refusal) => refusal.send(response).await,
            }
        });
    }
}

type Header = (&'static str, &'static str);
const JSON: Header = ("content-type", "application/json");
/// A refusal, as RFC 9457 has it.
const PROBLEM: Header = ("content-type", "application/problem+json");
const LINES: Header = ("content-type", "application/x-ndjson");

enum Answer {
    Whole(String),
    Sync(Box<Plan>),
}

/// A request that is not served.
struct Refusal {
    status: u16,
    kind: &'static str,
    message: String,
    /// What HTTP requires in addition to the status.
    header: Option<Header>,
}

/// The phrase of a status, for the title of a problem that has no type of its own.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

impl Refusal {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, kind, message: message.into(), header: None }
    }

    fn with(self, header: Header) -> Refusal {
        Refusal { header: Some(header), ..self }
    }

    async fn send(self, response: ResponseOutparam) {
        let headers: Vec<Header> = std::iter::once(PROBLEM).chain(self.header).collect();
        let body = json!({
            "type": "about:blank",
            "title": title(self.status),
            "status": self.status,
            "detail": self.message,
            "kind": self.kind,
        });
        let body = body.to_string();
        Responder::new(response, self.status, &headers).whole(body.as_bytes()).await;
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        let status = match failure.kind {
            Kind::Catalog | Kind::State => 400,
            Kind::Config | Kind::Sink | Kind::Component => 500,
            Kind::Unauthorized | Kind::MissingScope | Kind::Unreachable | Kind::Api | Kind::SetAside => 502,
            Kind::RateLimited | Kind::Cancelled => 503,
        };
        Refusal::new(status, failure.kind.name(), failure.to_string())
    }
}

async fn answer(request: &IncomingRequest) -> Result<Answer, Refusal> {
    let target = request.path_with_query().unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let (wanted, named) = match path {
        "/health" => return Ok(Answer::Whole(json!({ "status": "ok" }).to_string())),
        "/sync" => (Method::Post, "POST"),
        "/discover" | "/about" => (Method::Get, "GET"),
        _ => return Err(Refusal::new(404, "not-found", "there are POST /sync, GET /discover, /about and /health")),
    };
    authorize(request)?;
    if std::mem::discriminant(&request.method()) != std::mem::discriminant(&wanted) {
        return Err(Refusal::new(405, "method", format!("{path} is for {named}")).with(("allow", named)));
    }
    match path {
        "/discover" => Ok(Answer::Whole(discover::catalog().to_string())),
        "/about" => Ok(Answer::Whole(about::about().to_string())),
        _ => Ok(Answer::Sync(Box::new(body::plan(request).await?))),
    }
}

/// Whether the request bears the interface's token.
fn authorize(request: &IncomingRequest) -> Result<(), Refusal> {
    let token = std::env::var(format!("{}EDGE_TOKEN", config::ENV_PREFIX)).unwrap_or_default();
    if token.len() < LEAST_TOKEN {
        let text = format!("set TAP_BIGCOMMERCE_EDGE_TOKEN to {LEAST_TOKEN} bytes or more; until then this interface is closed");
        return Err(Refusal::new(503, "closed", text));
    }
    let given = request.headers().get("authorization");
    let bearer = match given.as_slice() {
        [header] if header.len() > 7 && header[..7].eq_ignore_ascii_case(b"bearer ") => &header[7..],
        _ => &[],
    };
    // Compares every byte, so that the time does not reveal how much of a token is right.
    let same = bearer.len() == token.len() && bearer.iter().zip(token.as_bytes()).fold(0, |unlike, (a, b)| unlike | (a ^ b)) == 0;
    let text = "this needs the header Authorization: Bearer, with the interface's token";
    same.then_some(()).ok_or_else(|| Refusal::new(401, "unauthorized", text).with(("www-authenticate", "Bearer")))
}

/// Streams a run. The response begins with the first SCHEMA, so a failure before it still gets its own status. A failure after it
/// truncates the response, so that nobody takes it for complete. Records that are set aside do not truncate it: everything else
/// was read, and the STATE names them.
async fn stream(plan: Box<Plan>, response: ResponseOutparam) {
    let watch = Rc::new(OnceCell::new());
    let mut sink = LazySink::Waiting { response: Some(response), lines: Vec::new(), watch: watch.clone() };
    let result = sync(*plan, WasiHttp, WasiClock, Rc::new(Stderr), &mut sink, hung_up(watch)).await;
    let verdict = result.map_or_else(Some, |summary| summary.verdict());
    if let Some(failure) = &verdict {
        let level = if failure.kind == Kind::SetAside { Level::Warning } else { Level::Critical };
        Stderr.failure(level, failure);
    }
    match (sink, verdict.filter(|failure| failure.kind != Kind::SetAside)) {
        (LazySink::Open(responder), None) => responder.finish(),
        (LazySink::Waiting { response: Some(response), lines, .. }, None) => {
            Responder::new(response, 200, &[LINES]).whole(&lines).await
        }
        (LazySink::Waiting { response: Some(response), .. }, Some(failure)) => {
            Refusal::from(failure).send(response).await;
        }
        (LazySink::Open(responder), Some(failure)) => {
            if !matches!(failure.kind, Kind::Sink | Kind::Cancelled) {
                WasiClock.sleep(LAST_WORDS).await;
            }
            drop(responder);
        }
        (LazySink::Waiting { response: None, .. }, _) => {}
    }
}

/// Resolves when the client has closed its end of the response. A write would notice that too, but while the run waits for the quota or for
/// a slow store nothing is written.
async fn hung_up(watch: Rc<OnceCell<Watch>>) {
    while !watch.get().is_some_and(Watch::is_closed) {
        WasiClock.sleep(LOOK).await;
    }
}

/// Opens the response when there is more to say than a STATE.
enum LazySink {
    Waiting {
        response: Option<ResponseOutparam>,
        lines: Vec<u8>,
        /// Filled when the response is opened.
        watch: Rc<OnceCell<Watch>>,
    },
    Open(Responder),
}

impl LazySink {
    /// The stream of an open response.
    fn open(&mut self) -> Option<&mut StreamSink> {
        match self {
            LazySink::Open(responder) => responder.sink.as_mut(),
            LazySink::Waiting { .. } => None,
        }
    }
}

impl Sink for LazySink {
    async fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        let LazySink::Waiting { response, lines: waiting, watch } = self else {
            let LazySink::Open(responder) = self else { return Ok(()) };
            return responder.write(lines).await;
        };
        waiting.extend_from_slice(lines);
        if type_of(waiting) != Some(MessageType::Schema) && waiting.len() < MOST_WAITING {
            return Ok(());
        }
        let response = response.take().ok_or("the response is gone")?;
        let mut responder = Responder::new(response, 200, &[LINES]);
        if let Some(sink) = &responder.sink {
            // Set once: a response is opened once.
            let _ = watch.set(sink.watch());
        }
        let written = responder.write(waiting).await;
        *self = LazySink::Open(responder);
        written
    }

    fn flush(&mut self) -> Result<(), String> {
        self.open().map_or(Ok(()), Sink::flush)
    }

    async fn settle(&mut self) -> Result<(), String> {
        match self.open() {
            Some(sink) => sink.settle().await,
            None => Ok(()),
        }
    }
}

/// A response under way. If it is dropped before its end, the client sees that it is truncated.
struct Responder {
    // Declared before the body because fields drop in this order, and a child resource must be dropped before its parent.
    sink: Option<StreamSink>,
    body: Option<OutgoingBody>,
}

impl Responder {
    fn new(to: ResponseOutparam, status: u16, headers: &[Header]) -> Responder {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let headers = Fields::from_list(&headers).unwrap_or_else(|_| Fields::new());
        let response = OutgoingResponse::new(headers);
        // Fails only for an invalid status code.
        let _ = response.set_status_code(status);
        let body = response.body().ok();
        ResponseOutparam::set(to, Ok(response));
        let sink = body.as_ref().and_then(|body| body.write().ok()).map(StreamSink::new);
        Responder { sink, body }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match &mut self.sink {
            Some(sink) => sink.write(bytes).await,
            None => Err("the response takes no body".into()),
        }
    }

    async fn whole(mut self, bytes: &[u8]) {
        let settled = match &mut self.sink {
            Some(sink) => sink.write(bytes).await.is_ok() && sink.settle().await.is_ok(),
            None => false,
        };
        if settled {
            self.finish();
        }
    }

    fn finish(mut self) {
        drop(self.sink.take());
        if let Some(body) = self.body.take() {
            // Nothing to do if the client has disconnected.
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

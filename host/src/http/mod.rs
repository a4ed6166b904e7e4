//! The component's way out: what it may ask for, and how that is sent.

mod ask;
mod body;
pub(crate) mod client;
mod connector;
mod exchange;
mod fault;
mod link;
pub(crate) mod proxy;

use crate::account::Account;
use crate::log::LogHandler;
use crate::progress::{InFlight, Progress};
use ::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, USER_AGENT};
use ::http::uri::{Authority, Scheme};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use body::AnswerBody;
use bytes::Bytes;
use client::Client;
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error as HttpError, RequestOptions, WasiBody, WasiHttpHooks};

const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const AUTH_CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
/// The headers that the component chooses. No other one is sent: `content-length` or `transfer-encoding` would make the server take the next
/// request on the connection for a body, and others (`x-http-method-override`, `x-original-url`) change what a request asks for.
const FROM_COMPONENT: [HeaderName; 2] = [ACCEPT, USER_AGENT];
/// Requests in flight at once: the greatest `max_concurrency`. More of them wait.
const MAX_IN_FLIGHT: usize = 1024;
/// What holds for a request that sets no limits of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

type Sent = std::result::Result<(Response<WasiBody>, Background), HttpError>;
type Background = Box<dyn Future<Output = std::result::Result<(), HttpError>> + Send>;

/// Judges each request of one call, and sends what passes.
pub(crate) struct Gate {
    client: Client,
    door: Option<Arc<Door>>,
    places: Arc<Semaphore>,
    progress: Progress,
    log: LogHandler,
}

/// The one place that requests may go to, and the credentials that open it.
pub(crate) struct Door {
    scheme: Scheme,
    authority: String,
    prefix: String,
    token: HeaderValue,
    client_id: Option<HeaderValue>,
}

impl Door {
    pub(crate) fn new(account: Account) -> Door {
        Door {
            scheme: if account.origin.https { Scheme::HTTPS } else { Scheme::HTTP },
            authority: account.origin.authority,
            prefix: format!("/stores/{}/", account.store_hash),
            token: account.token,
            client_id: account.client_id,
        }
    }

    /// Why a request may not pass.
    fn refusal<B>(&self, request: &Request<B>) -> Option<&'static str> {
        let uri = request.uri();
        if uri.scheme() != Some(&self.scheme) || !uri.authority().is_some_and(|a| self.is_authority(a)) {
            return Some("it was for another origin than the config's api_url");
        }
        if request.method() != Method::GET {
            return Some("the tap only reads, so nothing but GET is sent");
        }
        if !self.is_below(uri) {
            return Some("its path is not below the store's own");
        }
        if has_credentials(request.headers()) {
            return Some("it bore credentials, which only the host may add");
        }
        None
    }

    fn is_authority(&self, authority: &Authority) -> bool {
        authority.as_str().eq_ignore_ascii_case(&self.authority)
    }

    /// Whether the path is below the store's. Paths of this API are plain; one that would need normalising (`..`, `//`, `%2f`, `\`) is not
    /// taken, so that no server can read it differently.
    fn is_below(&self, uri: &Uri) -> bool {
        let plain = |segment: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(legal)
        };
        uri.path().strip_prefix(&self.prefix).is_some_and(|rest| rest.split('/').all(plain))
    }

    /// The request as it is sent: of what the component made, the address and [`FROM_COMPONENT`].
    fn unlocked<B>(&self, request: &Request<B>) -> Request<Empty<Bytes>> {
        let mut sent = Request::new(Empty::new());
        sent.uri_mut().clone_from(request.uri());
        let headers = sent.headers_mut();
        for name in FROM_COMPONENT {
            if let Some(value) = request.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(AUTH_TOKEN, self.token.clone());
        if let Some(client_id) = &self.client_id {
            headers.insert(AUTH_CLIENT, client_id.clone());
        }
        sent
    }
}

fn has_credentials(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| [AUTHORIZATION, COOKIE].contains(name) || name.as_str().starts_with("x-auth"))
}

impl Gate {
    /// A gate for one call. Without a door the call needs no network, and gets none.
    pub(crate) fn new(client: Client, door: Option<Door>, progress: Progress, log: LogHandler) -> Gate {
        Gate { client, door: door.map(Arc::new), places: Arc::new(Semaphore::new(MAX_IN_FLIGHT)), progress, log }
    }

    pub(crate) fn log(&self) -> &LogHandler {
        &self.log
    }

    fn send<B>(&self, request: &Request<B>, options: RequestOptions) -> std::result::Result<Sending, HttpError> {
        let passed = match &self.door {
            None => Err("this call needs no network"),
            Some(door) => door.refusal(request).map_or_else(|| Ok(door.unlocked(request)), Err),
        };
        let request = passed.map_err(|why| {
            (self.log)(&format!("WARNING the component was refused a request: {why}"));
            HttpError::HttpRequestDenied
        })?;
        let (client, places, progress) = (self.client.clone(), self.places.clone(), self.progress.clone());
        Ok(Sending { client, places, request, options, progress })
    }
}

/// A request that has passed the gate.
struct Sending {
    client: Client,
    places: Arc<Semaphore>,
    request: Request<Empty<Bytes>>,
    options: RequestOptions,
    progress: Progress,
}

/// A request's place among those in flight, until its answer has been read or dropped.
struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: InFlight,
}

impl Sending {
    async fn answer(self) -> Sent {
        let limit = |limit: Option<Duration>| limit.unwrap_or(DEFAULT_TIMEOUT);
        // A pooled connection costs no connect time, a new one is made within the same wait.
        let first_byte = limit(self.options.connect_timeout).saturating_add(limit(self.options.first_byte_timeout));
        let (progress, places) = (self.progress.clone(), self.places);
        let answering = async {
            let permit = places.acquire_owned().await.map_err(|_| HttpError::ConnectionLimitReached)?;
            let place = Place { _permit: permit, _counted: self.progress.request() };
            let (answer, exchange) = self.client.send(&self.request).await?;
            Ok::<_, HttpError>((answer, (exchange, place)))
        };
        let answered = tokio::time::timeout(first_byte, answering).await;
        let (answer, held) = answered.map_err(|_| HttpError::HttpResponseTimeout)??;
        let (mut parts, incoming) = answer.into_parts();
        let gzip = parts.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip"));
        let gzip = gzip && !incoming.is_end_stream();
        if gzip {
            parts.headers.remove(CONTENT_ENCODING);
            parts.headers.remove(CONTENT_LENGTH);
        }
        let between_bytes = limit(self.options.between_bytes_timeout);
        let body = AnswerBody::new(incoming, gzip, between_bytes, progress, held);
        let background: Background = Box::new(async { Ok(()) });
        Ok((Response::from_parts(parts, body.boxed_unsync()), background))
    }
}

impl WasiHttpHooks for Gate {
    /// The pool sets it, in the form that the connection's protocol wants.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Background,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let sending = self.send(&request, options.unwrap_or_default());
        Box::new(async move { sending?.answer().await })
    }
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tls_tests;

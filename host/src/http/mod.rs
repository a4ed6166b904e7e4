//! The component's only way to the network: which requests it may make, and how they are sent.

mod body;
pub(crate) mod client;
mod connector;
mod exchange;
mod fault;
mod link;
pub(crate) mod proxy;

use crate::account::Grant;
use crate::event::{EventKind, Events};
use crate::limits::Limits;
use crate::log::Redactor;
use crate::network::Network;
use crate::progress::{InFlight, Progress};
use crate::spent::{Asked, Meter};
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
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error as HttpError, RequestOptions, WasiBody, WasiHttpHooks};

const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const AUTH_CLIENT: HeaderName = HeaderName::from_static("x-auth-client");
/// The only headers that the component may set. `content-length` or `transfer-encoding` would make the server read the next
/// request on the connection as a body, and others (`x-http-method-override`, `x-original-url`) change what a request means.
const FROM_COMPONENT: [HeaderName; 2] = [ACCEPT, USER_AGENT];
/// Refused requests that are named, one by one.
const MOST_REFUSALS: u64 = 100;
/// The time limit for a request that sets none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

type Sent = std::result::Result<(Response<WasiBody>, Background), HttpError>;
type Background = Box<dyn Future<Output = std::result::Result<(), HttpError>> + Send>;

/// Judges each request of one call, and sends what passes.
pub(crate) struct Gate {
    client: Client,
    door: Option<Arc<Door>>,
    redactor: Redactor,
    places: Places,
    longest_answer: u64,
    /// Requests that were refused so far.
    refused: AtomicU64,
    progress: Progress,
    meter: Meter,
    events: Events,
}

/// Permits for requests in flight. The run's own permit is held until the answer has been read. The one shared by all runs is
/// held only until the answer begins, so that a run whose sink is busy, and that reads no answers, does not block the others.
#[derive(Clone)]
struct Places {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

async fn take(places: Arc<Semaphore>) -> std::result::Result<OwnedSemaphorePermit, HttpError> {
    places.acquire_owned().await.map_err(|_| HttpError::ConnectionLimitReached)
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
    pub(crate) fn new(grant: Grant) -> Door {
        Door {
            scheme: if grant.origin.https { Scheme::HTTPS } else { Scheme::HTTP },
            authority: grant.origin.authority,
            prefix: format!("/stores/{}/", grant.store_hash),
            token: grant.token,
            client_id: grant.client_id,
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

    /// Whether the path is below the store's. This API's paths are plain, so a path that servers could read in different ways
    /// (`..`, `//`, `%2f`, `\`) is refused.
    fn is_below(&self, uri: &Uri) -> bool {
        let plain = |segment: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(legal)
        };
        uri.path().strip_prefix(&self.prefix).is_some_and(|rest| rest.split('/').all(plain))
    }

    /// The request to send. Only the URL and the [`FROM_COMPONENT`] headers are the component's.
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
    /// A gate for one call. Without a grant the call needs no network, and gets none.
    pub(crate) fn new(
        network: &Network,
        grant: Option<Grant>,
        progress: Progress,
        meter: Meter,
        events: Events,
        limits: &Limits,
    ) -> Gate {
        let any = grant.as_ref().is_some_and(|grant| grant.private_addresses);
        let own = Arc::new(Semaphore::new(limits.in_flight.clamp(1, Semaphore::MAX_PERMITS)));
        Gate {
            client: if any { network.0.any.clone() } else { network.0.public.clone() },
            redactor: grant.as_ref().map(Grant::redactor).unwrap_or_default(),
            door: grant.map(Door::new).map(Arc::new),
            places: Places { own, all: network.0.places.clone() },
            longest_answer: limits.answer,
            refused: AtomicU64::new(0),
            progress,
            meter,
            events,
        }
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Logs why a request is refused, but not every time: a component may try forever.
    fn refuse(&self, why: &str) {
        match self.refused.fetch_add(1, Ordering::Relaxed) {
            MOST_REFUSALS => self.events.warn("more requests from the component were refused; they are no longer reported"),
            said if said < MOST_REFUSALS => self.events.warn(&format!("a request from the component was refused: {why}")),
            _ => {}
        }
    }

    pub(crate) fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }

    fn send<B>(&self, request: &Request<B>, options: RequestOptions) -> std::result::Result<Sending, HttpError> {
        let passed = match &self.door {
            None => Err("this call needs no network"),
            Some(door) => door.refusal(request).map_or_else(|| Ok(door.unlocked(request)), Err),
        };
        let request = passed.map_err(|why| {
            self.refuse(why);
            HttpError::HttpRequestDenied
        })?;
        Ok(Sending {
            client: self.client.clone(),
            places: self.places.clone(),
            request,
            options,
            longest_answer: self.longest_answer,
            redactor: self.redactor.clone(),
            progress: self.progress.clone(),
            asked: self.meter.asks(),
            events: self.events.clone(),
        })
    }
}

/// A request that has passed the gate.
struct Sending {
    client: Client,
    places: Places,
    request: Request<Empty<Bytes>>,
    options: RequestOptions,
    longest_answer: u64,
    redactor: Redactor,
    progress: Progress,
    asked: Asked,
    events: Events,
}

/// A request's place among those in flight, until its answer has been read or dropped.
struct Place {
    // Declared first, so it is dropped first: the next request must not get the permit while this one still counts.
    _counted: InFlight,
    _permit: OwnedSemaphorePermit,
    asked: Asked,
}

impl Sending {
    async fn answer(self) -> Sent {
        let limit = |limit: Option<Duration>| limit.unwrap_or(DEFAULT_TIMEOUT);
        // A pooled connection costs no connect time, a new one is made within the same wait.
        let first_byte = limit(self.options.connect_timeout).saturating_add(limit(self.options.first_byte_timeout));
        // The store's time limit starts only after these permits.
        let own = take(self.places.own).await?;
        let one_of_all = take(self.places.all).await?;
        let mut place = Place { _permit: own, _counted: self.progress.request(), asked: self.asked };
        let begun = Instant::now();
        let answered = tokio::time::timeout(first_byte, self.client.send(&self.request)).await;
        let answered = answered.map_err(|_| HttpError::HttpResponseTimeout).and_then(|answered| answered);
        drop(one_of_all);
        let path = self.request.uri().path_and_query().map_or("", |path| path.as_str());
        let path = self.redactor.line(path);
        let status = answered.as_ref().ok().map(|(answer, _)| answer.status().as_u16());
        self.events.send(EventKind::Request { path: &path, status, took: begun.elapsed() });
        status.into_iter().for_each(|status| place.asked.answered(status));
        let (answer, exchange) = answered?;
        let (mut parts, incoming) = answer.into_parts();
        let gzip = parts.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip"));
        let gzip = gzip && !incoming.is_end_stream();
        if gzip {
            parts.headers.remove(CONTENT_ENCODING);
            parts.headers.remove(CONTENT_LENGTH);
        }
        let between_bytes = limit(self.options.between_bytes_timeout);
        let body = AnswerBody::new(incoming, gzip, between_bytes, self.longest_answer, self.progress, (exchange, place));
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

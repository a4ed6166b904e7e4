//! A request and its answer: which connection it uses, when it is sent again, and what happens to a connection that does not
//! answer.

use super::fault::{causes, wasi_error};
use super::link::{Answered, Links};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Locked, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use wasmtime_wasi_http::Error as HttpError;

/// How often a request is sent again that the server has not processed. A server that processes none is an error.
const MAX_RESENDS: usize = 5;
/// With this many origins, those that no request waits for are forgotten.
const MOST_ORIGINS: usize = 1000;
/// How long a request waits for a connection that another one opens, before it opens its own.
const MAX_TURN: Duration = Duration::from_secs(5);

/// The pool. Requests of this tap have no body.
type Pool = hyper_util::client::legacy::Client<Links, Empty<Bytes>>;
type Request = ::http::Request<Empty<Bytes>>;
type Response = ::http::Response<Incoming>;
type PoolError = hyper_util::client::legacy::Error;

/// The one HTTP client that all runs share. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Client {
    pool: Pool,
    /// By scheme and authority: a request waits only for connections to its own origin.
    turns: Arc<Locked<HashMap<String, Arc<Turns>>>>,
}

/// Who may open a connection. With HTTP/2 one connection serves all requests, but the pool would open one for each request that
/// finds none: at the start, and whenever the server closes a connection.
struct Turns {
    turn: Mutex<()>,
    /// Whether the last connection could be shared, as with HTTP/2. Assumed until the first connection is known.
    shared: AtomicBool,
}

impl Client {
    pub(crate) fn new(pool: Pool) -> Client {
        Client { pool, turns: Arc::default() }
    }

    fn turns(&self, request: &Request) -> Arc<Turns> {
        let origin = request.uri().scheme_str().zip(request.uri().authority());
        let origin = origin.map(|(scheme, authority)| format!("{scheme}://{authority}")).unwrap_or_default();
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // If there are many, forget those that nobody waits for. At worst that costs one extra connection.
        if turns.len() >= MOST_ORIGINS {
            turns.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        turns.entry(origin).or_default().clone()
    }

    /// Sends a request. If the server did not process it, it is sent again at once: that says nothing about the store. Should the
    /// server have processed it after all, sending it twice does no harm, because it is a GET.
    pub(crate) async fn send(&self, request: &Request) -> Result<(Response, Exchange), HttpError> {
        let mut resends = 0;
        loop {
            let mut request = request.clone();
            let mut exchange = Exchange::new(&mut request);
            match self.answer(request, &exchange).await {
                Ok(answer) => {
                    exchange.answered();
                    return Ok((answer, exchange));
                }
                Err(fault) => {
                    // The connection itself reported the error, so `drop` need not retire it.
                    exchange.waits(false);
                    if resends == MAX_RESENDS || !(is_unprocessed(&fault) || exchange.was_closed_when_idle(&fault)) {
                        return Err(wasi_error(&fault));
                    }
                    resends += 1;
                }
            }
        }
    }

    async fn answer(&self, request: Request, exchange: &Exchange) -> Result<Response, PoolError> {
        let turns = self.turns(&request);
        let turn = turns.wait().await;
        let mut answering = pin!(self.pool.request(request));
        let mut connection = exchange.connection.clone();
        let connecting = async {
            connection.wait_for_connection_metadata().await;
        };
        let answered = tokio::select! {
            biased;
            answer = &mut answering => Some(answer),
            // Resolves at once if the pool has a connection.
            () = connecting => None,
        };
        if let Some(connection) = exchange.connection.connection_metadata().as_ref() {
            turns.shared.store(connection.is_negotiated_h2(), Ordering::Relaxed);
        }
        drop(turn);
        match answered {
            Some(answer) => answer,
            None => answering.await,
        }
    }
}

impl Default for Turns {
    fn default() -> Turns {
        Turns { turn: Mutex::new(()), shared: AtomicBool::new(true) }
    }
}

impl Turns {
    /// Waits until no other request is opening a connection that could be shared.
    async fn wait(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let is_shared = || self.shared.load(Ordering::Relaxed);
        if !is_shared() {
            return None;
        }
        let turn = tokio::time::timeout(MAX_TURN, self.turn.lock()).await.ok();
        // By now the first connection may have turned out not to be shared.
        turn.filter(|_| is_shared())
    }
}

/// A request in progress. If it is dropped while it waits for the server, for example after a timeout, its connection gets no new
/// requests, because it may be dead. Requests that are already on it stay there.
pub(crate) struct Exchange {
    connection: CaptureConnection,
    waiting: bool,
}

impl Exchange {
    fn new(request: &mut Request) -> Exchange {
        Exchange { connection: capture_connection(request), waiting: true }
    }

    /// Whether the server is to send something now.
    pub(crate) fn waits(&mut self, waiting: bool) {
        self.waiting = waiting;
    }

    fn answered(&mut self) {
        self.waits(false);
        if let Some(connection) = self.connection.connection_metadata().as_ref() {
            Answered::of(connection).set();
        }
    }

    /// Whether an HTTP/1.1 connection was closed that had been kept for the next request. Servers close such connections when they have been
    /// idle for long or have had many requests, and the client learns of it only when it sends the next one.
    fn was_closed_when_idle(&self, fault: &PoolError) -> bool {
        let connection = self.connection.connection_metadata();
        let kept = connection.as_ref().is_some_and(|connection| !connection.is_negotiated_h2() && Answered::of(connection).get());
        kept && matches!(wasi_error(fault), HttpError::ConnectionTerminated)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.connection_metadata().as_ref().filter(|_| self.waiting) {
            connection.poison();
        }
    }
}

/// Whether the server has said, or the client knows, that a request was not processed.
fn is_unprocessed(fault: &(dyn StdError + 'static)) -> bool {
    causes(fault).any(|cause| {
        if let Some(fault) = cause.downcast_ref::<h2::Error>() {
            // Either the server closes the connection gracefully and says that it does not process streams this high, or it
            // refused this one (RFC 9113, section 8.7).
            let expected = if fault.is_go_away() { h2::Reason::NO_ERROR } else { h2::Reason::REFUSED_STREAM };
            return fault.is_remote() && fault.reason() == Some(expected);
        }
        // It was not sent before the connection closed: still queued, or the one that waited for a free stream.
        cause.downcast_ref::<hyper::Error>().is_some_and(|fault| fault.is_canceled() || fault.is_user())
    })
}

#[cfg(test)]
mod tests;

//! The BigCommerce API: one gate that every request passes, and what it needs from outside.

pub mod answer;
mod ending;
pub mod gate;
mod headers;
mod limiter;
pub mod list;
mod refusal;
pub(crate) mod repair;
mod timers;
mod traffic;

use chrono::{DateTime, Utc};
use std::future::Future;
use std::time::Duration;

/// How requests reach the store. One GET at a time; many may be in flight.
pub trait Transport {
    /// Performs one GET, without following redirects and without retrying. Dropping the future gives the request up.
    fn get(&self, call: &Call) -> impl Future<Output = Result<Response, TransportError>>;
}

/// What time it is, and waiting.
pub trait Clock: 'static {
    /// Time since an arbitrary moment; never goes back.
    fn now(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()>;
    /// This machine's date, for `time_extracted` alone: bookmarks follow the store's clock.
    fn date(&self) -> DateTime<Utc>;
}

/// A request as it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// https, or http on loopback.
    pub https: bool,
    /// Host and port.
    pub authority: String,
    /// Path and encoded query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

/// An answer, whole.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
    /// The body after decompression.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, in whatever case it came.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Why there is no answer. The texts are for a person and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// No connection, a broken one, or a body that ended early. Worth another try.
    Broken(String),
    /// Forbidden by the embedder; no other try will do.
    Denied(String),
    /// A body larger than [`MAX_BODY`].
    TooLarge,
}

/// How many requests the store currently allows this client in a window: it divides its quota among all its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests in one window.
    pub requests: u64,
    /// How long a window is; never zero.
    pub window: Duration,
}

/// A query's names and values, not encoded.
pub type Query = Vec<(&'static str, String)>;

/// The wait before a contradictory answer is requested again, so that lagging replicas of the store can catch up.
pub const SECOND_THOUGHTS: Duration = Duration::from_secs(5);

/// Larger bodies are given up: a page of 250 of the largest known records stays far below.
pub const MAX_BODY: usize = 128 << 20;

/// One request below the store's own path.
#[derive(Clone, Debug)]
pub struct Request {
    /// The stream it is for, for messages.
    pub stream: &'static str,
    /// The scope it needs, for messages.
    pub scope: &'static str,
    /// The path below `/stores/{store_hash}/`. Made of constants and numbers.
    pub path: String,
    /// Names and values, not encoded.
    pub query: Query,
    /// The page asked for; none for what is not a list. The gate halves its size when the store cannot carry it.
    pub page: Option<Slice>,
    /// How often it is tried at most. None: as often as the gate tries by itself.
    pub tries: Option<u32>,
    /// What an answer with status 200 and no byte of body means.
    pub no_body: NoBody,
    /// Of the requests that wait, those with the lowest rank are sent first.
    pub rank: u64,
    /// The nested list that it is for, by name. None if it is for the walk itself.
    pub rows: Option<&'static str>,
}

/// What a 200 with an empty body means: real stores send it both for lists without rows and when something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBody {
    /// A failed try like any other: it must not end a walk.
    Fault,
    /// No rows, if it comes twice: for a nested list.
    NoRows,
}

impl Request {
    /// A request for `path`, without a query, that is no page of a list.
    pub fn new(stream: &'static str, scope: &'static str, path: String) -> Request {
        Request { stream, scope, path, query: Vec::new(), page: None, tries: None, no_body: NoBody::Fault, rank: 0, rows: None }
    }
}

/// Which rows of a list are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many rows.
    pub limit: u32,
    /// The page's number, from 1, for lists that are paged by number.
    pub page: u64,
}

impl Slice {
    /// The first rows of a list.
    pub fn first(limit: u32) -> Slice {
        Slice { limit, page: 1 }
    }
}

//! Faults: what goes wrong, where, and how often.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::http::{Request, Response};

/// What happens to a request instead of a plain answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// This answer. Without a body, the error body of the path's API version.
    Status {
        /// The status code.
        code: u16,
        /// The body, sent as it is; `None` for the usual error body.
        body: Option<Vec<u8>>,
        /// More headers. `Content-Type` is JSON unless it is here.
        headers: Vec<(String, String)>,
    },
    /// 404 in the shape of the path's API version.
    NotFound,
    /// 200 with an HTML page, as a proxy in between may give.
    Html200,
    /// The right answer, cut in the middle of its JSON. It arrives whole as far as HTTP can tell.
    TruncatedJson,
    /// The answer last given to the same path, whatever its query was. Only answers given while the fault is there are remembered; with
    /// none, the right answer.
    DuplicatePage,
    /// No rows: 204 on v2; on v3 an empty `data` next to a `meta` that tells the truth.
    EmptyPage,
    /// 200 with `Content-Encoding: gzip` and not one byte of body.
    NoBody,
    /// 302 to this address.
    Redirect(String),
    /// The right answer without rate-limit headers.
    NoRateHeaders,
    /// 429 although the quota allows the request; with or without the rate-limit headers and `X-Retry-After`.
    Throttle {
        /// Whether the headers are there.
        headers: bool,
    },
    /// The right answer, delivered wrongly. Only the shell (or a simulation's own network) can do it.
    Deliver(Delivery),
}

impl Action {
    /// An error answer with the usual body and no more headers.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status { code, body: None, headers: Vec::new() }
    }
}

/// How an answer travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// At once and whole.
    #[default]
    Whole,
    /// Half of the body, then the connection breaks.
    ResetMidBody,
    /// Nothing, for ever, with the connection open.
    Stall,
    /// Nothing, for ever, and nothing more for any other request on this connection, which stays open. New connections work.
    StallConnection,
    /// A few bytes at a time.
    Drip {
        /// How many at a time; at least one.
        bytes: usize,
        /// The pause before each piece.
        every: Duration,
    },
    /// A `Content-Length` larger than the body, then the end of the connection. On HTTP/2 the stream is reset.
    WrongContentLength,
    /// The connection closes with no answer at all.
    CloseBeforeAnswer,
}

type Predicate = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// A fault: requests it applies to, how many of them it lets pass first, how many it then hits.
#[derive(Clone)]
pub struct Fault {
    matches: Predicate,
    skip: u64,
    times: u64,
    action: Action,
}

impl Fault {
    /// Applies to requests whose path and query (as sent) contain this text. `/v2/orders?` is the list and not its children.
    #[must_use]
    pub fn on(part: &str, action: Action) -> Self {
        let part = part.to_owned();
        Self::when(move |request| request.target().contains(&part), action)
    }

    /// Applies to requests for which this is true.
    #[must_use]
    pub fn when(matches: impl Fn(&Request) -> bool + Send + Sync + 'static, action: Action) -> Self {
        Self { matches: Arc::new(matches), skip: 0, times: 1, action }
    }

    /// Lets this many pass first. Default 0.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Hits this many, then is gone. Default 1.
    #[must_use]
    pub fn times(mut self, requests: u64) -> Self {
        self.times = requests;
        self
    }

    /// Hits every one.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fault")
            .field("skip", &self.skip)
            .field("times", &self.times)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// The faults of a store, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    faults: Vec<Fault>,
    fired: u64,
    previous: HashMap<String, Response>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(crate) fn fired(&self) -> u64 {
        self.fired
    }

    /// Counts a hit that comes from a quirk.
    pub(crate) fn count(&mut self) {
        self.fired += 1;
    }

    /// The action for this request: that of the first fault that applies and has nothing left to skip. The request counts down
    /// `skip` of all faults before that one.
    pub(crate) fn fire(&mut self, request: &Request) -> Option<Action> {
        for fault in self.faults.iter_mut().filter(|fault| fault.times > 0) {
            if !(fault.matches)(request) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times -= 1;
            self.fired += 1;
            return Some(fault.action.clone());
        }
        None
    }

    /// The answer last remembered for the path.
    pub(crate) fn previous(&self, path: &str) -> Option<Response> {
        self.previous.get(path).cloned()
    }

    /// Remembers an answer if a fault may want it again.
    pub(crate) fn remember(&mut self, request: &Request, response: &Response) {
        let wanted = |fault: &Fault| fault.times > 0 && fault.action == Action::DuplicatePage && (fault.matches)(request);
        if self.faults.iter().any(wanted) {
            self.previous.insert(request.path.clone(), response.clone());
        }
    }
}

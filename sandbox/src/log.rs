//! The log of requests seen.

use chrono::{DateTime, Utc};

/// One request that the store answered, or was told not to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it came.
    pub at: DateTime<Utc>,
    /// In capitals.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The status answered with (of the answer held back, when a fault kept it from being sent).
    pub status: u16,
    /// Whether it bore an `X-Auth-Token`, right or wrong.
    pub has_token: bool,
    /// Whether it bore an `X-Auth-Client`.
    pub has_client: bool,
}

/// The last requests, up to a bound.
#[derive(Debug)]
pub(crate) struct Log {
    seen: Vec<Seen>,
    most: usize,
}

impl Log {
    pub(crate) fn new(most: usize) -> Self {
        Self { seen: Vec::new(), most }
    }

    /// Adds one. A full log drops its older half first, which costs little a request.
    pub(crate) fn push(&mut self, seen: Seen) {
        if self.most == 0 {
            return;
        }
        if self.seen.len() >= self.most {
            self.seen.drain(..self.seen.len().div_ceil(2));
        }
        self.seen.push(seen);
    }

    pub(crate) fn all(&self) -> &[Seen] {
        &self.seen
    }

    pub(crate) fn clear(&mut self) {
        self.seen.clear();
    }
}

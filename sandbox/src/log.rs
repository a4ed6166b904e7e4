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

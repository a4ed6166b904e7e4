//! The request quota of a store.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What stores on an unlimited plan send for a quota.
const UNLIMITED: u64 = 2_147_483_647;

/// Requests allowed in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests allowed in one window.
    pub requests: u64,
    /// How long a window is. One follows the other from the first request on, whether or not anybody asks.
    pub window: Duration,
}

/// What the rate-limit headers of all answers say. The quota is enforced in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RateHeaders {
    /// The documented headers: `Time-Reset-Ms` counts down from the window's length.
    #[default]
    CountsDown,
    /// As stores on an unlimited plan send them: 2147483647 requests of as many are left, and the reset is 0.
    Unlimited,
    /// The reset is always the same.
    Stuck {
        /// This long.
        reset: Duration,
    },
    /// The reset is always the window's whole length.
    Window,
}

/// The quota and what is left of it.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    quota: Option<Quota>,
    window_start: Option<DateTime<Utc>>,
    spent: u64,
    throttled: u64,
}

impl Meter {
    pub(crate) fn new(quota: Option<Quota>) -> Self {
        Self { quota, ..Self::default() }
    }

    /// Changes the quota; what was spent in this window stays spent.
    pub(crate) fn set(&mut self, quota: Option<Quota>) {
        self.quota = quota;
    }

    /// Takes one request out of the window of `now`. False, and counted, when none is left.
    pub(crate) fn take(&mut self, now: DateTime<Utc>) -> bool {
        let Some(quota) = self.quota else { return true };
        self.turn(quota, now);
        if self.spent >= quota.requests {
            self.throttled += 1;
            return false;
        }
        self.spent += 1;
        true
    }

    /// Takes `requests` as another client of the same store would: as many as are left.
    pub(crate) fn take_by_other(&mut self, requests: u64, now: DateTime<Utc>) {
        if let Some(quota) = self.quota {
            self.turn(quota, now);
            self.spent = self.spent.saturating_add(requests).min(quota.requests);
        }
    }

    pub(crate) fn throttled(&self) -> u64 {
        self.throttled
    }

    /// The rate-limit headers (BigCommerce docs, about the API and rate limits). `Time-Reset-Ms` is what is left of the window.
    pub(crate) fn headers(&self, now: DateTime<Utc>, form: RateHeaders) -> Vec<(String, String)> {
        let Some(quota) = self.quota else { return Vec::new() };
        let left = quota.requests.saturating_sub(self.spent);
        let window = quota.window.as_millis();
        let (reset, requests, left) = match form {
            RateHeaders::CountsDown => (self.reset(quota, now).num_milliseconds().to_string(), quota.requests, left),
            RateHeaders::Unlimited => ("0".to_owned(), UNLIMITED, UNLIMITED),
            RateHeaders::Stuck { reset } => (reset.as_millis().to_string(), quota.requests, left),
            RateHeaders::Window => (window.to_string(), quota.requests, left),
        };
        [
            ("X-Rate-Limit-Time-Window-Ms", window.to_string()),
            ("X-Rate-Limit-Time-Reset-Ms", reset),
            ("X-Rate-Limit-Requests-Quota", requests.to_string()),
            ("X-Rate-Limit-Requests-Left", left.to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// Whole seconds until the window ends, rounded up.
    pub(crate) fn retry_after(&self, now: DateTime<Utc>) -> i64 {
        self.quota.map_or(1, |quota| (self.reset(quota, now).num_milliseconds() + 999) / 1000)
    }

    fn reset(&self, quota: Quota, now: DateTime<Utc>) -> TimeDelta {
        let start = self.window_start.unwrap_or(now);
        (start + span(quota) - now).max(TimeDelta::zero())
    }

    /// Starts the window that `now` lies in, if it is a later one than the one at hand.
    fn turn(&mut self, quota: Quota, now: DateTime<Utc>) {
        let start = *self.window_start.get_or_insert(now);
        let window = span(quota).num_milliseconds();
        let passed = (now - start).num_milliseconds() / window;
        if passed > 0 {
            self.window_start = Some(start + TimeDelta::milliseconds(passed * window));
            self.spent = 0;
        }
    }
}

/// The window as chrono counts time; at least a millisecond.
fn span(quota: Quota) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(quota.window.as_millis()).unwrap_or(i64::MAX / 4).clamp(1, 1 << 50))
}

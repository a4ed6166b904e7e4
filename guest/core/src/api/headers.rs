//! The quota headers of an answer. They are not to be trusted: proxies drop, repeat and rewrite them, and some stores send numbers that
//! mean nothing. What cannot be a number counts as absent.

use super::{Quota, Response};
use crate::dates;
use std::time::Duration;

const LEFT: &str = "x-rate-limit-requests-left";
const QUOTA: &str = "x-rate-limit-requests-quota";
const RESET: &str = "x-rate-limit-time-reset-ms";
const WINDOW: &str = "x-rate-limit-time-window-ms";
/// BigCommerce's own header first; the standard one comes from gateways in between.
const RETRY_AFTER: [&str; 2] = ["x-retry-after", "retry-after"];
/// How long a window is where no header says (BigCommerce docs, rate limits).
pub(super) const WINDOW_LENGTH: Duration = Duration::from_secs(30);
/// Times beyond this are not believed.
const LONGEST: Duration = Duration::from_secs(3600);
/// `Retry-After` counts whole seconds, so it may be this much later than the reset and still agree with it.
const SECOND: Duration = Duration::from_secs(1);

impl Response {
    /// The quota in the headers. None if they are absent or nonsense.
    pub fn quota(&self) -> Option<Quota> {
        let requests = self.least(QUOTA).filter(|requests| *requests > 0)?;
        let window = self.most(WINDOW).filter(|window| *window > 0)?;
        Some(Quota { requests, window: Duration::from_millis(window) })
    }

    /// How many requests are left in the window: of figures that contradict each other, the least.
    pub(super) fn left(&self) -> Option<u64> {
        let quota = self.least(QUOTA).filter(|quota| *quota > 0).unwrap_or(u64::MAX);
        self.least(LEFT).map(|left| left.min(quota))
    }

    /// How long a window is.
    pub(super) fn window(&self) -> Option<Duration> {
        time(self.most(WINDOW)).map(|window| window.min(LONGEST))
    }

    /// How long until the window ends. Zero counts as absent, because stores without a quota send it in every answer. So does a
    /// value far beyond both the window in the headers and the usual one.
    pub(super) fn countdown(&self) -> Option<Duration> {
        let is_beyond = |reset: Duration| self.window().is_some_and(|window| reset > window.max(WINDOW_LENGTH) * 5 / 4);
        let reset = time(self.most(RESET)).filter(|reset| !is_beyond(*reset));
        reset.map(|reset| reset.min(LONGEST))
    }

    /// How long to wait after an answer with status 429: the later of the end of the window and what `Retry-After` says.
    pub(super) fn reset(&self) -> Option<Duration> {
        let reset = self.countdown();
        let after = self.retry_after().filter(|after| reset.is_none_or(|reset| *after > reset + SECOND));
        after.or(reset).map(|wait| wait.min(LONGEST))
    }

    /// The wait that an answer with status 429 asks for, in seconds or as a date.
    fn retry_after(&self) -> Option<Duration> {
        let value = RETRY_AFTER.iter().find_map(|name| self.header(name)).filter(|_| self.status == 429)?;
        let wait = match number(value) {
            Some(seconds) => Duration::from_secs(seconds),
            None => (dates::parse(value)? - self.header("date").and_then(dates::parse)?).to_std().ok()?,
        };
        Some(wait).filter(|wait| !wait.is_zero())
    }

    fn least(&self, name: &str) -> Option<u64> {
        self.numbers(name).min()
    }

    fn most(&self, name: &str) -> Option<u64> {
        self.numbers(name).max()
    }

    /// All numbers under this name: a proxy may add a header of its own, or join two with a comma.
    fn numbers(&self, name: &str) -> impl Iterator<Item = u64> {
        let values = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        values.flat_map(|(_, value)| value.split(", ")).filter_map(number)
    }
}

/// A time in milliseconds; zero is none.
fn time(millis: Option<u64>) -> Option<Duration> {
    millis.filter(|millis| *millis > 0).map(Duration::from_millis)
}

/// A number that is not negative, without its fraction. One that is too large becomes the largest.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    is_number.then(|| whole.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, headers, body: Vec::new() }
    }

    fn reset(status: u16, headers: &[(&str, &str)]) -> Option<u64> {
        response(status, headers).reset().map(|reset| reset.as_millis() as u64)
    }

    #[test]
    fn numbers_are_read_in_any_form_and_nonsense_counts_as_absent() {
        let left = |value| response(200, &[("X-Rate-Limit-Requests-Left", value)]).left();
        assert_eq!(left("149"), Some(149));
        assert_eq!(left(" 149.7 "), Some(149));
        assert_eq!(left("99999999999999999999999"), Some(u64::MAX));
        for nonsense in ["", "-1", "unlimited", "1e3", "7,000,000", ".5", "5.", "NaN", "٣"] {
            assert_eq!(left(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_safer_of_contradictory_headers_counts() {
        let both = response(200, &[("X-Rate-Limit-Requests-Left", "90"), ("x-rate-limit-requests-left", "80")]);
        assert_eq!(both.left(), Some(80));
        assert_eq!(response(200, &[("X-Rate-Limit-Requests-Left", "90, 80")]).left(), Some(80));
        let beyond = |quota| response(200, &[("X-Rate-Limit-Requests-Left", "500"), ("X-Rate-Limit-Requests-Quota", quota)]);
        assert_eq!(beyond("150").left(), Some(150));
        assert_eq!(beyond("0").left(), Some(500));
        assert_eq!(reset(200, &[("X-Rate-Limit-Time-Reset-Ms", "90"), ("X-Rate-Limit-Time-Reset-Ms", "80")]), Some(90));
    }

    #[test]
    fn a_reset_of_zero_counts_as_absent_and_an_endless_one_as_an_hour() {
        assert_eq!(reset(200, &[("X-Rate-Limit-Time-Reset-Ms", "0")]), None);
        assert_eq!(reset(200, &[("X-Rate-Limit-Time-Reset-Ms", "18446744073709551615")]), Some(3_600_000));
        let window = |value| response(200, &[("X-Rate-Limit-Time-Window-Ms", value)]).window();
        assert_eq!((window("0"), window("30000")), (None, Some(Duration::from_secs(30))));
        assert_eq!(window("99999999999"), Some(LONGEST));
    }

    #[test]
    fn a_reset_far_beyond_the_window_counts_as_absent() {
        let of =
            |reset_ms, window| reset(200, &[("X-Rate-Limit-Time-Reset-Ms", reset_ms), ("X-Rate-Limit-Time-Window-Ms", window)]);
        assert_eq!(of("30200", "30000"), Some(30_200));
        assert_eq!(of("45000", "30000"), None);
        assert_eq!(of("29000", "10"), Some(29_000));
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let date = ("Date", "Tue, 01 Jul 2025 00:00:00 GMT");
        assert_eq!(reset(429, &[("X-Retry-After", "26")]), Some(26_000));
        assert_eq!(reset(429, &[("Retry-After", "7")]), Some(7_000));
        assert_eq!(reset(429, &[date, ("Retry-After", "Tue, 01 Jul 2025 00:00:10 GMT")]), Some(10_000));
        assert_eq!(reset(429, &[("Retry-After", "Tue, 01 Jul 2025 00:00:10 GMT")]), None);
        assert_eq!(reset(429, &[date, ("Retry-After", "Mon, 30 Jun 2025 00:00:10 GMT")]), None);
        assert_eq!(reset(429, &[("X-Retry-After", "0")]), None);
        assert_eq!(reset(429, &[("X-Retry-After", "soon")]), None);
        assert_eq!(reset(200, &[("X-Retry-After", "26")]), None);
    }

    #[test]
    fn a_later_retry_after_outweighs_a_reset_unless_it_is_only_rounded() {
        let both = |reset_ms, after| reset(429, &[("X-Rate-Limit-Time-Reset-Ms", reset_ms), ("X-Retry-After", after)]);
        assert_eq!(both("25001", "26"), Some(25_001));
        assert_eq!(both("1000", "26"), Some(26_000));
        assert_eq!(both("25000", "3"), Some(25_000));
    }
}

//! How many requests for the lists of orders are under way at once. They do not depend on each other, so a tap that sends them one at a
//! time crawls.

use std::time::Duration;
use tap_bigcommerce_sandbox::Request;

/// Fewer requests show nothing.
const ENOUGH: u64 = 40;
/// How many of them are under way at once on average, at least.
const LEAST: f64 = 1.5;

/// The answers under way in one run.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    requests: u64,
    under_way: u32,
    /// When that last changed.
    changed: Duration,
    /// The time for which anything was under way, and the times of all answers together.
    busy: Duration,
    sum: Duration,
}

impl Pace {
    /// Whether a request is for the first page of an order's list. The next page has to wait for it.
    pub(crate) fn concerns(request: &Request) -> bool {
        let is_of_order = request.path.split_once("/v2/orders/").is_some_and(|(_, rest)| rest.contains('/'));
        is_of_order && !request.query.contains("page=")
    }

    /// An answer leaves the store.
    pub(crate) fn begin(&mut self, now: Duration) {
        self.pass(now);
        self.requests += 1;
        self.under_way += 1;
    }

    /// An answer arrives.
    pub(crate) fn end(&mut self, now: Duration) {
        self.pass(now);
        self.under_way = self.under_way.saturating_sub(1);
    }

    fn pass(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.changed);
        self.changed = now;
        self.sum += passed * self.under_way;
        self.busy += if self.under_way > 0 { passed } else { Duration::ZERO };
    }

    /// How many were under way at once on average, if that is too few.
    pub(crate) fn crawls(&self) -> Option<f64> {
        let average = self.sum.as_secs_f64() / self.busy.as_secs_f64();
        Some(average).filter(|average| self.requests >= ENOUGH && *average < LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn average(at_once: u64) -> Option<f64> {
        let mut pace = Pace::default();
        for moment in (0..ENOUGH / at_once).map(Duration::from_secs) {
            (0..at_once).for_each(|_| pace.begin(moment));
            (0..at_once).for_each(|_| pace.end(moment + Duration::from_millis(500)));
        }
        pace.crawls()
    }

    #[test]
    fn one_request_at_a_time_is_a_crawl_and_two_are_none() {
        assert_eq!(average(1), Some(1.0));
        assert_eq!(average(2), None);
    }

    #[test]
    fn only_first_pages_of_an_orders_lists_concern_it() {
        for (target, concerns) in [
            ("/stores/s/v2/orders/7/products?limit=250", true),
            ("/stores/s/v2/orders/7/products?limit=250&page=2", false),
            ("/stores/s/v2/orders/7", false),
            ("/stores/s/v2/orders?limit=250", false),
            ("/stores/s/v3/customers/addresses?limit=250", false),
        ] {
            assert_eq!(Pace::concerns(&Request::get(target)), concerns, "{target}");
        }
    }
}

//! What a run did, stream by stream.

use crate::spent::Spent;
use std::time::Duration;
use tap_bigcommerce_core::error::{Failure, set_aside, summarize};

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The streams that were selected, in the order in which they were read.
    pub streams: Vec<StreamSummary>,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that were sent again after a fault.
    pub retries: u64,
    /// Time in which a request waited for the store's quota, also while answers to others were under way.
    pub waited: Duration,
    /// Where the run's time went. [`Progress::spent`](crate::Progress::spent) has it for a run without a summary.
    pub spent: Spent,
    /// Whether every stream was read to its end, except for records that are set aside; false after a limit or a stop.
    pub complete: bool,
    /// The value of the last STATE message: give it to the next run.
    pub state: String,
}

/// What a run did with one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSummary {
    /// The stream's name.
    pub name: String,
    /// Records written.
    pub records: u64,
    /// Records that were gone from the store before they could be read whole.
    pub skipped: u64,
    /// Values that did not fit their schema and were written as null.
    pub nulled: u64,
    /// Records that the store could not serve, in this run or an earlier one. The state names them, and each run asks for them again.
    pub aside: u64,
    /// Whether the stream was read to its end, except for the records that are set aside.
    pub complete: bool,
    /// Why the stream was left before its end.
    pub failure: Option<Failure>,
}

impl Summary {
    /// All stream failures as one, or `None`. It names each failed stream with its cause, and its kind is that of the first
    /// failure.
    ///
    /// Where no stream failed and records are set aside, it is of kind [`Kind::SetAside`](crate::Kind::SetAside): everything else was read.
    pub fn failure(&self) -> Option<Failure> {
        let aside = self.streams.iter().map(|stream| (stream.name.as_str(), stream.aside));
        summarize("the run is not complete", self.failed()).or_else(|| set_aside(aside))
    }

    fn failed(&self) -> impl Iterator<Item = (&str, &Failure)> {
        self.streams.iter().filter_map(|stream| Some((stream.name.as_str(), stream.failure.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tap_bigcommerce_core::error::Kind;

    fn stream(name: &str, failure: Option<Failure>) -> StreamSummary {
        StreamSummary { name: name.into(), failure, ..StreamSummary::default() }
    }

    #[test]
    fn failed_streams_are_all_named_by_their_cause() {
        let scope = |name| Some(Failure::new(Kind::MissingScope, format!("the token lacks {name}")));
        let mut summary = Summary { streams: vec![stream("products", None)], ..Summary::default() };
        assert_eq!(summary.failure(), None);
        for (name, lacks) in [("orders", "orders_read"), ("customers", "customers_read"), ("order_products", "orders_read")] {
            summary.streams.push(stream(name, scope(lacks)));
        }
        let failure = summary.failure().unwrap();
        assert_eq!(failure.kind, Kind::MissingScope);
        let causes = "orders, order_products: the token lacks orders_read; customers: the token lacks customers_read";
        assert!(failure.message.contains(causes), "{failure}");
    }

    #[test]
    fn records_that_are_set_aside_are_a_verdict_of_their_own_unless_a_stream_failed() {
        let aside = |name: &str, aside| StreamSummary { name: name.into(), aside, complete: true, ..StreamSummary::default() };
        let mut summary = Summary { streams: vec![aside("products", 0)], complete: true, ..Summary::default() };
        assert_eq!(summary.failure(), None);
        summary.streams.extend([aside("orders", 2), aside("coupons", 1)]);
        let failure = summary.failure().unwrap();
        assert_eq!((failure.kind, failure.kind.exit_code()), (Kind::SetAside, 11));
        assert!(failure.message.contains("2 of orders, 1 of coupons") && !failure.message.contains("products"), "{failure}");
        summary.streams.push(stream("customers", Some(Failure::new(Kind::Api, "broken"))));
        assert_eq!(summary.failure().unwrap().kind, Kind::Api);
    }
}

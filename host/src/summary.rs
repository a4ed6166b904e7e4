//! What a run did, stream by stream.

use std::time::Duration;
use tap_bigcommerce_core::error::Failure;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The streams that were selected, in the order in which they were read.
    pub streams: Vec<StreamSummary>,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that were sent again after a fault.
    pub retries: u64,
    /// Time spent waiting for the store's quota.
    pub waited: Duration,
    /// Whether every stream was read to its end; false after a limit or a stop.
    pub complete: bool,
    /// The value of the last STATE message: give it to the next run.
    pub state: String,
}

/// What a run did with one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamSummary {
    /// The stream's name.
    pub name: String,
    /// Records written.
    pub records: u64,
    /// Records that were gone from the store before they could be read whole.
    pub skipped: u64,
    /// Values that did not fit their schema and were written as null.
    pub nulled: u64,
    /// Why the stream was left before its end.
    pub failure: Option<Failure>,
}

impl Summary {
    /// The failures of single streams as one: none, the only one, or one sentence that names every stream that was left out. Its kind is
    /// the first failure's.
    pub fn failure(&self) -> Option<Failure> {
        let failed = self.streams.iter().filter_map(|stream| Some((&stream.name, stream.failure.as_ref()?)));
        let failed: Vec<(&String, &Failure)> = failed.collect();
        match failed.as_slice() {
            [] => None,
            [(name, failure)] => Some((*failure).clone().of_stream(name)),
            [(_, first), ..] => {
                let each: Vec<String> = failed.iter().map(|(name, failure)| format!("{name}: {}", failure.message)).collect();
                let total = self.streams.len();
                let message = format!("{} of {total} streams were not read to their end: {}", failed.len(), each.join("; "));
                Some(Failure::new(first.kind, message))
            }
        }
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
    fn failed_streams_are_all_named() {
        let scope = |name| Some(Failure::new(Kind::MissingScope, format!("the token lacks {name}")));
        let mut summary = Summary { streams: vec![stream("orders", None)], ..Summary::default() };
        assert_eq!(summary.failure(), None);
        summary.streams.push(stream("customers", scope("store_v2_customers_read_only")));
        assert_eq!(summary.failure().unwrap().stream.as_deref(), Some("customers"));
        summary.streams.push(stream("coupons", scope("store_v2_marketing_read_only")));
        let failure = summary.failure().unwrap();
        assert_eq!(failure.kind, Kind::MissingScope);
        for part in
            ["2 of 3 streams", "customers: the token lacks store_v2_customers", "coupons: the token lacks store_v2_marketing"]
        {
            assert!(failure.message.contains(part), "{failure}");
        }
    }
}

//! What the report of `--check` amounts to.

use serde::Deserialize;
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_core::error::summarize;

#[derive(Deserialize)]
struct Report {
    streams: Vec<Access>,
}

#[derive(Deserialize)]
struct Access {
    stream: String,
    failure: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    kind: String,
    message: String,
}

/// Fails if a stream cannot be read. The failure names every such stream by its cause; its kind is the first one's.
pub(crate) fn verdict(report: &str) -> Result<()> {
    let unreadable = |fault| Failure::new(Kind::Api, format!("the component's report cannot be read: {fault}"));
    let report: Report = serde_json::from_str(report).map_err(unreadable)?;
    let left = report.streams.into_iter().filter_map(|access| Some((access.stream, access.failure?.told())));
    let left: Vec<(String, Failure)> = left.collect();
    let left = left.iter().map(|(stream, failure)| (stream.as_str(), failure));
    summarize("not every stream can be read", left).map_or(Ok(()), Err)
}

impl Fault {
    fn told(self) -> Failure {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == self.kind).unwrap_or(Kind::Api);
        Failure::new(kind, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_cannot_be_read_fails_the_check_with_its_kind() {
        let good = r#"{"store_hash": "abc", "streams": [{"stream": "orders", "readable": true, "failure": null}]}"#;
        verdict(good).unwrap();
        let fault = r#"{"kind": "missing-scope", "message": "the token lacks marketing"}"#;
        let bad = format!(
            r#"{{"streams": [{{"stream": "orders", "failure": null}},
            {{"stream": "coupons", "failure": {fault}}}, {{"stream": "order_coupons", "failure": {fault}}}]}}"#
        );
        let failure = verdict(&bad).unwrap_err();
        assert_eq!(failure.kind, Kind::MissingScope);
        assert!(failure.message.ends_with(": coupons, order_coupons: the token lacks marketing"), "{failure}");
        assert_eq!(verdict("{}").unwrap_err().kind, Kind::Api);
    }
}

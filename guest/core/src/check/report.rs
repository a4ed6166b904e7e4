//! What a check found, and its form as JSON.

use crate::api::Quota;
use crate::error::Result;
use crate::forecast::{Cost, Figure};
use crate::streams::Stream;
use serde_json::{Value, json};

/// What a check found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The store that was asked.
    pub store_hash: String,
    /// Each stream, in the registry's order.
    pub streams: Vec<Access>,
    /// The quota, where the store told of it.
    pub quota: Option<Quota>,
}

/// Whether a stream can be read.
#[derive(Clone, Debug)]
pub struct Access {
    /// The stream.
    pub stream: &'static Stream,
    /// How many records the run would read, where the store counts them; or why it cannot be read.
    pub records: Result<Option<Figure>>,
    /// What it adds to the run. None: it is not selected.
    pub cost: Option<Cost>,
}

impl Report {
    /// What all selected streams cost together, as far as it is known.
    pub fn total(&self) -> Figure {
        let requests: Vec<Option<Figure>> =
            self.streams.iter().filter_map(|access| Some(access.cost.as_ref()?.requests)).collect();
        let number = requests.iter().flatten().fold(0, |sum, more| more.number.saturating_add(sum));
        Figure { number, at_least: requests.iter().any(|requests| requests.is_none_or(|requests| requests.at_least)) }
    }

    /// How many seconds so many requests take if each window of the quota is used up; none if the store does not report its quota.
    fn seconds(&self, requests: u64) -> Option<f64> {
        let Quota { requests: most, window } = self.quota?;
        let seconds = requests as f64 / most.max(1) as f64 * window.as_secs_f64();
        Some((seconds * 10.0).round() / 10.0)
    }

    /// `{"store_hash", "streams": [{"stream", "readable", "scope", "records", "records_at_least", "failure", "selected", "with", "requests",
    /// "requests_at_least", "seconds", "rates": [{"requests", "records", "of"}]}], "total": {"requests", "requests_at_least", "seconds"},
    /// "quota": {"requests", "window_ms"}}`.
    ///
    /// `requests` is what a stream adds to the requests of the others. `with` names the stream whose walk also reads this one's
    /// records. Each of `rates` says how many requests the stream makes for a number of records, in addition to the pages of the
    /// walk.
    pub fn to_json(&self) -> Value {
        let number = |figure: Option<Figure>| figure.map(|figure| figure.number);
        let at_least = |figure: Option<Figure>| figure.is_some_and(|figure| figure.at_least);
        let streams = self.streams.iter().map(|Access { stream, records, cost }| {
            let (counted, requests) = (records.as_ref().ok().copied().flatten(), cost.as_ref().and_then(|cost| cost.requests));
            let rates = cost.iter().flat_map(|cost| &cost.rates);
            let rates = rates.map(|rate| json!({ "requests": rate.requests, "records": rate.records, "of": rate.of }));
            json!({
                "stream": stream.name,
                "readable": records.is_ok(),
                "scope": stream.scope(),
                "records": number(counted),
                "records_at_least": at_least(counted),
                "failure": records.as_ref().err().map(|failure| json!({ "kind": failure.kind.name(), "message": failure.message })),
                "selected": cost.is_some(),
                "with": cost.as_ref().and_then(|cost| cost.with),
                "requests": number(requests),
                "requests_at_least": at_least(requests),
                "seconds": number(requests).and_then(|requests| self.seconds(requests)),
                "rates": rates.collect::<Vec<_>>(),
            })
        });
        let window = |quota: Quota| u64::try_from(quota.window.as_millis()).unwrap_or(u64::MAX);
        let quota = self.quota.map(|quota| json!({ "requests": quota.requests, "window_ms": window(quota) }));
        let total = self.total();
        json!({
            "store_hash": self.store_hash,
            "streams": streams.collect::<Vec<_>>(),
            "total": { "requests": total.number, "requests_at_least": total.at_least, "seconds": self.seconds(total.number) },
            "quota": quota,
        })
    }
}

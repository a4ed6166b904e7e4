//! What was asked of the store for each stream, as metrics: summed up, since a line for each request would flood the log.

use super::Request;
use crate::log::Log;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// A stream, and a path without its numbers.
type Endpoint = (&'static str, String);

/// Requests since the last report.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: BTreeMap<Endpoint, u64>,
    /// By status, if an answer came: how many ended so, and how long they took together.
    ended: BTreeMap<(Endpoint, Option<u16>), (u64, Duration)>,
}

impl Traffic {
    /// Counts a request that is sent. Returns what [`Traffic::ended`] needs.
    pub(crate) fn sent(&mut self, request: &Request) -> Endpoint {
        let numberless = |step: &str| match step.bytes().all(|b| b.is_ascii_digit()) {
            true => "{id}".to_owned(),
            false => step.to_owned(),
        };
        let path: Vec<String> = request.path.split('/').map(numberless).collect();
        let endpoint = (request.stream, format!("/{}", path.join("/")));
        *self.sent.entry(endpoint.clone()).or_default() += 1;
        endpoint
    }

    /// Counts a request that has ended; without a status no answer came.
    pub(crate) fn ended(&mut self, endpoint: Endpoint, status: Option<u16>, took: Duration) {
        let (count, time) = self.ended.entry((endpoint, status)).or_default();
        (*count, *time) = (*count + 1, *time + took);
    }

    /// Writes the metrics and starts over: `http_request_count` for each endpoint, and `http_request_duration`, the mean in seconds, for each
    /// endpoint and status, with the tag `requests` for how many it is the mean of.
    pub(crate) fn report(&mut self, log: &dyn Log) {
        for ((stream, endpoint), count) in std::mem::take(&mut self.sent) {
            log.metric("counter", "http_request_count", json!(count), json!({ "stream": stream, "endpoint": endpoint }));
        }
        for (((stream, endpoint), status), (count, time)) in std::mem::take(&mut self.ended) {
            let good = status.is_some_and(|status| status < 400);
            let mut tags = json!({ "stream": stream, "endpoint": endpoint });
            if let Some(status) = status {
                tags["http_status_code"] = json!(status);
            }
            tags["status"] = json!(if good { "succeeded" } else { "failed" });
            tags["requests"] = json!(count);
            let mean = time.as_secs_f64() / count.max(1) as f64;
            log.metric("timer", "http_request_duration", json!(mean), tags);
        }
    }
}

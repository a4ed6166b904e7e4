//! What the report of `--check` amounts to, and how a person reads it.

use crate::table::{Align, about, grouped, layout, wrapped};
use serde::Deserialize;
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_core::error::summarize;

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    store_hash: String,
    streams: Vec<Access>,
    quota: Option<Quota>,
}

#[derive(Deserialize)]
struct Access {
    stream: String,
    #[serde(default)]
    scope: String,
    records: Option<u64>,
    failure: Option<Fault>,
    #[serde(default)]
    selected: bool,
    /// The stream whose requests bring this one's records.
    with: Option<String>,
    /// What a first run pays for it.
    requests: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
struct Quota {
    requests: u64,
    window_ms: u64,
}

#[derive(Deserialize)]
struct Fault {
    kind: String,
    message: String,
}

/// The report as a table, `width` columns wide at most.
pub(crate) fn table(report: &str, width: Option<usize>) -> Result<String> {
    let report = read(report)?;
    let heads = ["stream", "readable", "scope", "records", "requests", "time"].map(str::to_owned);
    let rows = report.streams.iter().map(|access| row(access, report.quota));
    let rows: Vec<_> = std::iter::once(heads).chain(rows).collect();
    let align = [Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Right];
    let mut text = wrapped(&format!("store {}", report.store_hash), "", width);
    text.push_str(&layout(&rows, align, width));
    let requests = report.streams.iter().filter_map(|access| access.requests).sum();
    text.push_str(&wrapped(&told(requests, report.quota), "", width));
    Ok(text)
}

fn row(access: &Access, quota: Option<Quota>) -> [String; 6] {
    let (readable, scope) = match &access.failure {
        None => ("yes", access.scope.clone()),
        Some(fault) if fault.kind == Kind::MissingScope.name() => ("NO", format!("{} is missing", access.scope)),
        Some(_) => ("NO", access.scope.clone()),
    };
    let (requests, time) = match (access.requests, &access.with) {
        (Some(requests), _) => (grouped(requests), quota.map(|quota| about(quota.seconds(requests)))),
        (None, Some(_)) => ("included above".to_owned(), None),
        (None, None) if !access.selected => ("not selected".to_owned(), None),
        (None, None) => (String::new(), None),
    };
    let records = access.records.map(grouped).unwrap_or_default();
    [access.stream.clone(), readable.to_owned(), scope, records, requests, time.unwrap_or_default()]
}

impl Quota {
    /// How long so many requests take if each window is used up.
    fn seconds(self, requests: u64) -> f64 {
        requests as f64 / self.requests.max(1) as f64 * self.window_ms as f64 / 1000.0
    }
}

/// What a first run costs, with what is not known about it.
fn told(requests: u64, quota: Option<Quota>) -> String {
    let requests_told = grouped(requests);
    match quota {
        None => format!(
            "A first run takes about {requests_told} requests; the store does not report its quota, so the duration is unknown."
        ),
        Some(quota) => {
            let (most, window) = (grouped(quota.requests), about(quota.window_ms as f64 / 1000.0));
            let time = about(quota.seconds(requests));
            format!(
                "A first run takes about {requests_told} requests, and about {time} at this store's quota ({most} requests in {window}); \
                 longer if the store answers slowly or other apps share the quota."
            )
        }
    }
}

fn read(report: &str) -> Result<Report> {
    let unreadable = |fault| Failure::new(Kind::Component, format!("the component's report cannot be read: {fault}"));
    serde_json::from_str(report).map_err(unreadable)
}

/// Fails if a stream cannot be read. The failure names every such stream by its cause; its kind is the first one's.
pub(crate) fn verdict(report: &str) -> Result<()> {
    let left = read(report)?.streams.into_iter().filter_map(|access| Some((access.stream, access.failure?.told())));
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
        assert_eq!(verdict("{}").unwrap_err().kind, Kind::Component);
    }

    fn tables(quota: &str, width: Option<usize>) -> String {
        let report = format!(
            r#"{{"store_hash": "abc", "quota": {quota}, "streams": [
            {{"stream": "orders", "scope": "orders_read", "records": 12000, "failure": null, "selected": true, "requests": 36050}},
            {{"stream": "order_products", "scope": "orders_read", "records": null, "failure": null, "selected": true, "with": "orders"}},
            {{"stream": "products", "scope": "products_read", "records": 200, "failure": null, "selected": false}},
            {{"stream": "coupons", "scope": "marketing_read", "selected": true, "failure": {{"kind": "missing-scope", "message": "no"}}}}]}}"#
        );
        table(&report, width).unwrap()
    }

    #[test]
    fn the_table_tells_what_a_first_run_costs() {
        let text = tables(r#"{"requests": 150, "window_ms": 30000}"#, None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "store abc");
        assert_eq!(lines[1], "stream          readable  scope                      records        requests  time");
        assert_eq!(lines[2], "orders          yes       orders_read                 12,000          36,050   2 h");
        assert_eq!(lines[3], "order_products  yes       orders_read                         included above");
        assert_eq!(lines[4], "products        yes       products_read                  200    not selected");
        assert_eq!(lines[5], "coupons         NO        marketing_read is missing");
        for part in ["about 36,050 requests", "150 requests in 30 s", "about 2 h at"] {
            assert!(lines[6].contains(part), "{text}");
        }
        assert!(tables("null", None).contains("does not report its quota"));
    }

    #[test]
    fn on_a_narrow_terminal_the_table_is_stacked() {
        let text = tables(r#"{"requests": 150, "window_ms": 30000}"#, Some(40));
        assert!(text.contains("orders\n  readable  yes\n  scope     orders_read\n  records   12,000\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }
}

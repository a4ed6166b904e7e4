//! What the report of `--check` amounts to, and how a person reads it.

use crate::table::{about, grouped, layout, wrapped};
use console::Alignment;
use serde::Deserialize;
use tap_bigcommerce::{Failure, Kind, Result};
use tap_bigcommerce_core::error::summarize;

/// Before a number: it may be more.
const AT_LEAST: &str = "≥";

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    store_hash: String,
    streams: Vec<Access>,
    /// What all selected streams cost together.
    total: Option<Total>,
    quota: Option<Quota>,
}

#[derive(Deserialize)]
struct Access {
    stream: String,
    #[serde(default)]
    scope: String,
    failure: Option<Fault>,
    records: Option<u64>,
    #[serde(default)]
    records_at_least: bool,
    #[serde(default)]
    selected: bool,
    /// The stream whose walk also reads this one's records.
    with: Option<String>,
    /// What it adds to a first run.
    requests: Option<u64>,
    #[serde(default)]
    requests_at_least: bool,
    seconds: Option<f64>,
    #[serde(default)]
    rates: Vec<Rate>,
}

/// How many requests a number of a stream's records takes.
#[derive(Deserialize)]
struct Rate {
    requests: u64,
    records: u64,
    of: String,
}

#[derive(Deserialize)]
struct Total {
    requests: u64,
    requests_at_least: bool,
    seconds: Option<f64>,
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
    let heads = ["stream", "records", "requests", "time", ""].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heads).chain(report.streams.iter().map(row)).collect();
    let align = [Alignment::Left, Alignment::Right, Alignment::Right, Alignment::Right, Alignment::Left];
    let mut text = wrapped(&format!("store {}", report.store_hash), "", width);
    text.push_str(&layout(&rows, align, width));
    if rows.iter().flatten().any(|cell| cell.starts_with(AT_LEAST)) {
        let meaning =
            "means at least: some things cannot be counted in advance, such as the lists inside records and archived orders";
        text.push_str(&wrapped(&format!("{AT_LEAST} {meaning}"), "", width));
    }
    if let Some(total) = &report.total {
        text.push_str(&wrapped(&told(total, report.quota), "", width));
    }
    Ok(text)
}

fn row(access: &Access) -> [String; 5] {
    let figure = |number: Option<u64>, at_least: bool| match number.map(grouped) {
        Some(number) if at_least => format!("{AT_LEAST} {number}"),
        number => number.unwrap_or_default(),
    };
    let note = match (&access.failure, &access.with) {
        (Some(fault), _) if fault.kind == Kind::MissingScope.name() => format!("needs {}", access.scope),
        (Some(_), _) => "cannot be read".to_owned(),
        (None, _) if !access.selected => "not selected".to_owned(),
        (None, Some(with)) if access.rates.is_empty() => format!("with {with}"),
        (None, _) => access.rates.iter().map(Rate::told).collect::<Vec<_>>().join(", "),
    };
    let requests = match (access.failure.is_some(), access.requests) {
        (true, _) => "NO".to_owned(),
        (false, None) if access.selected => "unknown".to_owned(),
        (false, requests) => figure(requests, access.requests_at_least),
    };
    let records = figure(access.records, access.records_at_least);
    let time = access.seconds.filter(|_| access.requests > Some(0)).map(about).unwrap_or_default();
    [access.stream.clone(), records, requests, time, note]
}

impl Rate {
    fn told(&self) -> String {
        let Rate { requests, records, of } = self;
        if *records == 1 { format!("{requests} per record of {of}") } else { format!("{requests} per {records} records of {of}") }
    }
}

/// What a first run costs, with what is not known about it.
fn told(total: &Total, quota: Option<Quota>) -> String {
    let (about_or_more, requests) = (if total.requests_at_least { "at least" } else { "about" }, grouped(total.requests));
    match (quota, total.seconds) {
        (Some(quota), Some(seconds)) => {
            let (most, window) = (grouped(quota.requests), about(quota.window_ms as f64 / 1000.0));
            let time = about(seconds);
            format!(
                "A first run takes {about_or_more} {requests} requests, and {about_or_more} {time} at this store's quota \
                 ({most} requests in {window}); longer if the store answers slowly or other apps share the quota."
            )
        }
        _ => format!(
            "A first run takes {about_or_more} {requests} requests; the store does not report its quota, so the duration is unknown."
        ),
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

    /// A report on four streams, at this quota.
    fn report(quota: &str) -> String {
        let seconds = |seconds: f64| if quota == "null" { "null".to_owned() } else { seconds.to_string() };
        let (of_orders, of_lines, of_coupons) = (seconds(7210.0), seconds(0.0), seconds(0.6));
        let total = seconds(7210.6);
        format!(
            r#"{{"store_hash": "abc", "quota": {quota}, "streams": [
            {{"stream": "orders", "scope": "orders_read", "records": 12000, "failure": null, "selected": true, "requests": 36050,
              "requests_at_least": true, "seconds": {of_orders}, "rates": [{{"requests": 3, "records": 1, "of": "orders"}}]}},
            {{"stream": "order_products", "scope": "orders_read", "records": null, "failure": null, "selected": true, "with": "orders",
              "requests": 0, "seconds": {of_lines}}},
            {{"stream": "order_pickups", "scope": "orders_read", "records": null, "failure": null, "selected": true, "with": "orders",
              "requests": null, "rates": [{{"requests": 1, "records": 50, "of": "orders"}}]}},
            {{"stream": "products", "scope": "products_read", "records": 200, "failure": null, "selected": false}},
            {{"stream": "tax_classes", "scope": "info", "records": 250, "records_at_least": true, "failure": null, "selected": true,
              "requests": 3, "seconds": {of_coupons}}},
            {{"stream": "coupons", "scope": "marketing_read", "selected": true, "failure": {{"kind": "missing-scope", "message": "no"}}}},
            {{"stream": "pages", "scope": "content_read", "selected": true, "failure": {{"kind": "api", "message": "no"}}}}],
            "total": {{"requests": 36053, "requests_at_least": true, "seconds": {total}}}}}"#
        )
    }

    const QUOTA: &str = r#"{"requests": 150, "window_ms": 30000}"#;

    #[test]
    fn the_table_tells_what_each_stream_adds_to_a_first_run() {
        let text = table(&report(QUOTA), None).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let expected = [
            "store abc",
            "stream          records  requests  time",
            "orders           12,000  ≥ 36,050   2 h  3 per record of orders",
            "order_products                  0        with orders",
            "order_pickups             unknown        1 per 50 records of orders",
            "products            200                  not selected",
            "tax_classes       ≥ 250         3  <1 s",
            "coupons                        NO        needs marketing_read",
            "pages                          NO        cannot be read",
        ];
        assert_eq!(lines[..expected.len()], expected, "{text}");
        assert!(lines[expected.len()].starts_with("≥ means at least"), "{text}");
        for part in ["at least 36,053 requests", "150 requests in 30 s", "at least 2 h at"] {
            assert!(lines[expected.len() + 1].contains(part), "{text}");
        }
        assert!(table(&report("null"), None).unwrap().contains("does not report its quota"));
    }

    #[test]
    fn on_a_narrow_terminal_the_table_is_stacked() {
        let text = table(&report(QUOTA), Some(40)).unwrap();
        assert!(
            text.contains("orders\n  records   12,000\n  requests  ≥ 36,050\n  time      2 h\n  3 per record of orders\n"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }

    #[test]
    fn seventy_streams_fit_a_hundred_columns() {
        let streams: Vec<String> = ["null", r#"{"kind": "missing-scope", "message": "no"}"#]
            .iter()
            .cycle()
            .take(70)
            .map(|failure| {
                format!(
                    r#"{{"stream": "product_category_assignments", "scope": "store_v2_transactions_read_only", "failure": {failure},
                    "selected": true, "records": 1234567, "records_at_least": true, "requests": 1234567, "requests_at_least": true,
                    "seconds": 246913.4, "rates": [{{"requests": 10, "records": 1, "of": "shipping_zones"}}]}}"#
                )
            })
            .collect();
        let report = format!(r#"{{"streams": [{}], "quota": {QUOTA}}}"#, streams.join(","));
        let text = table(&report, Some(100)).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert_eq!(
            text.lines().filter(|line| line.starts_with("product_category_assignments  ≥ 1,234,567  ")).count(),
            70,
            "{text}"
        );
    }

    #[test]
    fn a_report_of_an_older_component_is_understood() {
        let report = r#"{"store_hash": "abc", "quota": null, "streams": [{"stream": "orders", "records": 12, "failure": null,
            "selected": true, "with": null, "requests": 40}]}"#;
        assert_eq!(table(report, None).unwrap(), "store abc\nstream  records  requests  time\norders       12        40\n");
    }
}

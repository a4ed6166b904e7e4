//! What the report of `--check` amounts to.

use serde::Deserialize;
use tap_bigcommerce::{Failure, Kind, Result};

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

/// Fails if a stream cannot be read. The failure names every such stream; its kind is the first one's.
pub(crate) fn verdict(report: &str) -> Result<()> {
    let unreadable = |fault| Failure::new(Kind::Api, format!("the component's report cannot be read: {fault}"));
    let report: Report = serde_json::from_str(report).map_err(unreadable)?;
    let failed = report.streams.iter().filter_map(|access| Some((&access.stream, access.failure.as_ref()?)));
    let failed: Vec<(&String, &Fault)> = failed.collect();
    let Some((_, first)) = failed.first() else { return Ok(()) };
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == first.kind).unwrap_or(Kind::Api);
    let each: Vec<String> = failed.iter().map(|(stream, fault)| format!("{stream}: {}", fault.message)).collect();
    Err(Failure::new(kind, format!("{} of {} streams cannot be read: {}", failed.len(), report.streams.len(), each.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_cannot_be_read_fails_the_check_with_its_kind() {
        let good = r#"{"store_hash": "abc", "streams": [{"stream": "orders", "readable": true, "failure": null}]}"#;
        verdict(good).unwrap();
        let bad = r#"{"streams": [{"stream": "orders", "failure": null},
            {"stream": "coupons", "failure": {"kind": "missing-scope", "message": "the token lacks marketing"}}]}"#;
        let failure = verdict(bad).unwrap_err();
        assert_eq!(failure.kind, Kind::MissingScope);
        assert!(failure.message.contains("1 of 2 streams cannot be read: coupons: the token lacks marketing"), "{failure}");
        assert_eq!(verdict("{}").unwrap_err().kind, Kind::Api);
    }
}

//! The live line: what the run does now, and how long it may still take.

use crate::table::{about, grouped};
use console::measure_text_width;
use std::time::Duration;
use tap_bigcommerce::{Outlook, Snapshot};

/// Shorter pauses between requests are normal.
const PAUSE: Duration = Duration::from_secs(1);
/// There is no estimate of the time left before this much time and this fraction of the work.
const TOO_EARLY: Duration = Duration::from_secs(3);
const TOO_LITTLE: f64 = 0.01;

/// The line for a terminal of this width: with less room, less is shown.
pub(crate) fn line(now: &Snapshot, ahead: Option<&[Outlook]>, took: Duration, width: usize) -> String {
    let walk = ahead.and_then(|ahead| walk(now, ahead));
    // Streams that share a walk alternate, so the line is about the first of them.
    let stream = walk.and_then(|(_, outlook)| outlook.streams.first()).or(now.stream.as_ref());
    let stream = stream.map_or("starting", String::as_str);
    let count = match walk.map(|(_, outlook)| read(now, outlook)) {
        Some((records, total)) if records <= total => format!("{} of {}", grouped(records), grouped(total)),
        _ => grouped(now.records),
    };
    let requests = format!("{} requests", grouped(now.requests));
    let flying = format!("{requests} ({} in flight)", now.in_flight);
    let waits = now.idle.filter(|idle| *idle > PAUSE).map(|idle| format!("waiting {} s", idle.as_secs()));
    let left = ahead.and_then(|ahead| left(now, ahead, took)).map(|left| format!("{} left", about(left.as_secs_f64().max(1.0))));
    let asked = if now.in_flight > 0 && waits.is_none() { &flying } else { &requests };
    let whole = |asked: &String| {
        let left = left.as_ref().map(|left| format!("about {left}"));
        join(stream, &[Some(format!("{count} records")), Some(asked.clone()), waits.clone(), left])
    };
    let lines = [
        whole(asked),
        whole(&requests),
        join(stream, &[Some(count.clone()), waits.clone(), left.clone()]),
        join(stream, &[Some(count.clone()), waits.clone().or(left.clone())]),
        join(stream, &[waits.clone().or(left.clone())]),
    ];
    let fits = |line: &&String| measure_text_width(line) <= width;
    lines.iter().find(fits).cloned().unwrap_or_else(|| stream.chars().take(width).collect())
}

fn join(stream: &str, parts: &[Option<String>]) -> String {
    parts.iter().flatten().fold(stream.to_owned(), |line, part| format!("{line} · {part}"))
}

/// The walk that the stream at hand comes from, and its place.
fn walk<'a>(now: &Snapshot, ahead: &'a [Outlook]) -> Option<(usize, &'a Outlook)> {
    let stream = now.stream.as_ref()?;
    ahead.iter().enumerate().find(|(_, outlook)| outlook.streams.contains(stream))
}

/// How many records of a walk have been read, and about how many there are.
fn read(now: &Snapshot, outlook: &Outlook) -> (u64, u64) {
    let lead = outlook.streams.first();
    let records = now.streams.iter().find(|(name, _)| Some(name) == lead).map_or(0, |(_, records)| *records);
    (records, outlook.records)
}

/// How long the run may still take, if the requests that it still needs take as long as those before.
fn left(now: &Snapshot, ahead: &[Outlook], took: Duration) -> Option<Duration> {
    let (place, outlook) = walk(now, ahead)?;
    let all: u64 = ahead.iter().map(|outlook| outlook.requests).sum();
    let before: u64 = ahead[..place].iter().map(|outlook| outlook.requests).sum();
    let (records, total) = read(now, outlook);
    let part = if total == 0 { 1.0 } else { (records as f64 / total as f64).min(1.0) };
    let done = (before as f64 + outlook.requests as f64 * part) / all.max(1) as f64;
    (took >= TOO_EARLY && done >= TOO_LITTLE).then(|| took.mul_f64((1.0 - done) / done))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead() -> Vec<Outlook> {
        let outlook = |streams: &[&str], records, requests| Outlook::new(streams.iter().copied(), records, requests);
        vec![outlook(&["orders", "order_products"], 5000, 15_000), outlook(&["customers"], 300, 4), outlook(&["coupons"], 0, 3)]
    }

    fn now(stream: &str, records: u64) -> Snapshot {
        let mut now = Snapshot::default();
        (now.stream, now.records, now.requests, now.in_flight) = (Some(stream.into()), 1200 + records, 3600, 3);
        now.streams = vec![("orders".to_owned(), 1200), (stream.to_owned(), records)];
        now
    }

    fn told(now: &Snapshot, width: usize) -> String {
        line(now, Some(&ahead()), Duration::from_secs(60), width)
    }

    #[test]
    fn the_live_line_tells_work_from_waiting() {
        let mut now = Snapshot::default();
        (now.stream, now.records, now.requests, now.in_flight) = (Some("orders".into()), 1200, 7, 3);
        assert_eq!(line(&now, None, Duration::ZERO, 80), "orders · 1,200 records · 7 requests (3 in flight)");
        (now.in_flight, now.idle) = (0, Some(Duration::from_secs(12)));
        assert_eq!(line(&now, None, Duration::ZERO, 80), "orders · 1,200 records · 7 requests · waiting 12 s");
        assert!(line(&Snapshot::default(), None, Duration::ZERO, 80).starts_with("starting"));
    }

    #[test]
    fn what_is_left_is_told_by_the_requests_that_it_takes() {
        // Of 15,007 requests 3,600 are done after a minute.
        assert_eq!(
            told(&now("order_products", 3100), 100),
            "orders · 1,200 of 5,000 records · 3,600 requests (3 in flight) · about 3.2 min left"
        );
        assert!(told(&now("customers", 150), 80).ends_with("about 1 s left"));
        // More than was counted is no part of it.
        assert!(told(&now("customers", 400), 80).contains("1,600 records"));
        assert!(!line(&now("orders", 0), Some(&ahead()), Duration::from_secs(1), 80).contains("left"), "it is too early");
    }

    #[test]
    fn a_narrow_terminal_is_told_less_and_no_line_is_wider_than_it() {
        let mut now = now("orders", 0);
        assert!(told(&now, 120).contains("in flight"));
        assert_eq!(told(&now, 79), "orders · 1,200 of 5,000 records · 3,600 requests · about 3.2 min left");
        assert_eq!(told(&now, 38), "orders · 1,200 of 5,000 · 3.2 min left");
        assert_eq!(told(&now, 21), "orders · 3.2 min left");
        now.idle = Some(Duration::from_secs(12));
        assert_eq!(told(&now, 38), "orders · 1,200 of 5,000 · waiting 12 s");
        for width in 0..120 {
            assert!(told(&now, width).chars().count() <= width);
        }
    }
}

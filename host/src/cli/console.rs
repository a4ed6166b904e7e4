//! Standard error: plain log lines, or on a terminal one live line with warnings above it and a table at the end.

use chrono::Utc;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tap_bigcommerce::{Progress, Snapshot, Summary};
use tap_bigcommerce_core::log::{Level, Style};

const REFRESH: Duration = Duration::from_millis(200);
/// Shorter pauses are the ordinary way of requests.
const PAUSE: Duration = Duration::from_secs(1);
const NOT_COMPLETE: &str = "not complete: the next run goes on from the state\n";

/// Where people read what happens. Clones write to the same place.
#[derive(Clone)]
pub(crate) struct Console {
    live: Option<Arc<ProgressBar>>,
    started: Instant,
    style: Style,
}

impl Console {
    /// Log lines only.
    pub(crate) fn plain(style: Style) -> Console {
        Console { live: None, started: Instant::now(), style }
    }

    /// A live line if standard error is a terminal that nothing else writes to, and lines are for people.
    pub(crate) fn for_sync(messages_on_stdout: bool, style: Style) -> Console {
        let shared = messages_on_stdout && std::io::stdout().is_terminal();
        if !std::io::stderr().is_terminal() || shared || style.is_json() {
            return Console::plain(style);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Console { live: Some(Arc::new(bar)), started: Instant::now(), style }
    }

    /// Takes a log line. The live line stands for INFO, metrics included.
    pub(crate) fn log(&self, line: &str) {
        if self.live.is_none() || !line.starts_with("INFO ") {
            self.tell(line);
        }
    }

    /// Writes a line that is for the person even where there is a live line.
    pub(crate) fn tell(&self, line: &str) {
        let (level, text) = Level::split(line);
        let Some(line) = self.style.line(level, text, Utc::now(), Some(std::process::id())) else { return };
        match &self.live {
            None => print(&line),
            Some(bar) => bar.suspend(|| print(&line)),
        }
    }

    /// Keeps the live line up to date until it is dropped or aborted.
    pub(crate) async fn follow(self, progress: Progress) {
        let Some(bar) = self.live else { return };
        loop {
            bar.set_message(live_line(&progress.snapshot()));
            bar.tick();
            tokio::time::sleep(REFRESH).await;
        }
    }

    /// Takes the live line away.
    pub(crate) fn clear(&self) {
        self.live.iter().for_each(|bar| bar.finish_and_clear());
    }

    /// Shows what a run did. A plain log has it in its metrics.
    pub(crate) fn summary(&self, summary: &Summary) {
        if self.live.is_some() {
            table(summary, self.started.elapsed()).lines().for_each(print);
        }
    }

    /// Shows how far a run came that was stopped or failed; nothing if it had not begun.
    pub(crate) fn broken_off(&self, now: &Snapshot) {
        if self.live.is_some() && now.requests > 0 {
            partial_table(now, self.started.elapsed()).lines().for_each(print);
        }
    }
}

/// A closed standard error is no reason to end a run.
fn print(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn live_line(now: &Snapshot) -> String {
    let stream = now.stream.as_deref().unwrap_or("starting");
    let mut line = format!("{stream} · {} records · {} requests", grouped(now.records), grouped(now.requests));
    match now.idle {
        Some(idle) if idle > PAUSE => line.push_str(&format!(" · waiting {} s", idle.as_secs())),
        _ if now.in_flight > 0 => line.push_str(&format!(" ({} in flight)", now.in_flight)),
        _ => {}
    }
    line
}

fn table(summary: &Summary, took: Duration) -> String {
    let heads = ["stream", "records", "skipped", "nulled", ""].map(str::to_owned);
    let rows = summary.streams.iter().map(|stream| {
        let ended = stream.failure.as_ref().map_or(String::new(), |failure| format!("failed: {}", failure.kind));
        [stream.name.clone(), grouped(stream.records), grouped(stream.skipped), grouped(stream.nulled), ended]
    });
    let mut text = columns(&std::iter::once(heads).chain(rows).collect::<Vec<_>>());
    let total = grouped(summary.streams.iter().map(|stream| stream.records).sum());
    let (requests, retries) = (grouped(summary.requests), grouped(summary.retries));
    let (took, waited) = (took.as_secs_f64(), summary.waited.as_secs_f64());
    text.push_str(&format!(
        "{total} records in {took:.1} s, {requests} requests, {retries} retries, {waited:.1} s waited for the quota\n"
    ));
    if !summary.complete {
        text.push_str(NOT_COMPLETE);
    }
    text
}

/// What is known of a run that gave no summary.
fn partial_table(now: &Snapshot, took: Duration) -> String {
    let heads = ["stream", "records", ""].map(str::to_owned);
    let rows = now.streams.iter().map(|(name, records)| [name.clone(), grouped(*records), String::new()]);
    let mut text = columns(&std::iter::once(heads).chain(rows).collect::<Vec<_>>());
    let (total, requests, took) = (grouped(now.records), grouped(now.requests), took.as_secs_f64());
    text.push_str(&format!("{total} records in {took:.1} s, {requests} requests\n{NOT_COMPLETE}"));
    text
}

/// Rows under each other: the first column to the left, numbers to the right, and what is said of a row at its end.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ if column + 1 == N => cell.clone(),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tap_bigcommerce::{Failure, Kind, StreamSummary};

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_live_line_tells_work_from_waiting() {
        let mut now = Snapshot { stream: Some("orders".into()), records: 1200, requests: 7, in_flight: 3, ..Snapshot::default() };
        assert_eq!(live_line(&now), "orders · 1,200 records · 7 requests (3 in flight)");
        (now.in_flight, now.idle) = (0, Some(Duration::from_secs(12)));
        assert_eq!(live_line(&now), "orders · 1,200 records · 7 requests · waiting 12 s");
        assert!(live_line(&Snapshot::default()).starts_with("starting"));
    }

    #[test]
    fn the_table_has_a_row_for_each_stream_and_the_totals() {
        let failure = Some(Failure::new(Kind::MissingScope, "no"));
        let streams = vec![
            StreamSummary { name: "orders".into(), records: 1500, nulled: 2, ..StreamSummary::default() },
            StreamSummary { name: "coupons".into(), failure, ..StreamSummary::default() },
        ];
        let summary = Summary { streams, requests: 40, retries: 1, complete: false, ..Summary::default() };
        let text = table(&summary, Duration::from_secs(2));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "stream   records  skipped  nulled");
        assert_eq!(lines[1], "orders     1,500        0       2");
        assert_eq!(lines[2], "coupons        0        0       0  failed: missing-scope");
        assert!(lines[3].starts_with("1,500 records in 2.0 s, 40 requests, 1 retries"));
        assert!(lines[4].starts_with("not complete"));
    }

    #[test]
    fn a_run_that_was_broken_off_has_a_row_for_each_stream_that_had_begun() {
        let streams = vec![("orders".to_owned(), 1500), ("order_products".to_owned(), 20)];
        let now = Snapshot { records: 1520, requests: 40, streams, ..Snapshot::default() };
        let text = partial_table(&now, Duration::from_secs(2));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["stream          records", "orders            1,500", "order_products       20"]);
        assert_eq!(lines[3], "1,520 records in 2.0 s, 40 requests");
        assert!(lines[4].starts_with("not complete"));
    }
}

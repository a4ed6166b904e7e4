//! Standard error: plain log lines, or on a terminal one live line with warnings above it and a table at the end.

use crate::live;
use crate::report::Warnings;
use crate::spent;
use crate::table::{self, grouped, layout, wrapped};
use chrono::Utc;
use console::Alignment;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tap_bigcommerce::{Event, EventKind, Outlook, Progress, Run, Snapshot, Spent, Summary};
use tap_bigcommerce_core::log::{Line, Style};

const REFRESH: Duration = Duration::from_millis(200);
/// Width of the spinner in front of the live line's text.
const SPINNER: usize = 2;
const NOT_COMPLETE: &str = "not complete: the next run resumes from the last state";

/// Where people read what happens. Clones write to the same place.
#[derive(Clone)]
pub(crate) struct Console {
    live: Option<Arc<ProgressBar>>,
    /// How much the run will read, once that is known.
    ahead: Arc<OnceLock<Vec<Outlook>>>,
    /// The streams that the run reads, once they are known.
    streams: Arc<OnceLock<Vec<String>>>,
    started: Instant,
    style: Style,
    warnings: Arc<Warnings>,
}

impl Console {
    /// Log lines only.
    pub(crate) fn plain(style: Style) -> Console {
        let started = Instant::now();
        Console { live: None, ahead: Arc::default(), streams: Arc::default(), started, style, warnings: Arc::default() }
    }

    /// With a live line, if standard error is a terminal that no other program writes to, and the log is not JSON.
    pub(crate) fn for_sync(shared: bool, style: Style) -> Console {
        if !std::io::stderr().is_terminal() || shared || style.is_json() {
            return Console::plain(style);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Console { live: Some(Arc::new(bar)), ..Console::plain(style) }
    }

    /// The streams that lines may be about.
    pub(crate) fn know(&self, streams: Vec<String>) {
        // There is one run.
        let _ = self.streams.set(streams);
    }

    /// Takes what happens in a run: its log is written, and its metrics with it.
    pub(crate) fn event(&self, event: &Event<'_>) {
        if let EventKind::Log { .. } | EventKind::Metric(_) = event.kind {
            self.log(&event.kind.to_string());
        }
    }

    /// Writes a log line. A live line replaces INFO lines, metrics included.
    pub(crate) fn log(&self, line: &str) {
        if self.live.is_none() || !line.starts_with("INFO ") {
            self.tell(line);
        }
    }

    /// Writes a line that is for the person even where there is a live line.
    pub(crate) fn tell(&self, line: &str) {
        if let Some(text) = line.strip_prefix("WARNING ") {
            self.warnings.note(text);
        }
        let line = Line::read(line, |name| self.streams.get().is_some_and(|known| known.iter().any(|known| known == name)));
        let Some(line) = self.style.line(&line, Utc::now(), Some(std::process::id())) else { return };
        match &self.live {
            None if self.style.is_json() => print(&line),
            None => print(wrapped(&line, "  ", terminal()).trim_end()),
            Some(bar) => bar.suspend(|| print(wrapped(&line, "  ", terminal()).trim_end())),
        }
    }

    /// The warnings that came so far.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Keeps the live line up to date until it is dropped or aborted.
    pub(crate) async fn follow(self, progress: Progress) {
        let Some(bar) = &self.live else { return };
        loop {
            let width = terminal().unwrap_or(usize::MAX).saturating_sub(SPINNER);
            let ahead = self.ahead.get().map(Vec::as_slice);
            bar.set_message(live::line(&progress.snapshot(), ahead, self.started.elapsed(), width));
            bar.tick();
            tokio::time::sleep(REFRESH).await;
        }
    }

    /// Asks the store how much the run will read, if there is a live line to show it. That costs one request per list.
    pub(crate) async fn look_ahead(&self, run: &Run) {
        // An error here is ignored: the run gets the same one, and reports it.
        if self.live.is_some()
            && let Ok(Some(ahead)) = run.outlook().await
        {
            // Asked once.
            let _ = self.ahead.set(ahead);
        }
    }

    /// Takes the live line away.
    pub(crate) fn clear(&self) {
        self.live.iter().for_each(|bar| bar.finish_and_clear());
    }

    /// Shows what a run did. A plain log has it in its metrics, except where its time went.
    pub(crate) fn summary(&self, summary: &Summary) {
        match self.live {
            Some(_) => table(summary, self.started.elapsed(), terminal()).lines().for_each(print),
            None => self.spent(&summary.spent),
        }
    }

    /// Shows how far a run got that was stopped or failed; nothing if it had not begun.
    pub(crate) fn interrupted(&self, now: &Snapshot, spent: &Spent) {
        match self.live {
            _ if now.requests == 0 => {}
            Some(_) => partial_table(now, spent, self.started.elapsed(), terminal()).lines().for_each(print),
            None => self.spent(spent),
        }
    }

    fn spent(&self, spent: &Spent) {
        let lines = [spent::line(spent), spent::metric(spent)];
        lines.iter().flatten().for_each(|line| self.log(&format!("INFO {line}")));
    }
}

/// The columns of the terminal behind standard error.
fn terminal() -> Option<usize> {
    table::width(&Term::stderr())
}

/// A closed standard error is no reason to end a run.
fn print(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn table(summary: &Summary, took: Duration, width: Option<usize>) -> String {
    let heads = ["stream", "records", "skipped", "nulled", "aside", ""].map(str::to_owned);
    let rows = summary.streams.iter().map(|stream| {
        let counts = [stream.records, stream.skipped, stream.nulled, stream.aside].map(grouped);
        let [records, skipped, nulled, aside] = counts;
        let ended = stream.failure.as_ref().map_or(String::new(), |failure| format!("failed: {}", failure.kind));
        [stream.name.clone(), records, skipped, nulled, aside, ended]
    });
    let rows = std::iter::once(heads).chain(rows);
    let (left, right) = (Alignment::Left, Alignment::Right);
    let mut text = if summary.streams.iter().any(|stream| stream.aside > 0) {
        layout(&rows.collect::<Vec<_>>(), [left, right, right, right, right, left], width)
    } else {
        let rows = rows.map(|[stream, records, skipped, nulled, _, ended]| [stream, records, skipped, nulled, ended]);
        layout(&rows.collect::<Vec<_>>(), [left, right, right, right, left], width)
    };
    let total = grouped(summary.streams.iter().map(|stream| stream.records).sum());
    let (requests, retries) = (grouped(summary.requests), grouped(summary.retries));
    let took = took.as_secs_f64();
    let again = if summary.retries == 1 { "retry" } else { "retries" };
    text.push_str(&wrapped(&format!("{total} records in {took:.1} s, {requests} requests, {retries} {again}"), "", width));
    spent::line(&summary.spent).iter().for_each(|line| text.push_str(&wrapped(line, "", width)));
    if !summary.complete {
        text.push_str(&wrapped(NOT_COMPLETE, "", width));
    }
    text
}

/// What is known of a run that gave no summary.
fn partial_table(now: &Snapshot, spent: &Spent, took: Duration, width: Option<usize>) -> String {
    let heads = ["stream", "records", ""].map(str::to_owned);
    let rows = now.streams.iter().map(|(name, records)| [name.clone(), grouped(*records), String::new()]);
    let rows = std::iter::once(heads).chain(rows).collect::<Vec<_>>();
    let mut text = layout(&rows, [Alignment::Left, Alignment::Right, Alignment::Left], width);
    let (total, requests, took) = (grouped(now.records), grouped(now.requests), took.as_secs_f64());
    text.push_str(&wrapped(&format!("{total} records in {took:.1} s, {requests} requests"), "", width));
    spent::line(spent).iter().for_each(|line| text.push_str(&wrapped(line, "", width)));
    text.push_str(&wrapped(NOT_COMPLETE, "", width));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tap_bigcommerce::{Failure, Kind, StreamSummary};

    fn stream(name: &str, records: u64, change: impl FnOnce(&mut StreamSummary)) -> StreamSummary {
        let mut stream = StreamSummary::default();
        (stream.name, stream.records) = (name.to_owned(), records);
        change(&mut stream);
        stream
    }

    fn run(streams: Vec<StreamSummary>, complete: bool) -> Summary {
        let mut summary = Summary::default();
        (summary.streams, summary.complete, summary.requests, summary.retries) = (streams, complete, 40, 1);
        summary
    }

    #[test]
    fn the_table_has_a_row_for_each_stream_and_the_totals() {
        let failure = Some(Failure::new(Kind::MissingScope, "no"));
        let streams =
            vec![stream("orders", 1500, |stream| stream.nulled = 2), stream("coupons", 0, |stream| stream.failure = failure)];
        let text = table(&run(streams, false), Duration::from_secs(2), None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "stream   records  skipped  nulled");
        assert_eq!(lines[1], "orders     1,500        0       2");
        assert_eq!(lines[2], "coupons        0        0       0  failed: missing-scope");
        assert_eq!(lines[3], "1,500 records in 2.0 s, 40 requests, 1 retry");
        assert!(lines[4].starts_with("not complete"));
    }

    #[test]
    fn the_table_counts_records_that_are_set_aside_where_there_are_any() {
        let aside = |name: &str, aside| stream(name, 7, |stream| stream.aside = aside);
        let mut summary = run(vec![aside("orders", 1200), aside("coupons", 0)], true);
        summary.spent.computing = Duration::from_secs(1);
        let text = table(&summary, Duration::from_secs(2), None);
        let rows = [
            "stream   records  skipped  nulled  aside",
            "orders         7        0       0  1,200",
            "coupons        7        0       0      0",
        ];
        assert_eq!(text.lines().take(3).collect::<Vec<_>>(), rows);
        assert!(text.ends_with("14 records in 2.0 s, 40 requests, 1 retry\ntime: 100 % computing\n"), "{text}");
        assert!(!text.contains("not complete"));
        assert!(table(&summary, Duration::from_secs(2), Some(20)).contains("aside    1,200"));
    }

    #[test]
    fn a_run_that_was_interrupted_has_a_row_for_each_stream_that_had_begun() {
        let streams = vec![("orders".to_owned(), 1500), ("order_products".to_owned(), 20)];
        let mut now = Snapshot::default();
        (now.records, now.requests, now.streams) = (1520, 40, streams);
        let mut spent = Spent::default();
        spent.quota = Duration::from_secs(1);
        let text = partial_table(&now, &spent, Duration::from_secs(2), None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["stream          records", "orders            1,500", "order_products       20"]);
        assert_eq!(lines[3], "1,520 records in 2.0 s, 40 requests");
        assert_eq!(lines[4], "time: 100 % waiting for the quota");
        assert!(lines[5].starts_with("not complete"));
    }
}

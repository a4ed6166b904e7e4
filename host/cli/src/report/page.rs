//! The page: one file, styles and picture inside, nothing loaded.

use super::chart::{figure, spent, time};
use crate::table::grouped;
use chrono::{DateTime, Utc};
use std::fmt::Write as _;
use std::time::Duration;
use tap_bigcommerce::{Failure, Kind, Spent, StreamSummary, Summary, Timeline};
use tap_bigcommerce_core::dates;

const STYLE: &str = include_str!("page.css");

/// What a page shows.
pub(super) struct Page<'p> {
    pub(super) store: &'p str,
    pub(super) began: DateTime<Utc>,
    pub(super) took: Duration,
    /// Why the run is not complete.
    pub(super) failure: Option<Failure>,
    /// None: the run failed as a whole, or was stopped.
    pub(super) summary: Option<&'p Summary>,
    pub(super) streams: Vec<StreamSummary>,
    pub(super) requests: u64,
    pub(super) spent: Spent,
    pub(super) timeline: Timeline,
    pub(super) warnings: Vec<String>,
    /// Of them only the first ones are at hand.
    pub(super) all_warnings: u64,
}

impl Page<'_> {
    pub(super) fn html(&self) -> String {
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>tap-bigcommerce: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
            self.verdict().0
        );
        self.head(&mut html);
        self.figures(&mut html);
        html.push_str(&spent(&self.spent));
        html.push_str("<h2>Streams</h2>\n");
        self.table(&mut html);
        html.push_str("<h2>Requests over time</h2>\n");
        html.push_str(&figure(&self.timeline));
        self.told_warnings(&mut html);
        html.push_str(concat!("<footer>tap-bigcommerce ", env!("CARGO_PKG_VERSION"), "</footer>\n</main>\n</body>\n</html>\n"));
        html
    }

    /// How the run ended, and how that looks.
    fn verdict(&self) -> (&'static str, &'static str) {
        match &self.failure {
            Some(failure) if failure.kind == Kind::Cancelled => ("stopped", "warn"),
            Some(failure) if failure.kind == Kind::SetAside => ("some records set aside", "warn"),
            Some(_) if self.summary.is_some() => ("not complete", "bad"),
            Some(_) => ("failed", "bad"),
            None if self.summary.is_some_and(|summary| summary.complete) => ("complete", "good"),
            None => ("not complete", "warn"),
        }
    }

    // Writing to a String cannot fail.
    fn head(&self, html: &mut String) {
        let (verdict, look) = self.verdict();
        let _ = writeln!(html, "<header>\n<h1>tap-bigcommerce <span class=\"verdict {look}\">{verdict}</span></h1>");
        let began = dates::filter(self.began).replace('T', " ").replace('Z', " UTC");
        let _ = writeln!(
            html,
            "<p class=\"quiet\">{} &middot; began {began} &middot; took {}</p>",
            escaped(self.store),
            time(self.took)
        );
        if let Some(failure) = &self.failure {
            let _ = writeln!(html, "<p class=\"why {look}\">{}</p>", escaped(&failure.to_string()));
        }
        html.push_str("</header>\n");
    }

    /// A run without a summary does not know its retries.
    fn figures(&self, html: &mut String) {
        let records: u64 = self.streams.iter().map(|stream| stream.records).sum();
        let mut figures = vec![("records", grouped(records)), ("requests", grouped(self.requests))];
        figures.extend(self.summary.map(|summary| ("retries", grouped(summary.retries))));
        figures.push(("warnings", grouped(self.all_warnings)));
        html.push_str("<dl class=\"figures\">\n");
        for (name, figure) in figures {
            let _ = writeln!(html, "<div><dt>{name}</dt><dd>{figure}</dd></div>");
        }
        html.push_str("</dl>\n");
    }

    fn table(&self, html: &mut String) {
        if self.streams.is_empty() {
            html.push_str("<p class=\"quiet\">No stream was begun.</p>\n");
            return;
        }
        let some_aside = self.streams.iter().any(|stream| stream.aside > 0);
        html.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>stream</th><th class=\"number\">records</th>");
        if self.summary.is_some() {
            let aside = if some_aside { "<th class=\"number\">set aside</th>" } else { "" };
            let _ = write!(html, "<th class=\"number\">skipped</th><th class=\"number\">nulled</th>{aside}<th>outcome</th>");
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for stream in &self.streams {
            let _ = write!(html, "<tr><th>{}</th><td class=\"number\">{}</td>", escaped(&stream.name), grouped(stream.records));
            if self.summary.is_some() {
                told_stream(html, stream, some_aside);
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table></div>\n");
    }

    fn told_warnings(&self, html: &mut String) {
        if self.warnings.is_empty() {
            return;
        }
        html.push_str("<h2>Warnings</h2>\n<ul>\n");
        for warning in &self.warnings {
            let _ = writeln!(html, "<li>{}</li>", escaped(warning));
        }
        html.push_str("</ul>\n");
        let more = self.all_warnings.saturating_sub(self.warnings.len() as u64);
        if more > 0 {
            let _ = writeln!(html, "<p class=\"quiet\">and {} more, in the log</p>", grouped(more));
        }
    }
}

fn told_stream(html: &mut String, stream: &StreamSummary, some_aside: bool) {
    for count in [stream.skipped, stream.nulled].into_iter().chain(some_aside.then_some(stream.aside)) {
        let _ = write!(html, "<td class=\"number\">{}</td>", grouped(count));
    }
    let _ = match &stream.failure {
        Some(failure) => write!(html, "<td class=\"bad\">failed: {}</td>", escaped(&failure.message)),
        None if !stream.complete => write!(html, "<td class=\"quiet\">not complete</td>"),
        None if stream.aside > 0 => write!(html, "<td class=\"warn\">complete except for what is set aside</td>"),
        None => write!(html, "<td class=\"good\">complete</td>"),
    };
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_control() => html.push(' '),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(change: impl FnOnce(&mut StreamSummary)) -> StreamSummary {
        let mut stream = StreamSummary::default();
        change(&mut stream);
        stream
    }

    fn page(failure: Option<Failure>, summary: Option<&Summary>) -> String {
        let streams = vec![stream(|stream| {
            (stream.name, stream.records, stream.failure) = ("<b>".into(), 1500, failure.clone());
        })];
        let (store, began, took, timeline) = ("sandbox/stores/abc", Utc::now(), Duration::from_secs(90), Timeline::default());
        let warnings = vec!["a \"field\" & more".to_owned()];
        let spent = Spent::default();
        Page { store, began, took, failure, summary, streams, requests: 7, spent, timeline, warnings, all_warnings: 12 }.html()
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let html = page(Some(Failure::new(Kind::Api, "<script>x</script>")), None);
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script") && html.contains("<th>&lt;b&gt;</th>"), "{html}");
        assert!(html.contains("a &quot;field&quot; &amp; more") && html.contains("and 11 more"), "{html}");
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let html = page(None, None);
        for loading in ["src=", "href=", "url(", "@import", "<link", "http://", "https://"] {
            assert!(!html.contains(loading), "{loading}");
        }
    }

    #[test]
    fn the_verdict_is_the_runs() {
        let mut complete = Summary::default();
        complete.complete = true;
        let title = |html: String| html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap().to_owned();
        assert_eq!(title(page(None, Some(&complete))), "tap-bigcommerce: complete");
        let limited = Summary::default();
        assert_eq!(title(page(None, Some(&limited))), "tap-bigcommerce: not complete");
        let failure = |kind| Some(Failure::new(kind, "why"));
        assert_eq!(title(page(failure(Kind::MissingScope), Some(&limited))), "tap-bigcommerce: not complete");
        assert_eq!(title(page(failure(Kind::SetAside), Some(&complete))), "tap-bigcommerce: some records set aside");
        assert_eq!(title(page(failure(Kind::Cancelled), None)), "tap-bigcommerce: stopped");
        let failed = page(failure(Kind::Unreachable), None);
        assert!(!failed.contains("skipped") && !failed.contains("retries"), "what is not known is not told as zero");
        assert_eq!(title(failed), "tap-bigcommerce: failed");
    }

    #[test]
    fn the_outcome_is_each_streams_own() {
        let outcome = |stream| {
            let mut html = String::new();
            told_stream(&mut html, &stream, true);
            html
        };
        assert!(outcome(stream(|stream| stream.aside = 1200)).contains("not complete"));
        let told = outcome(stream(|stream| (stream.aside, stream.complete) = (1200, true)));
        assert!(told.contains(">1,200</td>") && told.contains("complete except for what is set aside"), "{told}");
        assert!(outcome(stream(|stream| stream.complete = true)).contains(">complete<"));
        let failure = Some(Failure::new(Kind::Api, "broken"));
        assert!(outcome(stream(|stream| stream.failure = failure)).contains("failed: broken"));
    }
}

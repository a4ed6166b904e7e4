//! The page: one file, styles and picture inside, nothing loaded.

use super::chart::{figure, spent, time};
use crate::table::grouped;
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};
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
    /// How many there were in all; `warnings` has only the first ones.
    pub(super) all_warnings: u64,
}

impl Page<'_> {
    pub(super) fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    title { "tap-bigcommerce: " (self.verdict().0) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        (self.head())
                        (self.figures())
                        (spent(&self.spent))
                        h2 { "Streams" }
                        (self.table())
                        h2 { "Requests over time" }
                        (figure(&self.timeline))
                        (self.told_warnings())
                        footer { "tap-bigcommerce " (env!("CARGO_PKG_VERSION")) }
                    }
                }
            }
        };
        page.into_string()
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

    fn head(&self) -> Markup {
        let (verdict, look) = self.verdict();
        let began = dates::filter(self.began).replace('T', " ").replace('Z', " UTC");
        html! {
            header {
                h1 { "tap-bigcommerce " span.verdict.(look) { (verdict) } }
                p.quiet { (shown(self.store)) " · began " (began) " · took " (time(self.took)) }
                @if let Some(failure) = &self.failure {
                    p.why.(look) { (shown(&failure.to_string())) }
                }
            }
        }
    }

    /// A run without a summary does not know its retries.
    fn figures(&self) -> Markup {
        let records: u64 = self.streams.iter().map(|stream| stream.records).sum();
        let retries = self.summary.map(|summary| ("retries", summary.retries));
        let figures = [("records", records), ("requests", self.requests)].into_iter().chain(retries);
        html! {
            dl.figures {
                @for (name, figure) in figures.chain([("warnings", self.all_warnings)]) {
                    div { dt { (name) } dd { (grouped(figure)) } }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        if self.streams.is_empty() {
            return html! { p.quiet { "No stream was begun." } };
        }
        let some_aside = self.streams.iter().any(|stream| stream.aside > 0);
        html! {
            div.scroll {
                table {
                    thead {
                        tr {
                            th { "stream" }
                            th.number { "records" }
                            @if self.summary.is_some() {
                                th.number { "skipped" }
                                th.number { "nulled" }
                                @if some_aside { th.number { "set aside" } }
                                th { "outcome" }
                            }
                        }
                    }
                    tbody {
                        @for stream in &self.streams {
                            tr {
                                th { (shown(&stream.name)) }
                                td.number { (grouped(stream.records)) }
                                @if self.summary.is_some() { (told_stream(stream, some_aside)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn told_warnings(&self) -> Markup {
        let more = self.all_warnings.saturating_sub(self.warnings.len() as u64);
        html! {
            @if !self.warnings.is_empty() {
                h2 { "Warnings" }
                ul { @for warning in &self.warnings { li { (shown(warning)) } } }
                @if more > 0 { p.quiet { "and " (grouped(more)) " more, in the log" } }
            }
        }
    }
}

fn told_stream(stream: &StreamSummary, some_aside: bool) -> Markup {
    let (look, outcome) = match &stream.failure {
        Some(failure) => ("bad", format!("failed: {}", shown(&failure.message))),
        None if !stream.complete => ("quiet", "not complete".to_owned()),
        None if stream.aside > 0 => ("warn", "complete except for what is set aside".to_owned()),
        None => ("good", "complete".to_owned()),
    };
    html! {
        @for count in [stream.skipped, stream.nulled].into_iter().chain(some_aside.then_some(stream.aside)) {
            td.number { (grouped(count)) }
        }
        td.(look) { (outcome) }
    }
}

/// A text without characters that a page cannot hold.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
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
    fn the_title_says_how_the_run_ended() {
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
        let outcome = |stream| told_stream(&stream, true).into_string();
        assert!(outcome(stream(|stream| stream.aside = 1200)).contains("not complete"));
        let told = outcome(stream(|stream| (stream.aside, stream.complete) = (1200, true)));
        assert!(told.contains(">1,200</td>") && told.contains("complete except for what is set aside"), "{told}");
        assert!(outcome(stream(|stream| stream.complete = true)).contains(">complete<"));
        let failure = Some(Failure::new(Kind::Api, "broken"));
        assert!(outcome(stream(|stream| stream.failure = failure)).contains("failed: broken"));
    }
}

//! `--report FILE`: what a run did, as a page that a browser shows without network.

mod chart;
mod page;

use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tap_bigcommerce::files::{self, Readers};
use tap_bigcommerce::{Failure, Kind, Progress, Result, StreamSummary, Summary};

/// Further warnings are only counted.
const MOST_WARNINGS: usize = 100;

/// A report that is written when its run has ended.
pub(crate) struct Report {
    file: PathBuf,
    store: String,
    began: DateTime<Utc>,
    clock: Instant,
}

/// Warnings of a run, for its report.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<(Vec<String>, u64)>);

impl Warnings {
    pub(crate) fn note(&self, text: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1 += 1;
        if kept.0.len() < MOST_WARNINGS {
            kept.0.push(text.to_owned());
        }
    }

    /// The first ones, and how many there were in all.
    fn told(&self) -> (Vec<String>, u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Report {
    /// A report of a run that begins now, against this store. Fails if its file could not be written.
    pub(crate) fn new(file: &Path, store: String) -> Result<Report> {
        files::probe(file).map_err(|fault| unwritable(file, &fault))?;
        Ok(Report { file: file.to_owned(), store, began: Utc::now(), clock: Instant::now() })
    }

    /// Writes the page.
    pub(crate) fn write(
        &self,
        summary: Option<&Summary>,
        result: &Result<()>,
        progress: &Progress,
        warnings: &Warnings,
    ) -> Result<()> {
        let now = progress.snapshot();
        let told = |(name, records): (String, u64)| {
            let mut stream = StreamSummary::default();
            (stream.name, stream.records) = (name, records);
            stream
        };
        let (streams, requests) = match summary {
            Some(summary) => (summary.streams.clone(), summary.requests),
            None => (now.streams.into_iter().map(told).collect(), now.requests),
        };
        let (warnings, all_warnings) = warnings.told();
        let page = page::Page {
            store: &self.store,
            began: self.began,
            took: self.clock.elapsed(),
            failure: result.as_ref().err().cloned(),
            summary,
            streams,
            requests,
            spent: progress.spent(),
            timeline: progress.timeline(),
            warnings,
            all_warnings,
        };
        files::replace(&self.file, page.html().as_bytes(), Readers::AsBefore).map_err(|fault| unwritable(&self.file, &fault))
    }
}

fn unwritable(file: &Path, fault: &std::io::Error) -> Failure {
    Failure::new(Kind::Sink, format!("the report {} cannot be written: {fault}; name another file with --report", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_warnings_are_kept_and_all_are_counted() {
        let warnings = Warnings::default();
        (0..3 * MOST_WARNINGS).for_each(|number| warnings.note(&number.to_string()));
        let (kept, all) = warnings.told();
        assert_eq!((kept.len(), all, kept[0].as_str()), (MOST_WARNINGS, 3 * MOST_WARNINGS as u64, "0"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        for wrong in [folder.path().to_owned(), folder.path().join("no/report.html")] {
            let failure = Report::new(&wrong, String::new()).err().unwrap();
            assert!(failure.kind == Kind::Sink && failure.message.contains("--report"), "{failure}");
        }
    }
}

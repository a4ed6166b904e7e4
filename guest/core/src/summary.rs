//! What a run did, stream by stream.

use crate::api::gate::Counts;
use crate::error::{Failure, Kind, set_aside, summarize};
use serde_json::Value;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Each selected stream that was begun.
    pub streams: Vec<StreamSummary>,
    /// What was asked of the store.
    pub counts: Counts,
    /// Whether everything was read: no limit was reached and no stream failed.
    pub complete: bool,
    /// The last state.
    pub state: Value,
}

impl Summary {
    /// The failure of the run: that of its failed streams, or one of kind set-aside if records are set aside. None if all is
    /// well.
    pub fn verdict(&self) -> Option<Failure> {
        let left = self.streams.iter().filter_map(|stream| Some((stream.name, stream.failure.as_ref()?)));
        let aside = self.streams.iter().map(|stream| (stream.name, stream.aside));
        summarize("the run is not complete", left).or_else(|| set_aside(aside))
    }
}

/// What a run made of one stream.
#[derive(Clone, Debug)]
pub struct StreamSummary {
    /// Its name.
    pub name: &'static str,
    /// RECORD messages written.
    pub records: u64,
    /// Records that were read and that the filter of `stream_maps` has left out.
    pub filtered: u64,
    /// Records that were deleted while they were read.
    pub skipped: u64,
    /// Values that did not fit their schema and became null.
    pub nulled: u64,
    /// Records that the store cannot serve, now or in an earlier run: the STATE names them, and each run asks for them again.
    pub aside: u64,
    /// Whether it was read to its end.
    pub complete: bool,
    /// Why the stream was left, if it was. What was written before is good.
    pub failure: Option<Failure>,
}

impl StreamSummary {
    /// How it ended, for a person.
    pub(crate) fn outcome(&self) -> String {
        let StreamSummary { records, filtered, skipped, nulled, aside, .. } = self;
        let ended = match &self.failure {
            Some(failure) if failure.kind == Kind::Cancelled => "stopped before its end".to_owned(),
            Some(failure) => format!("failed ({})", failure.kind),
            None if self.complete => "done".to_owned(),
            None => "not at its end yet, because of a limit".to_owned(),
        };
        let aside = if *aside > 0 { format!(", {aside} set aside") } else { String::new() };
        let filtered = if *filtered > 0 { format!("{filtered} left out by the filter, ") } else { String::new() };
        format!("{ended}; {records} records written, {filtered}{skipped} skipped, {nulled} values nulled{aside}")
    }
}

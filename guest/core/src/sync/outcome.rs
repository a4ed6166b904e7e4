//! What became of each stream: its summary, its metrics, and a line for a person.

use super::{Run, Stage};
use crate::api::{Clock, Transport};
use crate::error::Result;
use crate::group::Group;
use crate::shapes::RecordMap;
use crate::summary::StreamSummary;
use serde_json::json;
use std::time::Duration;

/// If a filter leaves out this many records and passes none, there is a warning.
const MANY: u64 = 100;

impl<T: Transport, C: Clock> Run<'_, T, C> {
    /// Adds a group's streams to the summary.
    pub(super) fn conclude(&mut self, stage: &Stage<'_>, result: &Result<bool>, took: Duration) -> Result<()> {
        let took = took.as_secs_f64();
        for (place, (member, tally)) in stage.group.members.iter().zip(&stage.tallies).enumerate() {
            let name = member.stream.name;
            let failure = stage.takers.failure(place).or_else(|| result.as_ref().err().cloned());
            let status = if failure.is_some() { "failed" } else { "succeeded" };
            self.log.metric("counter", "record_count", json!(tally.records), json!({ "stream": name, "endpoint": name }));
            self.log.metric("timer", "sync_duration", json!(took), json!({ "stream": name, "status": status }));
            self.log.metric("timer", "job_duration", json!(took), json!({ "job_type": name, "status": status }));
            let (records, filtered, skipped, nulled) = (tally.records, tally.filtered, tally.skipped, tally.nulled());
            if member.written.map.as_ref().is_some_and(RecordMap::has_filter) {
                self.log.metric("counter", "filtered_record_count", json!(filtered), json!({ "stream": name, "endpoint": name }));
            }
            let aside = self.state.aside(member.stream)?.len() as u64;
            let complete = *result == Ok(true) && stage.takers.reads_for(place);
            self.summaries.push(StreamSummary { name, records, filtered, skipped, nulled, aside, complete, failure });
        }
        self.gate.report();
        Ok(())
    }

    /// Writes a line for each selected stream: how it ended.
    pub(super) fn report_outcomes(&self, groups: &[Group]) {
        for member in groups.iter().flat_map(|group| &group.members) {
            let name = member.stream.name;
            let outcome = match self.summaries.iter().find(|summary| summary.name == name) {
                None => "not begun; the next run reads it".to_owned(),
                Some(summary) => summary.outcome(),
            };
            self.log.info(Some(name), &outcome);
            let all = self.summaries.iter().find(|summary| summary.name == name && summary.records == 0);
            if let Some(filtered) = all.map(|summary| summary.filtered).filter(|filtered| *filtered >= MANY) {
                let text = format!(
                    "the filter in stream_maps left out all of {filtered} records; if some should pass, check its values and their case"
                );
                self.log.warn(Some(name), &text);
            }
        }
    }
}

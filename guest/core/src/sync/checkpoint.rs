//! What a run notes in its STATE, and when it writes one.

use super::{CHECKPOINT_RECORDS, CHECKPOINT_TIME, Run, Stage};
use crate::api::{Clock, Transport};
use crate::error::Result;
use crate::group::Member;
use crate::start::is_known_in_all_channels;
use crate::walk::MARGIN;

impl<T: Transport, C: Clock> Run<'_, T, C> {
    /// Writes a STATE if one is due. Call it where everything that the progress covers has been written.
    pub(super) async fn checkpoint(&mut self, stage: &Stage<'_>) -> Result<()> {
        let due = self.has_written_enough() || self.gate.clock().now() >= self.state_at + CHECKPOINT_TIME;
        // When the time is over, the last STATE comes soon.
        if due && !self.gate.is_ending() {
            self.note(stage);
            self.write_state().await?;
        }
        Ok(())
    }

    /// Whether a STATE is due whatever the time is.
    pub(super) fn has_written_enough(&self) -> bool {
        self.since_state >= CHECKPOINT_RECORDS
    }

    /// Notes in the state how far the group's walk has come.
    pub(super) fn note(&mut self, stage: &Stage<'_>) {
        if !stage.progress.is_at_start() {
            let members = stage.group.members.iter().enumerate();
            for (_, member) in members.filter(|(place, _)| stage.takers.reads_for(*place)) {
                self.state.set_walk(member.stream, &stage.progress);
            }
        }
    }

    /// Notes in the state that the group's walk is complete. Each stream's bookmark moves up to the newest record seen, but not
    /// into the last moments before the walk started, and not beyond `end_date`. It moves back only for entries that cannot be
    /// requested by themselves, or for new channels.
    pub(super) fn complete(&mut self, stage: &Stage<'_>) {
        let progress = &stage.progress;
        let safe = progress.started.and_then(|started| Some(progress.newest?.min(started - MARGIN)));
        let safe = safe.map(|safe| self.config.end_date.map_or(safe, |end| safe.min(end)));
        let members = stage.group.members.iter().enumerate();
        for (place, Member { stream, fields, .. }) in members.filter(|(place, _)| stage.takers.reads_for(*place)) {
            let own = progress.members.get(stream.name).and_then(|since| since.0);
            let bookmark = match stage.takers.aside_of(place).hold_back() {
                // The next walk must read such entries again, even if they are older than an earlier bookmark.
                Some(date) => own.max(safe.min(date)),
                // A walk through the whole list has no start, and its bookmark must stay. The old bookmark does not cover
                // channels that no earlier run has read.
                None => {
                    let has_read = is_known_in_all_channels(stream, &self.config, &self.state);
                    own.max(self.state.bookmark(stream).ok().flatten().filter(|_| has_read)).max(safe)
                }
            };
            self.state.complete(stream, bookmark, fields, self.config.channels.of(stream.list().channels));
            progress.refreshed(stream.name).into_iter().for_each(|begun| self.state.note_refreshed(stream, begun));
        }
    }

    pub(super) async fn write_state(&mut self) -> Result<()> {
        self.since_state = 0;
        self.state_at = self.gate.clock().now();
        self.output.state(self.state.value());
        self.flush().await
    }

    /// Hands what is written to the sink, which works on it while the run continues.
    pub(super) async fn hand_over(&mut self) -> Result<()> {
        let begun = self.gate.clock().now();
        let done = self.output.hand_over().await;
        self.gate.sink_took(self.gate.clock().now() - begun);
        done
    }

    /// The same, and flushes the sink, because nothing follows soon.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let begun = self.gate.clock().now();
        let done = self.output.flush().await;
        self.gate.sink_took(self.gate.clock().now() - begun);
        done
    }
}

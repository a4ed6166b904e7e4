//! Where a run may end before its streams do: `max_records`, `max_seconds`, a stop from outside.

use super::{CHECKPOINT_TIME, Run, Stage};
use crate::api::{Clock, Transport};
use crate::error::{Failure, Kind, Result};
use crate::page::Pages;
use crate::pipeline::{Item, Pipeline, Room};
use futures_util::future::{Either, FutureExt, pending, select};
use std::pin::pin;

impl<T: Transport, C: Clock> Run<'_, T, C> {
    /// The next item, unless the run is stopped first. None: there is none, or a limit of the run leaves no room for it. Before it waits, what
    /// is written is handed over; if it waits long, a STATE is written.
    pub(super) async fn next<'p, P: Pages + 'p>(
        &mut self,
        stage: &Stage<'_>,
        pipeline: &mut Pipeline<'p, P, T, C>,
    ) -> Result<Option<Item>> {
        let mut handed_over = false;
        loop {
            let room = self.room(stage);
            self.heed_stop()?;
            match pipeline.next(room).now_or_never() {
                Some(item) => return item.transpose(),
                None if stage.is_leftover && self.is_late() => return Ok(None),
                // When the time is over, what is under way comes first: the sink may be slow.
                None if !self.gate.is_ending() && !std::mem::replace(&mut handed_over, true) => {
                    self.flush().await?;
                    continue;
                }
                None => {}
            }
            let now = self.gate.clock().now();
            let due = (self.since_state > 0).then(|| self.state_at + CHECKPOINT_TIME);
            let over = self.deadline.filter(|over| *over > now && self.may_end(stage));
            // When the time is over, only the last STATE is left to write.
            let wake = due.into_iter().chain(over).min().filter(|_| !self.gate.is_ending());
            let timer = async {
                match wake {
                    Some(wake) => self.gate.clock().sleep(wake.saturating_sub(now)).await,
                    None => pending().await,
                }
            };
            match select(self.stop.as_mut(), select(pin!(pipeline.next(room)), pin!(timer))).await {
                Either::Left(_) => return Err(stopped()),
                Either::Right((Either::Left((item, _)), _)) => return item.transpose(),
                Either::Right((Either::Right(_), _)) => self.checkpoint(stage).await?,
            }
        }
    }

    /// Fails if the run is stopped from outside.
    pub(super) fn heed_stop(&mut self) -> Result<()> {
        match self.stop.as_mut().now_or_never() {
            Some(()) => Err(stopped()),
            None => Ok(()),
        }
    }

    /// Whether the run may end here. Each run makes some progress first, so that a series of limited runs always advances.
    pub(super) fn may_end(&self, stage: &Stage<'_>) -> bool {
        self.advanced || stage.is_leftover
    }

    /// How much more may be requested. When the time is over, nothing new starts, and what is in progress ends as far as it need
    /// not wait.
    fn room(&mut self, stage: &Stage<'_>) -> Room {
        let left = self.max_records.map(|most| most.saturating_sub(self.read));
        // The first record is always read.
        let left = left.map(|left| if self.advanced { left } else { left.max(1) });
        if self.is_late() && self.may_end(stage) {
            if !stage.is_leftover {
                self.gate.end();
            }
            // When walking by cursor, only a complete page moves the position.
            return Room { records: if stage.is_by_id() { Some(0) } else { None }, page: Some(0) };
        }
        Room { records: if stage.is_by_id() { left } else { None }, page: left }
    }

    pub(super) fn at_limit(&self) -> bool {
        self.has_records_enough() || self.is_late()
    }

    pub(super) fn has_records_enough(&self) -> bool {
        self.max_records.is_some_and(|most| self.read >= most)
    }

    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|end| self.gate.clock().now() >= end)
    }
}

fn stopped() -> Failure {
    Failure::new(Kind::Cancelled, "the run was stopped; resume it from the last STATE")
}

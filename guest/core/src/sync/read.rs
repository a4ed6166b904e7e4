//! From what a source brings to RECORD messages, record by record.

use super::{Ended, Run, Stage};
use crate::api::{Clock, Transport};
use crate::aside::Entries;
use crate::error::{Failure, Kind, Result};
use crate::page::{Pages, Row};
use crate::pipeline::{Item, MOST_RECORDS, Pipeline};
use crate::progress::Position;
use crate::records::{self, Tally, Target};
use crate::rows::{Chunk, Completed, Failed, Fetcher};
use crate::walk::Extent;
use std::cell::RefCell;
use std::rc::Rc;

impl<T: Transport, C: Clock> Run<'_, T, C> {
    /// Writes what a source brings.
    pub(super) async fn read(&mut self, stage: &mut Stage<'_>, source: impl Pages) -> Result<Ended> {
        let (group, log) = (stage.group, self.log.clone());
        let fetcher = Fetcher {
            gate: self.gate,
            log: &*log,
            group,
            takers: stage.takers.clone(),
            page_size: self.config.page_size,
            tries: stage.is_leftover.then_some(1),
            are_hidden: stage.progress.pass > 0,
            notes: RefCell::default(),
        };
        let chunk = if stage.is_leftover { 1 } else { group.chunk() };
        let fan_out = self.fan_out(stage.is_leftover, if group.asks() { chunk } else { 1 });
        let ended = self.drain(stage, Pipeline::new(source, &fetcher, fan_out, chunk)).await;
        fetcher.report_embedded();
        ended
    }

    async fn drain<'f>(&mut self, stage: &mut Stage<'_>, mut pipeline: Pipeline<'f, impl Pages + 'f, T, C>) -> Result<Ended> {
        loop {
            let item = match self.next(stage, &mut pipeline).await {
                // The time is over, and what was in progress would have had to wait.
                Err(failure) if failure.kind == Kind::Cancelled && self.gate.is_ending() => return Ok(Ended::AtLimit),
                item => item?,
            };
            let Some(item) = item else {
                return Ok(if pipeline.is_done() { Ended::Complete } else { Ended::AtLimit });
            };
            self.weigh(stage);
            let ended = self.take(stage, item).await?;
            if ended != Ended::Complete {
                return Ok(ended);
            }
        }
    }

    /// Writes one item, and moves the position past it. `Complete`: the next one can come.
    async fn take(&mut self, stage: &mut Stage<'_>, item: Item) -> Result<Ended> {
        match item {
            Item::Opened { started, end } => {
                if !stage.is_leftover {
                    (stage.progress.started, stage.progress.end) = (started, end);
                }
                if !std::mem::replace(&mut stage.announced, true) {
                    stage.group.announce(&mut self.output);
                }
            }
            Item::Aside(aside, why) => return self.set_aside(stage, aside, &stage.takers.reading(), &why),
            Item::Gone(aside) => self.gone(stage, aside),
            Item::Chunk(chunk) => return self.chunk(stage, chunk).await,
            Item::PageDone { position, below, seen, last } if !stage.is_leftover => {
                stage.progress.seen = seen.unwrap_or(stage.progress.seen);
                // After the last page the walk is complete: there is no position to note.
                if !last {
                    if !stage.is_by_id() {
                        (stage.progress.position, stage.progress.below) = (position, below);
                    }
                    self.advanced = true;
                    self.checkpoint(stage).await?;
                    if self.has_records_enough() {
                        return Ok(Ended::AtLimit);
                    }
                }
            }
            Item::PageDone { .. } => {}
        }
        Ok(Ended::Complete)
    }

    /// Writes records that were completed together, one by one. By id, each moves the position.
    async fn chunk(&mut self, stage: &mut Stage<'_>, chunk: Chunk) -> Result<Ended> {
        for failed in chunk.failed {
            if self.without_list(stage, failed)? == Ended::Narrowed {
                return Ok(Ended::Narrowed);
            }
        }
        // Time passes only while waiting for requests or the sink, so the clock, a host call, is not read for each record.
        let mut has_waited = true;
        for (row, completed) in chunk.records {
            if self.record(stage, &row, completed)? == Ended::Narrowed {
                return Ok(Ended::Narrowed);
            }
            if stage.is_leftover {
                if self.at_limit() {
                    return Ok(Ended::AtLimit);
                }
                continue;
            }
            stage.progress.newest = stage.progress.newest.max(row.date);
            if stage.is_by_id() {
                (stage.progress.position, stage.progress.seen) = (Some(Position::Id { id: row.id }), row.seen);
                self.advanced = true;
                if has_waited || self.has_written_enough() {
                    self.checkpoint(stage).await?;
                    has_waited = self.since_state == 0;
                }
            }
            let may_end = stage.is_by_id() && self.may_end(stage);
            if may_end && (self.has_records_enough() || self.output.is_full() && self.is_late()) {
                return Ok(Ended::AtLimit);
            }
            if self.output.is_full() {
                self.hand_over().await?;
                self.heed_stop()?;
                has_waited = true;
            }
        }
        Ok(Ended::Complete)
    }

    /// Continues without the members that need a failed list. If these are all members that the walk reads for, or the store
    /// fails to serve a list that the walked records themselves show, the walk ends and can be resumed from here.
    fn without_list(&mut self, stage: &mut Stage<'_>, failed: Failed) -> Result<Ended> {
        let Failed { rows, failure, is_down } = failed;
        let member = |index: &usize| stage.group.members.get(*index);
        let failing: Vec<usize> =
            stage.takers.reading().into_iter().filter(|index| member(index).is_some_and(|member| member.wants(rows))).collect();
        let is_all = failing.len() == stage.takers.reading().len();
        if is_down && (is_all || failing.iter().filter_map(member).any(|member| member.stream.rows().is_none())) {
            return Err(failure);
        }
        self.leave_out(stage, &failing, &failure)
    }

    /// Continues without some members, if there are any others, including those that wait for a new walk.
    pub(super) fn leave_out(&mut self, stage: &mut Stage<'_>, failing: &[usize], failure: &Failure) -> Result<Ended> {
        if failing.is_empty() {
            return Ok(Ended::Complete);
        }
        if failing.len() == stage.takers.reading().len() && !stage.takers.are_waiting() {
            return Err(failure.clone());
        }
        for index in failing {
            let Some(member) = stage.group.members.get(*index) else { continue };
            let name = member.stream.name;
            let text = format!("{}; continuing without {name}", failure.message);
            self.log.warn(failure.stream.as_deref(), &text);
            stage.takers.fail(*index, failure.clone());
            self.state.drop_walk(member.stream);
        }
        stage.drop_failed();
        let is_narrowed = stage.starts_later() || stage.takers.reading().is_empty();
        Ok(if is_narrowed { Ended::Narrowed } else { Ended::Complete })
    }

    /// How many chunks of this size are completed concurrently. If the run's time is limited, entries that are set aside are
    /// requested one at a time: each may use up all the time, and then nothing else waits behind it.
    pub(super) fn fan_out(&self, is_leftover: bool, chunk: usize) -> usize {
        match is_leftover && self.deadline.is_some() {
            true => 1,
            false => self.config.max_concurrency.min((MOST_RECORDS / chunk).max(1)),
        }
    }

    pub(super) fn extent(&self, stage: &Stage<'_>) -> Extent {
        let (group, progress) = (stage.group, &stage.progress);
        Extent {
            since: progress.since.and_then(|since| since.checked_sub_signed(self.config.lookback)),
            latest_start: progress.members.values().max().and_then(|since| since.0),
            until: group.until(&self.config),
            includes: group.query(),
            embedding: group.embedding.clone().filter(|embedding| embedding.is_asked_for()),
            plain: group.plain_query(),
            channels: group.channels.clone(),
            pass: progress.pass,
            page_size: self.config.page_size,
            aside: Entries::new(stage.takers.aside()),
        }
    }

    fn record(&mut self, stage: &mut Stage<'_>, row: &Row, completed: Completed) -> Result<Ended> {
        let (group, takers) = (stage.group, Rc::clone(&stage.takers));
        let lists = match completed {
            Completed::There(lists) => lists,
            Completed::Gone => {
                stage.tallies.iter_mut().take(1).for_each(|tally| tally.skipped += 1);
                self.log.info(Some(group.name()), &format!("record {} was deleted while it was read", row.id));
                self.came(stage, row, &[]);
                return Ok(Ended::Complete);
            }
            Completed::Aside(why) => {
                let taking: Vec<usize> = takers.reading().into_iter().filter(|index| takers.takes(*index, row)).collect();
                return self.set_aside(stage, row.aside(), &taking, &why);
            }
        };
        let mut target =
            Target { output: &mut self.output, log: &*self.log, strict: self.config.strict, extracted: &row.extracted };
        let before = Tally::read_of(&stage.tallies);
        let unwritten = records::write(group, &takers, &mut stage.tallies, &mut target, row, &lists);
        let read = Tally::read_of(&stage.tallies) - before;
        self.since_state += read;
        self.read += read;
        let mut unwritten = unwritten?;
        self.came(stage, row, &unwritten);
        // Members that fail for the same reason share one entry in the log.
        while let Some((_, why)) = unwritten.first().cloned() {
            let members: Vec<usize> = unwritten.extract_if(.., |(_, other)| *other == why).map(|(index, _)| index).collect();
            if self.set_aside(stage, row.aside(), &members, &why)? == Ended::Narrowed {
                return Ok(Ended::Narrowed);
            }
        }
        Ok(Ended::Complete)
    }
}

//! A run: each group of streams is walked, its records are completed, shaped and written, and the state follows.

mod aside;
mod limits;
mod start;

use crate::api::gate::Gate;
use crate::api::{Clock, Transport};
use crate::config::Config;
use crate::error::{Kind, Result};
use crate::log::{Level, Log};
use crate::parts::{Fetcher, Parts};
use crate::pipeline::{Item, Pages, Pipeline};
use crate::plan::{Group, Plan};
use crate::records::{self, Tally, Target, Unwritten};
use crate::singer::message::{Output, Sink};
use crate::singer::state::{Aside, MOST_ASIDE, Progress, State};
use crate::streams::{Position, Replication};
pub use crate::summary::{StreamSummary, Summary};
use crate::walk::{MARGIN, Row, Scope, Walk};
use futures_util::future::{FusedFuture, FutureExt};
use serde_json::json;
use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

/// A STATE is written after so many records, or so much time.
const CHECKPOINT_RECORDS: u64 = 1000;
const CHECKPOINT_TIME: Duration = Duration::from_secs(30);

/// Runs a plan. `stop` becoming ready ends the run after the record in hand, with a STATE and a failure of kind cancelled. A stream that
/// fails by itself leaves the others to be read; its failure is in the summary. A STATE is always the last message, unless the
/// sink failed.
pub async fn sync<T: Transport, C: Clock, S: Sink>(
    plan: Plan,
    transport: T,
    clock: C,
    log: Rc<dyn Log>,
    sink: &mut S,
    stop: impl Future<Output = ()>,
) -> Result<Summary> {
    plan.warnings.iter().for_each(|warning| log.write(Level::Warning, warning));
    let gate = Gate::new(transport, clock, log.clone(), plan.config.clone());
    let started = gate.clock().now();
    let stop = pin!(stop.fuse());
    let mut run = Run {
        gate: &gate,
        log,
        config: plan.config,
        state: plan.state,
        output: Output::new(sink),
        stop,
        summaries: Vec::new(),
        since_state: 0,
        state_at: started,
        written: 0,
        max_records: plan.max_records,
        advanced: false,
        deadline: plan.max_seconds.and_then(|seconds| started.checked_add(Duration::from_secs(seconds))),
    };
    let complete = run.groups(&plan.groups).await;
    run.report_outcomes(&plan.groups);
    let complete = complete?;
    Ok(Summary { streams: run.summaries, counts: gate.counts(), complete, state: run.state.value().clone() })
}

/// How a walk ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// With its list.
    Complete,
    /// At a limit of the run.
    AtLimit,
}

struct Run<'r, T, C, S> {
    gate: &'r Gate<T, C>,
    log: Rc<dyn Log>,
    config: Rc<Config>,
    state: State,
    output: Output<'r, S>,
    stop: Pin<&'r mut dyn FusedFuture<Output = ()>>,
    summaries: Vec<StreamSummary>,
    /// Records written since the last STATE.
    since_state: u64,
    state_at: Duration,
    written: u64,
    max_records: Option<u64>,
    deadline: Option<Duration>,
    /// A position has moved in this run, so that the next one resumes further on.
    advanced: bool,
}

/// A group under way.
struct Stage<'g> {
    group: &'g Group,
    tallies: Vec<Tally>,
    /// What its streams have set aside.
    aside: Vec<Aside>,
    announced: bool,
    progress: Progress,
    /// The records are those that were set aside, and move no position.
    is_leftover: bool,
}

impl Stage<'_> {
    fn is_by_id(&self) -> bool {
        matches!(self.group.list.position, Position::Id { .. })
    }
}

impl<T: Transport, C: Clock, S: Sink> Run<'_, T, C, S> {
    /// Runs all groups, and writes the last STATE whatever comes of them. Reports whether everything was read.
    async fn groups(&mut self, groups: &[Group]) -> Result<bool> {
        let mut complete = true;
        for (place, group) in groups.iter().enumerate() {
            self.state.set_syncing(group.members.first().map(|member| member.stream.name));
            if place > 0 && self.at_limit() {
                self.write_state().await?;
                return Ok(false);
            }
            match self.group(group).await {
                Ok(Ended::Complete) => {}
                Ok(Ended::AtLimit) => {
                    self.write_state().await?;
                    return Ok(false);
                }
                Err(failure) if failure.spares_other_streams() => {
                    self.log.write(Level::Warning, &format!("{failure}; continuing with the next stream"));
                    complete = false;
                }
                Err(failure) => {
                    // A list that always fails so must not keep each run from the others.
                    if !matches!(failure.kind, Kind::Cancelled | Kind::Sink)
                        && let Some(next) = groups.iter().cycle().nth(place + 1)
                    {
                        self.state.set_syncing(next.members.first().map(|member| member.stream.name));
                    }
                    // What ended the run is its failure, whatever comes of the STATE.
                    if failure.kind != Kind::Sink
                        && let Err(unwritten) = self.write_state().await
                    {
                        self.log.write(Level::Warning, &format!("the last STATE was not written: {unwritten}"));
                    }
                    return Err(failure);
                }
            }
        }
        self.state.set_syncing(None);
        self.write_state().await?;
        Ok(complete)
    }

    /// Runs one group and adds its streams to the summary.
    async fn group(&mut self, group: &Group) -> Result<Ended> {
        let begun = self.gate.clock().now();
        let progress = Progress::new(None, &group.selection);
        let tallies = group.members.iter().map(|_| Tally::default()).collect();
        let mut stage = Stage { group, tallies, aside: self.aside(group)?, announced: false, progress, is_leftover: false };
        let result = self.walks(&mut stage).await;
        let took = (self.gate.clock().now() - begun).as_secs_f64();
        for (member, tally) in group.members.iter().zip(&stage.tallies) {
            let name = member.stream.name;
            let failure = result.as_ref().err().cloned();
            let status = if failure.is_some() { "failed" } else { "succeeded" };
            self.log.metric("counter", "record_count", json!(tally.records), json!({ "stream": name, "endpoint": name }));
            self.log.metric("timer", "sync_duration", json!(took), json!({ "stream": name, "status": status }));
            self.log.metric("timer", "job_duration", json!(took), json!({ "job_type": name, "status": status }));
            let (records, skipped, nulled) = (tally.records, tally.skipped, tally.nulled());
            let aside = self.state.aside(member.stream)?.len() as u64;
            let complete = result == Ok(Ended::Complete);
            self.summaries.push(StreamSummary { name, records, skipped, nulled, aside, complete, failure });
        }
        self.gate.report();
        result
    }

    /// Writes a line for each selected stream: how it ended.
    fn report_outcomes(&self, groups: &[Group]) {
        for member in groups.iter().flat_map(|group| &group.members) {
            let name = member.stream.name;
            let outcome = match self.summaries.iter().find(|summary| summary.name == name) {
                None => "not begun; the next run reads it".to_owned(),
                Some(summary) => summary.outcome(),
            };
            self.log.write(Level::Info, &format!("{name}: {outcome}"));
        }
    }

    /// Walks the group's list: from where the last run left it and then once more, or once.
    async fn walks(&mut self, stage: &mut Stage<'_>) -> Result<Ended> {
        let group = stage.group;
        let since = self.since(group)?;
        let left_off = self.left_off(group, since);
        let mut resumed = left_off.is_some();
        stage.progress = left_off.unwrap_or_else(|| Progress::new(since, &group.selection));
        loop {
            let came_from = stage.progress.last_id;
            // In the middle of a walk only if there would be no room for more.
            let is_due = came_from.is_none() && stage.progress.cursor.is_none() || stage.aside.len() >= MOST_ASIDE;
            if is_due && self.leftovers(stage).await? == Ended::AtLimit {
                return Ok(Ended::AtLimit);
            }
            let ended = self.walk(stage).await;
            if ended != Ok(Ended::Complete) {
                self.note(stage);
                return ended;
            }
            self.complete(stage)?;
            self.write_state().await?;
            let (again, last_id) = (stage.progress.again, came_from);
            // Runs with limits that follow each other would never come to an end if each had to walk twice.
            let enough = again && (self.max_records.is_some() || self.deadline.is_some());
            if !std::mem::take(&mut resumed) || enough {
                return Ok(Ended::Complete);
            }
            // What changed behind the position while nobody walked is read now, so that the run holds all as of its own start.
            // Of a full table that is what this run has not read: unless even the walk that it took up did not read all behind it.
            let until_id = last_id.filter(|_| group.parent.replication == Replication::FullTable && !again);
            stage.progress = Progress { again: true, until_id, ..Progress::new(self.since(group)?, &group.selection) };
            self.log.write(
                Level::Info,
                &format!("{}: the walk of an earlier run is complete; reading what has changed since", group.parent.name),
            );
        }
    }

    /// Walks the list once. The stage's progress follows; on any way out it says where the walk can resume.
    async fn walk(&mut self, stage: &mut Stage<'_>) -> Result<Ended> {
        let group = stage.group;
        let scope = self.scope(stage)?;
        let walk = Walk::new(self.gate, self.log.clone(), (group.parent, group.list), scope, &stage.progress);
        stage.is_leftover = false;
        self.read(stage, walk).await
    }

    /// Writes what a source brings.
    async fn read(&mut self, stage: &mut Stage<'_>, source: impl Pages) -> Result<Ended> {
        let (group, log) = (stage.group, self.log.clone());
        let fetcher = Fetcher {
            gate: self.gate,
            log: &*log,
            stream: group.parent,
            list: group.list,
            parts: &group.parts,
            page_size: self.config.page_size,
            tries: stage.is_leftover.then_some(1),
            notes: RefCell::default(),
        };
        let expects = |row: &Row| group.expects(&row.raw);
        let mut pipeline = Pipeline::new(source, &fetcher, &expects, self.fan_out(stage.is_leftover));
        loop {
            let item = match self.next(stage, &mut pipeline).await {
                // What was under way when the time was over had to wait.
                Err(failure) if failure.kind == Kind::Cancelled && self.gate.is_ending() => return Ok(Ended::AtLimit),
                item => item?,
            };
            let Some(item) = item else {
                return Ok(if pipeline.is_done() { Ended::Complete } else { Ended::AtLimit });
            };
            if self.take(stage, item).await? == Ended::AtLimit {
                return Ok(Ended::AtLimit);
            }
        }
    }

    /// Writes one item, and moves the position behind it.
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
            Item::Aside(aside, why) => self.set_aside(stage, aside, &why)?,
            Item::Settled(aside) => self.gone(stage, aside),
            Item::Record(row, parts) => {
                self.record(stage, &row, &parts)?;
                if stage.is_leftover {
                    return Ok(if self.at_limit() { Ended::AtLimit } else { Ended::Complete });
                }
                stage.progress.newest = stage.progress.newest.max(row.date);
                if stage.is_by_id() {
                    (stage.progress.last_id, stage.progress.seen) = (Some(row.id), row.seen);
                    self.advanced = true;
                    self.checkpoint(stage).await?;
                }
                let may_end = stage.is_by_id() && self.may_end(stage);
                if may_end && (self.has_records_enough() || self.output.is_full() && self.is_late()) {
                    return Ok(Ended::AtLimit);
                }
                if self.output.is_full() {
                    self.hand_over().await?;
                }
            }
            Item::PageDone { cursor, seen, last } if !stage.is_leftover => {
                stage.progress.seen = seen.unwrap_or(stage.progress.seen);
                // After the last page the walk is complete: there is no position to note.
                if !last {
                    stage.progress.cursor = cursor;
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

    /// So many records are completed side by side. What is aside may take all the time that a run has: then nothing else waits behind it.
    fn fan_out(&self, is_leftover: bool) -> usize {
        if is_leftover && self.deadline.is_some() { 1 } else { self.config.max_concurrency }
    }

    fn scope(&self, stage: &Stage<'_>) -> Result<Scope> {
        let (group, progress) = (stage.group, &stage.progress);
        let starts = group.members.iter().map(|member| self.since_of(member)).collect::<Result<Vec<_>>>()?;
        Ok(Scope {
            since: progress.since.and_then(|since| since.checked_sub_signed(self.config.lookback)),
            latest_start: starts.into_iter().max().flatten().max(progress.since),
            until: self.config.end_date,
            includes: group.includes.clone(),
            page_size: self.config.page_size,
            aside: stage.aside.clone(),
        })
    }

    fn record(&mut self, stage: &mut Stage<'_>, row: &Row, parts: &Parts) -> Result<()> {
        let (group, tallies) = (stage.group, &mut stage.tallies);
        let lists = match parts {
            Parts::Whole(lists) => lists,
            Parts::Gone => {
                tallies.iter_mut().take(1).for_each(|tally| tally.skipped += 1);
                self.log.write(Level::Info, &format!("{}: record {} was deleted while it was read", group.parent.name, row.id));
                self.came(stage, row);
                return Ok(());
            }
            Parts::Aside(why) => return self.set_aside(stage, Aside::Id(row.id), why),
        };
        let before: u64 = tallies.iter().map(|tally| tally.records).sum();
        let target = Target { output: &mut self.output, log: &*self.log, strict: self.config.strict, extracted: &row.extracted };
        let done = records::write(group, tallies, target, row, lists);
        let written = tallies.iter().map(|tally| tally.records).sum::<u64>() - before;
        self.since_state += written;
        self.written += written;
        match done {
            Ok(()) => {
                self.came(stage, row);
                Ok(())
            }
            Err(Unwritten::Record(why)) => self.set_aside(stage, Aside::Id(row.id), &why),
            Err(Unwritten::Strict(failure)) => Err(failure),
        }
    }

    /// Writes a STATE if one is due. Call it where everything that the progress covers has been written.
    async fn checkpoint(&mut self, stage: &Stage<'_>) -> Result<()> {
        let due = self.since_state >= CHECKPOINT_RECORDS || self.gate.clock().now() >= self.state_at + CHECKPOINT_TIME;
        // When the time is over, the last STATE comes soon.
        if due && !self.gate.is_ending() {
            self.note(stage);
            self.write_state().await?;
        }
        Ok(())
    }

    /// Notes in the state how far the group's walk has come.
    fn note(&mut self, stage: &Stage<'_>) {
        let progress = &stage.progress;
        if progress.last_id.is_some() || progress.cursor.is_some() {
            stage.group.members.iter().for_each(|member| self.state.set_walk(member.stream, progress));
        }
    }

    /// Notes in the state that the group's walk is complete: each stream's bookmark moves up to the newest record seen, but not into the
    /// last moments before the walk started, not beyond `end_date`, and never back.
    fn complete(&mut self, stage: &Stage<'_>) -> Result<()> {
        let progress = &stage.progress;
        let safe = progress.started.and_then(|started| Some(progress.newest?.min(started - MARGIN)));
        let safe = safe.map(|safe| self.config.end_date.map_or(safe, |end| safe.min(end)));
        for member in &stage.group.members {
            let own = self.since_of(member)?;
            self.state.complete(member.stream, own.max(safe), &member.fields);
        }
        Ok(())
    }

    async fn write_state(&mut self) -> Result<()> {
        self.since_state = 0;
        self.state_at = self.gate.clock().now();
        self.output.state(self.state.value());
        self.hand_over().await
    }

    /// Hands everything that is written to the sink.
    async fn hand_over(&mut self) -> Result<()> {
        let begun = self.gate.clock().now();
        let done = self.output.flush().await;
        self.gate.hold(self.gate.clock().now() - begun);
        done
    }
}

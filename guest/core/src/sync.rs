//! A run: each group of streams is walked, its records are completed, shaped and written, and the state follows.

use crate::api::gate::Gate;
use crate::api::{Clock, Transport};
use crate::config::Config;
use crate::error::{Failure, Kind, Result};
use crate::log::{Level, Log};
use crate::parts::{Fetcher, Parts};
use crate::pipeline::{Item, items};
use crate::plan::{Group, Member, Plan};
use crate::records::{self, Tally, Target};
use crate::singer::message::{Output, Sink};
use crate::singer::state::{Progress, State};
use crate::streams::{Position, Replication};
pub use crate::summary::{StreamSummary, Summary};
use crate::walk::{MARGIN, Row, Scope, Walk};
use chrono::{DateTime, Utc};
use futures_util::future::{Either, Fuse, FutureExt, pending, select};
use futures_util::stream::{Stream as Items, StreamExt};
use serde_json::json;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

/// A STATE is written after so many records, or so much time.
const CHECKPOINT_RECORDS: u64 = 1000;
const CHECKPOINT_TIME: Duration = Duration::from_secs(30);

/// Runs a plan. `stop` becoming ready ends the run after the record in hand, with a STATE and a failure of kind cancelled. A stream that
/// fails by itself leaves the others to be read; its failure stands in the summary. A STATE is always the last message, unless the
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
    let mut run = Run {
        gate: &gate,
        log,
        config: plan.config,
        state: plan.state,
        output: Output::new(sink),
        summaries: Vec::new(),
        since_state: 0,
        state_at: started,
        written: 0,
        max_records: plan.max_records,
        deadline: plan.max_seconds.and_then(|seconds| started.checked_add(Duration::from_secs(seconds))),
    };
    let complete = run.groups(&plan.groups, pin!(stop.fuse())).await;
    run.tell_outcomes(&plan.groups);
    let complete = complete?;
    Ok(Summary { streams: run.summaries, counts: gate.counts(), complete, state: run.state.value().clone() })
}

/// How a walk ended.
#[derive(PartialEq, Eq)]
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
    summaries: Vec<StreamSummary>,
    /// Records written since the last STATE.
    since_state: u64,
    state_at: Duration,
    written: u64,
    max_records: Option<u64>,
    deadline: Option<Duration>,
}

impl<T: Transport, C: Clock, S: Sink> Run<'_, T, C, S> {
    /// Runs all groups, and writes the last STATE whatever comes of them. Tells whether everything was read.
    async fn groups<F: Future<Output = ()>>(&mut self, groups: &[Group], mut stop: Pin<&mut Fuse<F>>) -> Result<bool> {
        let mut complete = true;
        for (place, group) in groups.iter().enumerate() {
            self.state.set_syncing(group.members.first().map(|member| member.stream.name));
            if place > 0 && self.at_limit() {
                self.write_state().await?;
                return Ok(false);
            }
            match self.group(group, stop.as_mut()).await {
                Ok(Ended::Complete) => {}
                Ok(Ended::AtLimit) => {
                    self.write_state().await?;
                    return Ok(false);
                }
                Err(failure) if failure.spares_other_streams() => {
                    self.log.write(Level::Warning, &format!("{failure}; going on with the next stream"));
                    complete = false;
                }
                Err(failure) => {
                    if failure.kind != Kind::Sink {
                        self.write_state().await?;
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
    async fn group<F: Future<Output = ()>>(&mut self, group: &Group, stop: Pin<&mut Fuse<F>>) -> Result<Ended> {
        let begun = self.gate.clock().now();
        let mut tallies: Vec<Tally> = group.members.iter().map(|_| Tally::default()).collect();
        let result = self.walks(group, &mut tallies, stop).await;
        let took = (self.gate.clock().now() - begun).as_secs_f64();
        for (member, tally) in group.members.iter().zip(&tallies) {
            let name = member.stream.name;
            let failure = result.as_ref().err().cloned();
            let status = if failure.is_some() { "failed" } else { "succeeded" };
            self.log.metric("counter", "record_count", json!(tally.records), json!({ "stream": name, "endpoint": name }));
            self.log.metric("timer", "sync_duration", json!(took), json!({ "stream": name, "status": status }));
            self.log.metric("timer", "job_duration", json!(took), json!({ "job_type": name, "status": status }));
            let (records, skipped, nulled) = (tally.records, tally.skipped, tally.nulled());
            let complete = result == Ok(Ended::Complete);
            self.summaries.push(StreamSummary { name, records, skipped, nulled, aside: 0, complete, failure });
        }
        self.gate.report();
        result
    }

    /// Writes a line for each selected stream: how it ended.
    fn tell_outcomes(&self, groups: &[Group]) {
        for member in groups.iter().flat_map(|group| &group.members) {
            let name = member.stream.name;
            let outcome = match self.summaries.iter().find(|summary| summary.name == name) {
                None => "not begun; the next run reads it".to_owned(),
                Some(summary) => summary.outcome(),
            };
            self.log.write(Level::Info, &format!("{name}: {outcome}"));
        }
    }

    /// Walks the group's list: on from where the last run left it and then once more, or once.
    async fn walks<F: Future<Output = ()>>(
        &mut self,
        group: &Group,
        tallies: &mut [Tally],
        mut stop: Pin<&mut Fuse<F>>,
    ) -> Result<Ended> {
        let since = self.since(group)?;
        let (mut progress, mut resumed) = match self.left_off(group, since) {
            Some(progress) => (progress, true),
            None => (Progress::new(since, &group.selection), false),
        };
        let mut announced = false;
        loop {
            let came_from = progress.last_id;
            let ended = self.walk(group, &mut progress, &mut announced, tallies, stop.as_mut()).await;
            if ended != Ok(Ended::Complete) {
                self.note(group, &progress);
                return ended;
            }
            self.complete(group, &progress)?;
            self.write_state().await?;
            // Runs with limits that follow each other would never come to an end if each had to walk twice.
            let enough = progress.again && (self.max_records.is_some() || self.deadline.is_some());
            if !std::mem::take(&mut resumed) || enough {
                return Ok(Ended::Complete);
            }
            // What changed behind the position while nobody walked is read now, so that the run holds all as of its own start.
            // Of a full table that is what this run has not read: unless even the walk that it took up did not read all behind it.
            let until_id = came_from.filter(|_| group.parent.replication == Replication::FullTable && !progress.again);
            progress = Progress { again: true, until_id, ..Progress::new(self.since(group)?, &group.selection) };
            self.log.write(
                Level::Info,
                &format!("{}: the walk of an earlier run is complete; reading what has changed since", group.parent.name),
            );
        }
    }

    /// The walk that an earlier run left, if all of the group's streams still want the same of it.
    fn left_off(&self, group: &Group, since: Option<DateTime<Utc>>) -> Option<Progress> {
        let mut walks = group.members.iter().map(|member| self.state.walk(member.stream));
        let first = walks.next()?;
        let why = match &first {
            Err(why) => *why,
            Ok(None) if walks.all(|walk| walk == Ok(None)) => {
                self.tell_of_new_fields(group);
                return None;
            }
            Ok(Some(walk)) if walk.since != since => "the start_date or the bookmark has changed",
            Ok(Some(walk)) if walk.selection == group.selection && walks.all(|other| other == first) => {
                self.log.write(Level::Info, &format!("{}: going on where the last run ended", group.parent.name));
                return first.ok().flatten();
            }
            Ok(_) => "the selection, end_date or lookback_seconds has changed",
        };
        self.log
            .write(Level::Warning, &format!("{}: the last run's walk cannot go on ({why}); it starts over", group.parent.name));
        None
    }

    fn tell_of_new_fields(&self, group: &Group) {
        for member in &group.members {
            let name = member.stream.name;
            let changed = self.state.selection(member.stream).is_some_and(|known| known != member.fields);
            if changed && matches!(self.state.bookmark(member.stream), Ok(Some(_))) {
                let text = "the selected fields have changed since the last run; older records do not get the new ones unless they change, or are read again with --full-refresh";
                self.log.write(Level::Warning, &format!("{name}: {text} {name}"));
            }
        }
    }

    /// Where a new walk of the group starts: at the least of its streams' bookmarks. None: from the beginning.
    fn since(&self, group: &Group) -> Result<Option<DateTime<Utc>>> {
        let since = group.members.iter().map(|member| self.since_of(member)).collect::<Result<Vec<_>>>()?;
        // None is less than every date.
        Ok(since.into_iter().min().flatten())
    }

    fn since_of(&self, member: &Member) -> Result<Option<DateTime<Utc>>> {
        let stream = member.stream;
        if member.full_table {
            return Ok(None);
        }
        let first = match stream.replication {
            Replication::Incremental { heeds_start_date: true, .. } => self.config.start_date,
            _ => None,
        };
        Ok(self.state.bookmark(stream)?.or(first))
    }

    /// Walks the list once. `progress` follows; on any way out it says where the walk can go on.
    async fn walk<F: Future<Output = ()>>(
        &mut self,
        group: &Group,
        progress: &mut Progress,
        announced: &mut bool,
        tallies: &mut [Tally],
        mut stop: Pin<&mut Fuse<F>>,
    ) -> Result<Ended> {
        let gate = self.gate;
        let log = self.log.clone();
        let scope = self.scope(group, progress)?;
        let fetcher = Fetcher {
            gate,
            log: &*log,
            stream: group.parent,
            list: group.list,
            parts: &group.parts,
            page_size: self.config.page_size,
        };
        let walk = Walk::new(gate, log.clone(), (group.parent, group.list), scope, progress);
        let mut items = pin!(items(walk, &fetcher, self.config.max_concurrency));
        while let Some(item) = self.next(group, progress, items.as_mut(), stop.as_mut()).await? {
            match item {
                Item::Opened(started) => {
                    progress.started = started;
                    if !std::mem::replace(announced, true) {
                        group.announce(&mut self.output);
                    }
                }
                Item::Record(row, parts) => {
                    self.record(group, tallies, &row, &parts)?;
                    progress.newest = progress.newest.max(row.date);
                    if let Position::Id { .. } = group.list.position {
                        (progress.last_id, progress.seen) = (Some(row.id), row.seen);
                        self.checkpoint(group, progress).await?;
                    }
                    if self.output.is_full() {
                        self.hand_over().await?;
                    }
                }
                // After the last page the walk is complete: there is no position to note.
                Item::PageDone { last: true, .. } => {}
                Item::PageDone { cursor, seen, .. } => {
                    progress.cursor = cursor;
                    progress.seen = seen.unwrap_or(progress.seen);
                    self.checkpoint(group, progress).await?;
                    if self.at_limit() {
                        return Ok(Ended::AtLimit);
                    }
                }
            }
        }
        Ok(Ended::Complete)
    }

    fn scope(&self, group: &Group, progress: &Progress) -> Result<Scope> {
        let starts = group.members.iter().map(|member| self.since_of(member)).collect::<Result<Vec<_>>>()?;
        Ok(Scope {
            since: progress.since.and_then(|since| since.checked_sub_signed(self.config.lookback)),
            latest_start: starts.into_iter().max().flatten().max(progress.since),
            until: self.config.end_date,
            includes: group.includes.clone(),
            page_size: self.config.page_size,
        })
    }

    /// The next item, unless the run is stopped first. Before it waits, what is written is handed over; if it waits long, a STATE is written.
    async fn next<F: Future<Output = ()>>(
        &mut self,
        group: &Group,
        progress: &Progress,
        mut items: Pin<&mut impl Items<Item = Result<Item>>>,
        mut stop: Pin<&mut Fuse<F>>,
    ) -> Result<Option<Item>> {
        let stopped = || Failure::new(Kind::Cancelled, "the run was stopped; the last STATE says where to go on");
        if stop.as_mut().now_or_never().is_some() {
            return Err(stopped());
        }
        if let Some(item) = items.next().now_or_never() {
            return item.transpose();
        }
        self.hand_over().await?;
        let clock = self.gate.clock();
        loop {
            let due = (self.since_state > 0).then(|| (self.state_at + CHECKPOINT_TIME).saturating_sub(clock.now()));
            let timer = async {
                match due {
                    Some(due) => clock.sleep(due).await,
                    None => pending().await,
                }
            };
            match select(stop.as_mut(), select(items.next(), pin!(timer))).await {
                Either::Left(_) => return Err(stopped()),
                Either::Right((Either::Left((item, _)), _)) => return item.transpose(),
                Either::Right((Either::Right(_), _)) => self.checkpoint(group, progress).await?,
            }
        }
    }

    fn record(&mut self, group: &Group, tallies: &mut [Tally], row: &Row, parts: &Parts) -> Result<()> {
        let Parts::Whole(lists) = parts else {
            tallies.iter_mut().take(1).for_each(|tally| tally.skipped += 1);
            self.log.write(Level::Info, &format!("{}: record {} was deleted while it was read", group.parent.name, row.id));
            return Ok(());
        };
        let before: u64 = tallies.iter().map(|tally| tally.records).sum();
        let target = Target { output: &mut self.output, log: &*self.log, strict: self.config.strict, extracted: &row.extracted };
        let done = records::write(group, tallies, target, row, lists);
        let written = tallies.iter().map(|tally| tally.records).sum::<u64>() - before;
        self.since_state += written;
        self.written += written;
        done
    }

    /// Writes a STATE if one is due. Call it where everything that the progress covers has been written.
    async fn checkpoint(&mut self, group: &Group, progress: &Progress) -> Result<()> {
        let due = self.since_state >= CHECKPOINT_RECORDS || self.gate.clock().now() >= self.state_at + CHECKPOINT_TIME;
        if due {
            self.note(group, progress);
            self.write_state().await?;
        }
        Ok(())
    }

    /// Notes in the state how far the group's walk has come.
    fn note(&mut self, group: &Group, progress: &Progress) {
        if progress.last_id.is_some() || progress.cursor.is_some() {
            group.members.iter().for_each(|member| self.state.set_walk(member.stream, progress));
        }
    }

    /// Notes in the state that the group's walk is complete: each stream's bookmark moves up to the newest record seen, but not into the
    /// last moments before the walk started, and never back.
    fn complete(&mut self, group: &Group, progress: &Progress) -> Result<()> {
        let safe = progress.started.and_then(|started| Some(progress.newest?.min(started - MARGIN)));
        for member in &group.members {
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

    fn at_limit(&self) -> bool {
        self.max_records.is_some_and(|most| self.written >= most)
            || self.deadline.is_some_and(|end| self.gate.clock().now() >= end)
    }
}

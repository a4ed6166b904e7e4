//! A run: each group of streams is walked, its records are completed, shaped and written, and the state follows.

mod aside;
mod checkpoint;
mod limits;
mod outcome;
mod read;
mod tables;

use crate::api::gate::Gate;
use crate::api::{Clock, Transport};
use crate::aside::{Entries, MOST_ASIDE};
use crate::below::ListsBelow;
use crate::certainty::Certainty;
use crate::config::Config;
use crate::dates;
use crate::error::{Kind, Result};
use crate::group::{Group, Member, Mode};
use crate::log::Log;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::records::Tally;
use crate::singer::message::{Output, Sink};
use crate::singer::state::State;
use crate::start::{Start, is_known_in_all_channels};
use crate::streams::{End, Include};
pub use crate::summary::{StreamSummary, Summary};
use crate::takers::Takers;
use crate::walk::Walk;
use futures_util::future::{FusedFuture, FutureExt};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;
use tables::Continues;

/// A STATE is written after so many records, or so much time.
const CHECKPOINT_RECORDS: u64 = 1000;
const CHECKPOINT_TIME: Duration = Duration::from_secs(30);

/// Runs a plan. When `stop` becomes ready, the run ends after the current record, with a STATE and a failure of kind cancelled.
/// If one stream fails, the others are still read, and its failure is in the summary. The last message is always a STATE, unless
/// the sink failed.
pub async fn sync<T: Transport, C: Clock, S: Sink>(
    plan: Plan,
    transport: T,
    clock: C,
    log: Rc<dyn Log>,
    sink: &mut S,
    stop: impl Future<Output = ()>,
) -> Result<Summary> {
    plan.warnings.iter().for_each(|warning| log.warn(None, warning));
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
        read: 0,
        max_records: plan.max_records,
        advanced: false,
        deadline: plan.max_seconds.and_then(|seconds| started.checked_add(Duration::from_secs(seconds))),
    };
    let complete = run.groups(&plan.groups).await;
    run.report_outcomes(&plan.groups);
    // A fault that the sink reports late still fails the run.
    let settled = match &complete {
        Err(failure) if failure.kind == Kind::Sink => Ok(()),
        _ => run.output.settle().await,
    };
    if let (Err(_), Err(late)) = (&complete, &settled) {
        run.log.warn(None, &format!("the last STATE was not written: {late}"));
    }
    let complete = complete?;
    settled?;
    Ok(Summary { streams: run.summaries, counts: gate.counts(), complete, state: run.state.value().clone() })
}

/// How the reading of a source ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// With its list.
    Complete,
    /// At a limit of the run.
    AtLimit,
    /// Early: the stream that had set the walk's start has failed, and the others can start later.
    Narrowed,
}

struct Run<'r, T, C> {
    gate: &'r Gate<T, C>,
    log: Rc<dyn Log>,
    config: Rc<Config>,
    state: State,
    output: Output<'r>,
    stop: Pin<&'r mut dyn FusedFuture<Output = ()>>,
    summaries: Vec<StreamSummary>,
    /// Records read since the last STATE: written, or left out by a filter.
    since_state: u64,
    state_at: Duration,
    /// The same since the run began.
    read: u64,
    max_records: Option<u64>,
    deadline: Option<Duration>,
    /// A position has moved in this run, so that the next one resumes further on.
    advanced: bool,
}

/// A group under way.
struct Stage<'g> {
    group: &'g Group,
    takers: Rc<Takers>,
    tallies: Vec<Tally>,
    /// How many records had been read for each of them when the walk began.
    read_before: Vec<u64>,
    announced: bool,
    progress: Progress,
    /// The records being read were set aside earlier, so they do not move the position.
    is_leftover: bool,
}

impl Stage<'_> {
    fn is_by_id(&self) -> bool {
        self.group.below.is_none() && self.group.list.is_by_id()
    }

    /// Removes failed members from the walk.
    fn drop_failed(&mut self) {
        for (place, member) in self.group.members.iter().enumerate() {
            if self.takers.failure(place).is_some() {
                self.progress.members.remove(member.stream.name);
            }
        }
    }

    /// Whether all streams of the walk start later than it does.
    fn starts_later(&self) -> bool {
        // None sorts before every date.
        self.progress.least_start().is_some_and(|since| since.0 > self.progress.since)
    }
}

impl<T: Transport, C: Clock> Run<'_, T, C> {
    /// Runs all groups, and writes the last STATE whatever comes of them. Reports whether everything was read.
    async fn groups(&mut self, groups: &[Group]) -> Result<bool> {
        let mut complete = true;
        for (place, group) in groups.iter().enumerate() {
            self.state.set_syncing(group.members.first().map(|member| member.stream.name));
            if place > 0 && self.at_limit() {
                self.write_state().await?;
                return Ok(false);
            }
            self.inform_of_undated(group, groups);
            match self.group(group).await {
                Ok(true) => {}
                Ok(false) => {
                    self.write_state().await?;
                    return Ok(false);
                }
                Err(failure) if failure.spares_other_streams() => {
                    let text = format!("{}; continuing with the next stream", failure.message);
                    self.log.warn(failure.stream.as_deref(), &text);
                    complete = false;
                }
                Err(failure) => {
                    // The next run starts with the next group: a list that fails like this in every run must not keep the others
                    // from being read.
                    if !matches!(failure.kind, Kind::Cancelled | Kind::Sink)
                        && let Some(next) = groups.iter().cycle().nth(place + 1)
                    {
                        self.state.set_syncing(next.members.first().map(|member| member.stream.name));
                    }
                    // The run fails with the original failure, even if the STATE cannot be written.
                    if failure.kind != Kind::Sink
                        && let Err(unwritten) = self.write_state().await
                    {
                        self.log.warn(None, &format!("the last STATE was not written: {unwritten}"));
                    }
                    return Err(failure);
                }
            }
        }
        self.state.set_syncing(None);
        self.write_state().await?;
        Ok(complete && self.summaries.iter().all(|summary| summary.complete))
    }

    /// Runs one group and adds its streams to the summary. Returns whether it was read to its end; if not, the run has reached a
    /// limit.
    async fn group(&mut self, group: &Group) -> Result<bool> {
        let begun = self.gate.clock().now();
        let (progress, resumes) = self.start(group)?;
        let mut stage = Stage {
            group,
            takers: Rc::new(Takers::new(group, &progress, &self.config, self.aside(group)?)),
            tallies: group.members.iter().map(|_| Tally::default()).collect(),
            read_before: Vec::new(),
            announced: false,
            progress,
            is_leftover: false,
        };
        let (known, continues) = match resumes {
            true => (stage.progress.certainty.clone(), Continues::EarlierRun),
            false => (Certainty::new(), Continues::Nothing),
        };
        self.number_tables(&mut stage, &known, continues)?;
        let result = self.walks(&mut stage, resumes).await;
        self.conclude(&stage, &result, self.gate.clock().now() - begun)?;
        result
    }

    /// Where the group starts, and whether it resumes the walk of an earlier run.
    fn start(&self, group: &Group) -> Result<(Progress, bool)> {
        let name = group.name();
        match group.start(&self.config, &self.state, self.gate.clock().date())? {
            Start::New(walk) => {
                self.warn_of_new_fields(group);
                self.warn_of_new_channels(group);
                Ok((walk, false))
            }
            Start::Resume(walk) => {
                self.log.info(Some(name), "resuming where the last run ended");
                Ok((walk, true))
            }
            Start::Over(walk, why) => {
                let text = format!("the last run's walk cannot resume ({why}); it starts over");
                self.log.warn(Some(name), &text);
                Ok((walk, false))
            }
        }
    }

    fn warn_of_new_fields(&self, group: &Group) {
        for member in &group.members {
            let name = member.stream.name;
            let changed = self.state.selection(member.stream).is_some_and(|known| known != member.fields);
            if changed && matches!(self.state.bookmark(member.stream), Ok(Some(_))) {
                let text = "the selected fields, or the settings that shape them, have changed since the last run; older records do not get the new shape unless they change, or are read again with --full-refresh";
                self.log.warn(Some(name), &format!("{text} {name}"));
            }
        }
    }

    fn warn_of_new_channels(&self, group: &Group) {
        for Member { stream, .. } in &group.members {
            let has_bookmark = matches!(self.state.bookmark(stream), Ok(Some(_)));
            if has_bookmark && !is_known_in_all_channels(stream, &self.config, &self.state) {
                let text = "channel_id now includes channels that the last run left out; older records are read again, so that none is missing";
                self.log.warn(Some(stream.name), text);
            }
        }
    }

    /// Logs which nested lists can change without a new date of their record: an incremental run misses such changes.
    fn inform_of_undated(&self, group: &Group, groups: &[Group]) {
        let is_selected = |name: &str| groups.iter().flat_map(|group| &group.members).any(|member| member.stream.name == name);
        for Member { stream, shape, mode, .. } in group.members.iter().filter(|member| member.stream.rows().is_none()) {
            for Include { field, undated, .. } in group.list.includes.iter().filter(|_| *mode == Mode::Changes) {
                let Some(remedy) = undated.filter(|remedy| shape.position(field).is_some() && !is_selected(remedy)) else {
                    continue;
                };
                let name = stream.name;
                let text = format!(
                    "the API has no modification date for {field}: they can change while the date_modified of their record stays the same, and such changes are not read; select the stream {remedy}, which reads all of them in each run, or use --full-refresh {name}"
                );
                self.log.info(Some(name), &text);
            }
        }
    }

    fn tell_of_refresh(&self, stage: &Stage<'_>) {
        let progress = &stage.progress;
        let further = progress.members.iter().filter(|(name, own)| progress.start_of(name).is_some_and(|since| since < **own));
        let names: Vec<&str> = further.map(|(name, _)| name.as_str()).collect();
        if let (Some(since), false) = (progress.since, names.is_empty()) {
            let text = format!(
                "child_refresh_days: {} are also read for records modified since {}",
                names.join(", "),
                dates::format(since)
            );
            self.log.info(Some(stage.group.name()), &text);
        }
    }

    /// Walks the group's list: once, or a second time if the first walk resumes that of an earlier run. Returns whether it
    /// reached the end.
    async fn walks(&mut self, stage: &mut Stage<'_>, mut resumed: bool) -> Result<bool> {
        loop {
            if !self.before_walk(stage).await? {
                return Ok(false);
            }
            let last_id = stage.progress.last_id();
            let ended = self.walk(stage).await;
            self.weigh(stage);
            if !matches!(ended, Ok(Ended::Complete | Ended::Narrowed)) {
                self.note(stage);
            }
            match ended? {
                Ended::Complete if stage.progress.begin_next_pass(stage.group.list) => continue,
                Ended::Complete => {}
                Ended::Narrowed => {
                    self.start_again(stage, None, stage.progress.is_second)?;
                    resumed = false;
                    continue;
                }
                Ended::AtLimit => return Ok(false),
            }
            self.complete(stage);
            // Limited runs in a row would never be complete if each had to walk twice.
            let is_limited = self.max_records.is_some() || self.deadline.is_some();
            let is_enough = stage.progress.is_second && is_limited;
            if !std::mem::take(&mut resumed) || is_enough {
                self.activate(stage);
                self.write_state().await?;
                return Ok(true);
            }
            self.write_state().await?;
            self.walk_once_more(stage, last_id)?;
        }
    }

    /// Requests what is set aside if a new walk is about to begin, or if there is no room for more entries. Returns whether the
    /// run continues.
    async fn before_walk(&mut self, stage: &mut Stage<'_>) -> Result<bool> {
        let is_new = stage.progress.is_at_start();
        // A walk that only repeats the part before a resumption does not reach what the resumed walk has set aside.
        if is_new && stage.progress.until_id.is_none() {
            stage.takers.change_aside(&stage.takers.reading(), Entries::forget_what_comes_again);
            self.note_aside(stage, &stage.takers.reading());
        }
        if (is_new || stage.takers.aside().len() >= MOST_ASIDE) && !self.leftovers(stage).await? {
            return Ok(false);
        }
        // If a member failed while these were read, its earlier start no longer counts.
        if is_new && stage.starts_later() {
            self.start_again(stage, stage.progress.until_id, stage.progress.is_second)?;
        }
        if is_new {
            self.tell_of_refresh(stage);
        }
        Ok(true)
    }

    /// Begins a second walk after a resumed one, for changes before the position while no run was reading. After it, the run has
    /// read everything as of its own start.
    fn walk_once_more(&mut self, stage: &mut Stage<'_>, last_id: Option<u64>) -> Result<()> {
        // In a full table only the rows up to `last_id` are missing: this run has read the others. Three kinds of walk need the whole list: a resumed walk
        // that was such a second walk itself; one with a bookmark, which would move past edits of what this run has read; and one that ends with the
        // highest id, since that id is from before this run.
        let has_bookmark = stage.group.members.iter().any(|member| member.stream.replication_key().is_some());
        let has_end = matches!(stage.group.list.end, End::Highest(_));
        let reads_rest = !has_bookmark && !has_end && !stage.progress.is_second && !stage.takers.are_waiting();
        self.start_again(stage, last_id.filter(|_| reads_rest), true)?;
        self.log.info(Some(stage.group.name()), "the walk of an earlier run is complete; reading what has changed since");
        Ok(())
    }

    /// Begins a new walk for all members that have not failed.
    fn start_again(&mut self, stage: &mut Stage<'_>, until_id: Option<u64>, is_second: bool) -> Result<()> {
        let group = stage.group;
        let has_failed = |place| stage.takers.failure(place).is_some();
        let new = group.new_walk((&self.config, &self.state), self.gate.clock().date(), has_failed)?;
        let known = std::mem::take(&mut stage.progress.certainty);
        stage.progress = Progress { is_second, until_id, ..new };
        // Members that have waited until now bring what they have set aside.
        let aside = self.aside(group)?;
        stage.takers = Rc::new(stage.takers.renewed(group, &stage.progress, &self.config, aside));
        let continues = if is_second { Continues::WalkBefore } else { Continues::Nothing };
        self.number_tables(stage, &known, continues)
    }

    /// Walks the list once. However it ends, the stage's progress says where the walk can resume.
    async fn walk(&mut self, stage: &mut Stage<'_>) -> Result<Ended> {
        let group = stage.group;
        stage.is_leftover = false;
        stage.begin();
        self.gate.remarks.clear();
        let (gate, log, extent) = (self.gate, self.log.clone(), self.extent(stage));
        if let Some(above) = group.below {
            let lists = ListsBelow::new(gate, log, group, above, extent, &stage.progress);
            return self.read(stage, lists).await;
        }
        let list = (group.name(), group.list, group.list.path.to_owned());
        let walk = Walk::new(gate, log, list, extent, &stage.progress);
        self.read(stage, walk).await
    }
}

//! Plays a scenario: run after run in virtual time, each looked at when it has ended.

use crate::aside::Aside;
use crate::checker::Duty;
use crate::finding::{Finding, Rule};
use crate::judge;
use crate::scenario::{Ending, RunPlan, Scenario};
use crate::shared::{Memory, Wire, config};
use crate::shelf::Shelf;
use crate::trace::{Diary, Trace};
use crate::world::{EPOCH, Fate, Passage, Tally, World, options};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::error::{Failure, Kind};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::sync::{Summary, sync};
use tap_bigcommerce_core::virtual_time::{VirtualClock, run};

/// A run that takes longer than this does not end.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What came of a scenario.
pub(crate) struct Played {
    pub(crate) finding: Option<Finding>,
    pub(crate) tally: Tally,
    /// The event log; empty unless it was asked for.
    pub(crate) events: Vec<String>,
}

/// What came of one run.
pub(crate) struct Run {
    /// None: the process was gone before it could return.
    pub(crate) result: Option<Result<Summary, Failure>>,
    pub(crate) lines: Vec<Vec<u8>>,
    pub(crate) log: Vec<String>,
    pub(crate) fate: Fate,
}

/// How a run left things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Everything is there.
    Whole,
    /// Something may be missing, and a later run brings it.
    Partial,
}

/// Once faults are over, so many runs bring everything.
const RUNS_TO_RECOVER: usize = 3;

/// Plays the scenario until something is found.
pub(crate) fn play(scenario: &Scenario, trace: Trace) -> Played {
    let world = Rc::new(World::new(scenario.seed, &scenario.shop, trace));
    let mut chain = Chain::new(scenario, &world);
    let finding = chain.play().err();
    if let Some(found) = &finding {
        world.trace.write(world.elapsed(), || format!("FOUND {found}"));
    }
    Played { finding, tally: world.tally.take(), events: world.trace.lines() }
}

/// How far each stream has come.
pub(crate) type Bookmarks = BTreeMap<String, DateTime<Utc>>;

/// The runs of a scenario, one after the other.
struct Chain<'s> {
    scenario: &'s Scenario,
    world: &'s Rc<World>,
    shelf: Shelf,
    /// The start date that counted when a stream was read to its end for the first time.
    starts: BTreeMap<String, Option<DateTime<Utc>>>,
    /// An earlier run had an `end_date`.
    was_bounded: bool,
    played: usize,
}

impl<'s> Chain<'s> {
    fn new(scenario: &'s Scenario, world: &'s Rc<World>) -> Chain<'s> {
        let shelf = Shelf::without(scenario.shop.lists_withheld());
        Chain { scenario, world, shelf, starts: BTreeMap::new(), was_bounded: false, played: 0 }
    }

    fn play(&mut self) -> Result<(), Finding> {
        let mut left = Left::Whole;
        for plan in &self.scenario.runs {
            left = self.run(plan)?;
        }
        match self.scenario.runs.last() {
            Some(last) if left == Left::Partial && !self.scenario.shop.ignores_positions() => self.recover(&last.calm_after()),
            _ => Ok(()),
        }
    }

    /// Faults are over: some runs later everything has to be there.
    fn recover(&mut self, calm: &RunPlan) -> Result<(), Finding> {
        for _ in 0..RUNS_TO_RECOVER {
            self.world.count("runs to recover");
            if self.run(calm)? == Left::Whole {
                return Ok(());
            }
        }
        let text = format!("faults are over, and {RUNS_TO_RECOVER} runs do not bring everything");
        Err(Finding::new(Rule::Stuck, text).in_run(self.played))
    }

    fn run(&mut self, plan: &RunPlan) -> Result<Left, Finding> {
        self.played += 1;
        let played = catch_unwind(AssertUnwindSafe(|| self.play_run(plan)));
        let left = played.unwrap_or_else(|panic| {
            let text =
                panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
            Err(Finding::new(Rule::Panic, text.unwrap_or_default()))
        });
        left.map_err(|found| found.in_run(self.played))
    }

    fn play_run(&mut self, plan: &RunPlan) -> Result<Left, Finding> {
        let Chain { scenario, world, shelf, starts, was_bounded, .. } = self;
        world.prepare(plan);
        let started = world.elapsed();
        let request = request(scenario, plan, shelf.state.as_ref());
        world.trace.write(started, || format!("RUN with {}, state {}", config_of(plan), summary(shelf.state.as_ref())));
        let run = start(scenario, plan, world, &request);
        let before = Aside::read(shelf.state.as_ref())?;
        let excused = if plan.is_limited() { second_walks(shelf.state.as_ref()) } else { Vec::new() };
        report(world, &run);
        world.count(if shelf.state.is_some() { "runs with a state" } else { "runs without a state" });
        judge::secrets(scenario, &run)?;
        let (bookmarks, activated) = (shelf.bookmarks().clone(), shelf.activated());
        let records = shelf.take(&run.lines, &plan.selection)?;
        if shelf.activated() > activated {
            world.count("runs that activate a version");
        }
        judge::bookmarks(plan, &bookmarks, shelf.bookmarks())?;
        world.trace.write(world.elapsed(), || format!("      {records} records taken; state {}", summary(shelf.state.as_ref())));
        let after = Aside::read(shelf.state.as_ref())?;
        judge::ending(scenario, plan, world, &run, &before)?;
        judge::aside(scenario, plan, world, &run, &before, &after)?;
        judge::single(scenario, plan, world, &run, &bookmarks)?;
        for stream in plan.selection.streams() {
            if shelf.has_bookmark(&stream) {
                starts.entry(stream).or_insert(plan.date("start_date"));
            }
        }
        let was_bounded = std::mem::replace(was_bounded, *was_bounded || plan.date("end_date").is_some());
        if !has_read_all(plan, &run) {
            return Ok(Left::Partial);
        }
        world.count("complete runs");
        let lag = if plan.stale_percent > 0 { scenario.shop.lag } else { scenario.shop.quirks.index_lag };
        let start_of = |stream: String| Some((starts.get(&stream).copied().unwrap_or(plan.date("start_date"))?, stream));
        let starts = plan.selection.streams().into_iter().filter_map(start_of).map(|(start, stream)| (stream, start)).collect();
        let duty = Duty {
            selection: &plan.selection,
            excused: &excused,
            as_of: started.saturating_sub(lag),
            starts: &starts,
            aside: &after,
            nameless: world.nameless(),
            withheld: &scenario.shop.lists_withheld(),
            end_date: plan.date("end_date"),
            bounded: was_bounded.then_some(started),
        };
        duty.check(&world.journal.borrow(), shelf)?;
        let is_fresh = plan.stale_percent == 0 || !was_bounded;
        let everything =
            is_fresh && excused.is_empty() && after.is_empty(&plan.selection.streams()) && plan.date("end_date").is_none();
        Ok(if everything { Left::Whole } else { Left::Partial })
    }
}

/// Whether the run has read everything but what it set aside.
fn has_read_all(plan: &RunPlan, run: &Run) -> bool {
    let Some(Ok(summary)) = &run.result else { return false };
    let aside_alone = summary.verdict().is_some_and(|failure| failure.kind == Kind::SetAside);
    summary.complete || (aside_alone && !plan.is_limited())
}

/// The streams whose walk in this state follows a resumed one. A run with a limit that resumes such a walk does not walk once
/// more: runs with limits would never come to an end.
fn second_walks(state: Option<&Value>) -> Vec<String> {
    let bookmarks = state.and_then(|state| state["bookmarks"].as_object());
    let second = bookmarks.into_iter().flatten().filter(|(_, bookmark)| bookmark["walk"]["again"] == true);
    second.map(|(stream, _)| stream.clone()).collect()
}

fn request(scenario: &Scenario, plan: &RunPlan, state: Option<&Value>) -> Inputs {
    let mut settings = config(&options(scenario.seed, scenario.shop.counts));
    settings.extend(plan.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let selection = &plan.selection;
    Inputs {
        config: Value::Object(settings).to_string(),
        catalog: (!selection.whole).then(|| selection.catalog().to_string()),
        select: selection.whole.then(|| selection.streams()),
        state: state.map(Value::to_string),
        max_records: if let Ending::MaxRecords(most) = plan.ending { Some(most) } else { None },
        max_seconds: if let Ending::MaxSeconds(most) = plan.ending { Some(most) } else { None },
        ..Inputs::default()
    }
}

/// Runs the tap until it returns or its process is gone.
fn start(scenario: &Scenario, plan: &RunPlan, world: &Rc<World>, request: &Inputs) -> Run {
    let clock = VirtualClock::new(EPOCH + world.elapsed() + scenario.shop.skew);
    let log = Rc::new(Diary { lines: RefCell::default(), world: world.clone(), clock: clock.clone() });
    let dies_after = if let Ending::SinkDies(lines) = plan.ending { Some(lines) } else { None };
    let mut sink = Memory { lines: Vec::new(), dies_after, clock: clock.clone(), pause: plan.sink_pause };
    let wire = Wire { clock: clock.clone(), way: Passage { world: world.clone(), clock: clock.clone() } };
    let result = Plan::new(request).map_or_else(
        |failure| Some(Some(Err(failure))),
        |tap| {
            let stop = when(world, |fate| fate == Fate::Stopped);
            let gone = when(world, Fate::is_over);
            let whole = sync(tap, wire, clock.clone(), log.clone(), &mut sink, stop);
            run(&clock, first_of(whole, gone, clock.sleep(LONGEST)))
        },
    );
    world.pass(clock.now());
    // What waits for nothing, or for longer than the longest, does not end.
    let endless = result.is_none() || clock.now() >= LONGEST;
    let fate = if endless { Fate::Endless } else { world.fate() };
    Run { result: result.flatten(), lines: sink.lines, log: log.lines.take(), fate }
}

/// Becomes ready when the run's fate is like that. Whoever awaits it is polled whenever anything happens.
async fn when(world: &Rc<World>, is_so: impl Fn(Fate) -> bool) {
    poll_fn(|_| if is_so(world.fate()) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// The output of `whole`, or none if one of the others is ready before it.
async fn first_of<T>(
    whole: impl Future<Output = T>,
    gone: impl Future<Output = ()>,
    late: impl Future<Output = ()>,
) -> Option<T> {
    let (mut whole, mut gone, mut late) = (pin!(whole), pin!(gone), pin!(late));
    poll_fn(|context| {
        if let Poll::Ready(output) = whole.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        match gone.as_mut().poll(context).is_ready() || late.as_mut().poll(context).is_ready() {
            true => Poll::Ready(None),
            false => Poll::Pending,
        }
    })
    .await
}

fn report(world: &World, run: &Run) {
    world.trace.write(world.elapsed(), || match &run.result {
        None => format!("END the process is gone ({:?}); the sink took {} lines", run.fate, run.lines.len()),
        Some(Err(failure)) => format!("END with a failure: {}: {failure}", failure.kind),
        Some(Ok(summary)) if summary.complete => "END complete".to_owned(),
        Some(Ok(_)) => "END at a limit, or with a stream that failed".to_owned(),
    });
}

fn config_of(plan: &RunPlan) -> String {
    let settings: Vec<String> = plan.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let wants: Vec<&str> = plan.selection.wants.iter().copied().collect();
    format!("{}, {:?}, selected {}", settings.join(" "), plan.ending, wants.join(" "))
}

/// A state on one line, as far as it says where runs resume.
fn summary(state: Option<&Value>) -> String {
    let Some(state) = state else { return "none".to_owned() };
    let mut parts = Vec::new();
    for (stream, bookmark) in state["bookmarks"].as_object().into_iter().flatten() {
        let date =
            ["date_modified", "order_date_modified", "created"].iter().find_map(|key| bookmark.get(key)?.as_str()).unwrap_or("-");
        let walk = bookmark.get("walk").map(|walk| {
            let field = |name: &str| walk.get(name).map(Value::to_string).unwrap_or_default();
            format!(" walk[since {} started {} at {}]", field("since"), field("started"), field("position"))
        });
        parts.push(format!("{stream} {date}{}", walk.unwrap_or_default()));
    }
    parts.join(", ")
}

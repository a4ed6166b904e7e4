//! A world for the tap: a simulated store behind a transport, a clock that only simulation moves, a sink that remembers.

use crate::shared::{Memory, Way, Wire, config};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tap_bigcommerce_core::api::Clock;
use tap_bigcommerce_core::check::{Report, check};
use tap_bigcommerce_core::error::{Failure, Kind, Result};
use tap_bigcommerce_core::log::{Level, Line, Log};
use tap_bigcommerce_core::plan::{Inputs, Plan};
use tap_bigcommerce_core::sync::{Summary, sync};
use tap_bigcommerce_core::virtual_time::{VirtualClock, run};
use tap_bigcommerce_sandbox::{Answer, Counts, Kind as Records, Options, Store};

/// A small store with records of each family.
pub(crate) const FAMILIES: Counts = Counts::of([
    (Records::ORDERS, 30),
    (Records::CUSTOMERS, 120),
    (Records::PRODUCTS, 120),
    (Records::PRICE_LISTS, 25),
    (Records::CATEGORIES, 90),
    (Records::BRANDS, 20),
]);

/// How long the store takes for an answer.
pub(crate) const LATENCY: Duration = Duration::from_millis(80);

/// A store and all that happens around it.
pub(crate) struct World {
    pub(crate) store: Rc<RefCell<Store>>,
    /// The store's time when the world's own clock stands at zero.
    pub(crate) epoch: DateTime<Utc>,
    /// How far this machine's clock is off.
    pub(crate) skew: TimeDelta,
    pub(crate) config: Map<String, Value>,
    /// How long the sink takes for each write.
    pub(crate) sink_pause: Duration,
    /// Passes from one run to the next.
    elapsed: Cell<Duration>,
}

/// What a run left behind.
pub(crate) struct Run {
    pub(crate) result: Result<Summary>,
    pub(crate) messages: Vec<Value>,
    pub(crate) log: Vec<(Level, String)>,
}

impl World {
    /// A store with these many records of each kind.
    pub(crate) fn new(counts: Counts) -> World {
        World::with(Options { counts, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> World {
        let config = config(&options);
        World {
            store: Rc::new(RefCell::new(Store::new(options))),
            epoch: DateTime::from_timestamp(1_760_000_000, 0).unwrap(),
            skew: TimeDelta::zero(),
            config,
            sink_pause: Duration::ZERO,
            elapsed: Cell::default(),
        }
    }

    /// The store's time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.epoch + self.elapsed.get()
    }

    /// Lets time pass between runs.
    pub(crate) fn wait(&self, time: Duration) {
        self.elapsed.set(self.elapsed.get() + time);
    }

    /// What a run with this state is given.
    pub(crate) fn inputs(&self, state: Option<&Value>) -> Inputs {
        Inputs { config: Value::Object(self.config.clone()).to_string(), state: state.map(Value::to_string), ..Inputs::default() }
    }

    pub(crate) fn run(&self, state: Option<&Value>) -> Run {
        self.run_with(self.inputs(state), None)
    }

    /// A run of these streams and fields.
    pub(crate) fn select(&self, select: &str) -> Run {
        self.select_from(select, None)
    }

    /// The same from a state.
    pub(crate) fn select_from(&self, select: &str, state: Option<&Value>) -> Run {
        let inputs = Inputs { select: Some(vec![select.to_owned()]), ..self.inputs(state) };
        self.run_with(inputs, None).ok()
    }

    /// How many requests were sent whose target has this in it.
    pub(crate) fn asked(&self, part: &str) -> usize {
        self.store.borrow().requests().iter().filter(|seen| seen.target.contains(part)).count()
    }

    /// How many rows a stream has in the store.
    pub(crate) fn rows(&self, stream: &str) -> usize {
        self.store.borrow().truth(stream).unwrap().len()
    }

    /// What a check of a run says.
    pub(crate) fn check(&self, inputs: &Inputs) -> Result<Report> {
        let clock = VirtualClock::new(self.now() + self.skew);
        let way = Straight { store: self.store.clone(), clock: clock.clone(), epoch: self.now() };
        let checking = check(inputs, Wire { clock: clock.clone(), way }, clock.clone(), Rc::new(Lines::default()));
        let report = run(&clock, checking).expect("the check waits for what never comes");
        self.wait(clock.now());
        report
    }

    /// Runs to the end, or until the sink has taken so many lines: then the process is gone.
    pub(crate) fn run_with(&self, inputs: Inputs, dies_after: Option<usize>) -> Run {
        let clock = VirtualClock::new(self.now() + self.skew);
        let log = Rc::new(Lines::default());
        let mut sink = Memory { lines: Vec::new(), dies_after, clock: clock.clone(), pause: self.sink_pause };
        let way = Straight { store: self.store.clone(), clock: clock.clone(), epoch: self.now() };
        let wire = Wire { clock: clock.clone(), way };
        let result = Plan::new(&inputs).and_then(|plan| {
            let running = sync(plan, wire, clock.clone(), log.clone(), &mut sink, std::future::pending());
            run(&clock, running).expect("the run waits for what never comes")
        });
        self.wait(clock.now());
        let messages = sink.lines.iter().map(|line| serde_json::from_slice(line).expect("a line that is JSON")).collect();
        Run { result, messages, log: log.0.take() }
    }
}

impl Run {
    pub(crate) fn ok(self) -> Run {
        if let Err(failure) = &self.result {
            panic!("{failure}\n{:#?}", self.log);
        }
        self
    }

    pub(crate) fn failure(&self) -> &Failure {
        self.result.as_ref().expect_err("the run should fail")
    }

    /// The records of a stream, in order.
    pub(crate) fn records(&self, stream: &str) -> Vec<&Value> {
        let of_stream = |message: &&Value| message["type"] == "RECORD" && message["stream"] == stream;
        self.messages.iter().filter(of_stream).map(|message| &message["record"]).collect()
    }

    /// The ids of a stream's records, upward: archived orders come after all others.
    pub(crate) fn ids(&self, stream: &str) -> Vec<u64> {
        let mut ids = self.in_order(stream);
        ids.sort_unstable();
        ids
    }

    /// The ids of a stream's records, in the order in which they came.
    pub(crate) fn in_order(&self, stream: &str) -> Vec<u64> {
        self.records(stream).iter().map(|record| record["id"].as_u64().expect("an id")).collect()
    }

    /// The value of the last STATE.
    pub(crate) fn state(&self) -> &Value {
        &self.messages.iter().rev().find(|message| message["type"] == "STATE").expect("a STATE")["value"]
    }

    /// What the last STATE says is aside in a stream.
    pub(crate) fn aside(&self, stream: &str) -> Value {
        self.state()["bookmarks"][stream]["aside"].clone()
    }

    /// What a run that came back amounts to; none if all is well.
    pub(crate) fn verdict(&self) -> Option<Kind> {
        self.result.as_ref().unwrap().verdict().map(|failure| failure.kind)
    }

    /// The warnings in the log.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.log.iter().filter(|(level, _)| *level == Level::Warning).map(|(_, text)| text.as_str()).collect()
    }
}

/// The orders that the list hides.
pub(crate) fn archived(world: &World) -> Vec<u64> {
    let store = world.store.borrow();
    let is_archived = |id: &u64| store.record(Records::ORDERS, *id).is_some_and(|order| order.fields["is_deleted"] == true);
    store.ids(Records::ORDERS).filter(is_archived).collect()
}

/// The newest version of each record that was emitted: by id, its modification date.
pub(crate) fn versions(runs: &[&Run], stream: &str) -> BTreeMap<u64, String> {
    let records = runs.iter().flat_map(|run| run.records(stream));
    let mut newest = BTreeMap::new();
    for record in records {
        let date = record["date_modified"].as_str().unwrap_or_default().to_owned();
        let known: &mut String = newest.entry(record["id"].as_u64().unwrap()).or_default();
        *known = known.clone().max(date);
    }
    newest
}

/// The store itself, always equally far away.
struct Straight {
    store: Rc<RefCell<Store>>,
    clock: VirtualClock,
    epoch: DateTime<Utc>,
}

impl Way for Straight {
    fn latency(&self) -> (Duration, Duration) {
        (LATENCY / 2, LATENCY / 2)
    }

    fn answer(&self, request: &tap_bigcommerce_sandbox::Request) -> Answer {
        self.store.borrow_mut().answer(request, self.epoch + self.clock.now())
    }
}

/// Remembers log lines.
#[derive(Debug, Default)]
struct Lines(RefCell<Vec<(Level, String)>>);

impl Log for Lines {
    fn write(&self, line: &Line<'_>) {
        let text = line.to_string();
        let text = text.split_once(' ').map_or("", |(_, text)| text);
        self.0.borrow_mut().push((line.level, text.to_owned()));
    }
}

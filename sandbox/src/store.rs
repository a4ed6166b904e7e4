//! The store: its data, and what tests do to it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::faults::{Fault, Faults};
use crate::http::{Request, Response};
use crate::kind::Kind;
use crate::log::{Log, Seen};
use crate::options::Options;
use crate::query::Query;
use crate::quirks::Quirks;
use crate::quota::{Meter, Quota};
use crate::record::Record;
use crate::registry;
use crate::resources::store;
use crate::seed::orders;
use table::Table;

pub(crate) mod table;

/// Streams of nothing but ids and dates: their rows are these records, and a tap drops the other fields.
const OF_IDS: [(&str, Kind); 2] = [("customer_ids", Kind::CUSTOMERS), ("product_ids", Kind::PRODUCTS)];

type Hook = Box<dyn FnMut(&Request, &mut Store) + Send>;

/// A shop: its records, its quota, its faults. See the crate's page for what it serves.
pub struct Store {
    /// Undocumented behaviour. Change it at any time.
    pub quirks: Quirks,
    pub(crate) options: Options,
    pub(crate) meter: Meter,
    pub(crate) faults: Faults,
    log: Log,
    tables: Vec<Table>,
    hooks: Vec<Hook>,
    busy: Vec<Busy>,
    /// Answers by request and token, where they are kept.
    pub(crate) answers: HashMap<(String, Option<String>), Response>,
}

/// Creates records as time passes.
#[derive(Debug)]
struct Busy {
    kind: Kind,
    every: TimeDelta,
    /// When the next one comes; counted from the first answer on.
    next: Option<DateTime<Utc>>,
}

impl Store {
    /// Builds the store. The same seed and counts give the same store, whatever the day.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let tables = registry::RESOURCES
            .iter()
            .map(|resource| Table::new(resource, options.seed, options.counts.get(resource.kind)))
            .collect();
        Self {
            quirks: Quirks::default(),
            meter: Meter::new(options.quota),
            faults: Faults::default(),
            log: Log::new(options.log_requests),
            tables,
            hooks: Vec::new(),
            busy: Vec::new(),
            answers: HashMap::new(),
            options,
        }
    }

    pub(crate) fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind.place()]
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Table {
        &mut self.tables[kind.place()]
    }

    /// All rows of a tap's stream, complete and as the API sends them, each with the record that it is or belongs to. Fields that
    /// come only on request are included. None if there is no such stream.
    #[must_use]
    pub fn truth(&self, stream: &str) -> Option<Vec<Truth>> {
        if stream == "store" {
            let fields = self.profile().as_object().cloned().unwrap_or_default();
            return Some(vec![Truth { of: None, row: fields }]);
        }
        let of_ids = OF_IDS.iter().find_map(|(name, kind)| (*name == stream).then_some(*kind));
        if let Some(kind) = of_ids.or(Kind::ALL.iter().copied().find(|kind| kind.name() == stream)) {
            let row = |id| {
                let Record { fields, parts } = self.record(kind, id)?;
                Some(Truth { of: Some((kind, id)), row: fields.into_iter().chain(parts).collect() })
            };
            return Some(self.ids(kind).filter_map(row).collect());
        }
        let (kind, part) = registry::RESOURCES.iter().find_map(|resource| {
            let part = resource.parts.iter().find(|part| part.stream == Some(stream))?;
            Some((resource.kind, part))
        })?;
        let context = Context::new(&self.options, &self.quirks, Query::default(), DateTime::UNIX_EPOCH);
        let rows = |id| {
            let record = self.record(kind, id)?;
            let rows = match part.built {
                Some(build) => vec![build(&context, id, &record)],
                None => record.parts.get(part.name)?.as_array()?.clone(),
            };
            Some(rows.into_iter().filter_map(move |row| Some(Truth { of: Some((kind, id)), row: row.as_object()?.clone() })))
        };
        Some(self.ids(kind).filter_map(rows).flatten().collect())
    }

    /// What `/v2/store` answers.
    #[must_use]
    pub fn profile(&self) -> Value {
        store::profile(&self.options.store_hash)
    }

    /// The ids of all records of a kind, upward. Archived orders are among them.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = u64> + '_ {
        self.table(kind).ids()
    }

    /// A record with all its parts, whole: nothing is cut at ten here.
    #[must_use]
    pub fn record(&self, kind: Kind, id: u64) -> Option<Record> {
        self.table(kind).record(id).map(std::sync::Arc::unwrap_or_clone)
    }

    /// When a record was last modified. For a kind without such a date on the wire, when it was created.
    #[must_use]
    pub fn date_modified(&self, kind: Kind, id: u64) -> Option<DateTime<Utc>> {
        self.table(kind).date_modified(id)
    }

    /// Adds one more seeded record, created and modified at `at`, with an id above all there ever were. Returns the id.
    pub fn create(&mut self, kind: Kind, at: DateTime<Utc>) -> u64 {
        self.table_mut(kind).create(at)
    }

    /// Modifies a record without changing anything but `date_modified`. False when there is no such record.
    pub fn touch(&mut self, kind: Kind, id: u64, at: DateTime<Utc>) -> bool {
        self.edit(kind, id, at, |_| {})
    }

    /// Changes a record at will and sets its `date_modified`; `id` and dates in its fields are the store's own. False when there
    /// is no such record.
    pub fn edit(&mut self, kind: Kind, id: u64, at: DateTime<Utc>, change: impl FnOnce(&mut Record)) -> bool {
        self.table_mut(kind).edit(id, at, change)
    }

    /// Gives a record a `date_modified` that is no date, as old importers leave it (`0000-00-00T00:00:00Z`, or nothing), until it is
    /// edited. To filters and sorts it is older than every date: `date_modified:max` keeps it, `date_modified:min` leaves it out.
    /// [`Store::date_modified`] gives the earliest date there is. False when there is no such record, and for coupons, which have no such
    /// date.
    pub fn set_date_text(&mut self, kind: Kind, id: u64, text: &str) -> bool {
        self.table(kind).resource.dates.modified.is_some() && self.table_mut(kind).set_date_text(id, text)
    }

    /// Archives an order, as `DELETE` does: it stays, with `is_deleted` true. False when there is no such order.
    pub fn archive_order(&mut self, id: u64, at: DateTime<Utc>) -> bool {
        self.edit(Kind::ORDERS, id, at, |order| {
            order.fields.insert("is_deleted".to_owned(), Value::from(true));
        })
    }

    /// Removes a record for good, without a trace. False when there is no such record.
    pub fn delete(&mut self, kind: Kind, id: u64) -> bool {
        self.table_mut(kind).delete(id)
    }

    /// Adds line items to an order and modifies it. False when there is no such order.
    pub fn add_lines(&mut self, order_id: u64, lines: u64, at: DateTime<Utc>) -> bool {
        let seed = self.options.seed;
        self.edit(Kind::ORDERS, order_id, at, |order| orders::add_lines(seed, order_id, order, lines))
    }

    /// Adds a fault, behind those already there.
    pub fn add_fault(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&mut self) {
        self.faults = Faults::default();
    }

    /// Runs before each answer with the request, and may change the store: how a test modifies records during a walk. Hooks run in
    /// the order they were added; one added by a hook runs from the next request on.
    pub fn on_request(&mut self, hook: impl FnMut(&Request, &mut Self) + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Creates this many records a second from the next answer on, dated as time passes: a store that is busy while it is read. 0 ends
    /// it. After a pause between two answers at most the last minute is made up for.
    pub fn keep_busy(&mut self, kind: Kind, a_second: u32) {
        self.busy.retain(|busy| busy.kind != kind);
        if let Some(every) = TimeDelta::nanoseconds(1_000_000_000).checked_div(i32::try_from(a_second).unwrap_or(i32::MAX)) {
            self.busy.push(Busy { kind, every, next: None });
        }
    }

    /// Creates the records that are due by now.
    pub(crate) fn work(&mut self, now: DateTime<Utc>) {
        let mut all = std::mem::take(&mut self.busy);
        for busy in &mut all {
            let mut next = busy.next.unwrap_or(now + busy.every).max(now - TimeDelta::minutes(1));
            while next <= now {
                self.create(busy.kind, next);
                next += busy.every;
            }
            busy.next = Some(next);
        }
        self.busy = all;
    }

    pub(crate) fn note(&mut self, seen: Seen) {
        self.log.push(seen);
    }

    pub(crate) fn run_hooks(&mut self, request: &Request) {
        let mut hooks = std::mem::take(&mut self.hooks);
        for hook in &mut hooks {
            hook(request, self);
        }
        hooks.append(&mut self.hooks);
        self.hooks = hooks;
    }

    /// Changes the quota from now on; what was spent in this window stays spent.
    pub fn set_quota(&mut self, quota: Option<Quota>) {
        self.meter.set(quota);
    }

    /// Spends requests of the quota as another client of the same store would.
    pub fn spend_quota(&mut self, requests: u64, now: DateTime<Utc>) {
        self.meter.take_by_other(requests, now);
    }

    /// How many requests were refused because the quota was used up. Faults that answer 429 are not counted.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.meter.throttled()
    }

    /// The requests so far, in order; of very many the last ([`Options::log_requests`]).
    #[must_use]
    pub fn requests(&self) -> &[Seen] {
        self.log.all()
    }

    /// Empties the log of requests.
    pub fn clear_requests(&mut self) {
        self.log.clear();
    }

    /// What the store was built from.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Changes what the token may read, its value, the caps: everything but what the data was built from.
    pub fn configure(&mut self, change: impl FnOnce(&mut Options)) {
        change(&mut self.options);
    }
}

/// A row of a stream, as it has to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The record that it is, or belongs to; none for the store itself.
    pub of: Option<(Kind, u64)>,
    /// Its fields.
    pub row: Map<String, Value>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("options", &self.options).field("quirks", &self.quirks).finish_non_exhaustive()
    }
}

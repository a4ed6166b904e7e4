//! Nested lists that need requests of their own: an order's lines and payments, a customer's further addresses, a product's
//! channels.

mod batch;
mod by_ids;
mod deleted;
mod inside;
mod pages;

pub(crate) use deleted::is_surely_gone;
pub(crate) use inside::inside;

use crate::api::answer::Refused;
use crate::api::gate::Gate;
use crate::api::list::{Form, Repair};
use crate::api::{Clock, NoBody, Request, SECOND_THOUGHTS, Slice, Transport};
use crate::certainty::Uncertain;
use crate::error::{Failure, Kind, Result};
use crate::group::Group;
use crate::head::id_of;
use crate::log::Log;
use crate::page::Row;
use crate::streams::{Announced, Ask, Rows, Way};
use crate::takers::Takers;
use crate::transform::Findings;
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// So many short lists are named.
const NAMED: u64 = 10;

const NOT_WHOLE: &str = "does not exist (status 404) or is shorter than the record says, but the record exists";

/// The lists of one record, or why one of them is not there.
pub(crate) type Lists = Vec<(&'static Rows, Result<Vec<Box<RawValue>>>)>;

/// What became of a record.
#[derive(Debug)]
pub(crate) enum Completed {
    /// The record exists; each of its lists, or why that list is missing.
    There(Lists),
    /// It was deleted after its list was read.
    Gone,
    /// The store cannot serve it, while it serves others.
    Aside(Failure),
}

impl Completed {
    fn has(&self, rows: &Rows) -> bool {
        matches!(self, Completed::There(lists) if lists.iter().any(|(known, _)| *known == rows))
    }
}

/// Records that were completed together.
pub(crate) struct Chunk {
    pub(crate) records: Vec<(Row, Completed)>,
    /// Nested lists that fail for every record.
    pub(crate) failed: Vec<Failed>,
}

impl Chunk {
    /// The bytes of its records and of their lists.
    pub(crate) fn bytes(&self) -> usize {
        let of_list =
            |(_, list): &(_, Result<Vec<Box<RawValue>>>)| -> usize { list.iter().flatten().map(|row| row.get().len()).sum() };
        let of_lists = |completed: &Completed| match completed {
            Completed::There(lists) => lists.iter().map(of_list).sum(),
            Completed::Gone | Completed::Aside(_) => 0,
        };
        self.records.iter().map(|(row, completed)| row.raw.get().len() + of_lists(completed)).sum()
    }
}

/// A nested list that fails for every record.
pub(crate) struct Failed {
    pub(crate) rows: &'static Rows,
    pub(crate) failure: Failure,
    /// The store does not refuse it but fails to serve it, which may pass.
    pub(crate) is_down: bool,
}

/// Why rows are not there.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The record itself is gone.
    Gone,
    /// The cause is this record, unless the store is down.
    Record {
        failure: Failure,
        /// No answer came, or none that could be read. Then an empty list of another record does not prove that the store works.
        by_bytes: bool,
    },
    /// The list fails for every record, which may pass.
    Down(Failure),
    /// The store refuses it.
    Refused(Failure),
}

impl From<Refused> for Lost {
    fn from(refused: Refused) -> Lost {
        let by_bytes = refused.spent && refused.status.is_none_or(|status| status < 500);
        match refused.may_be_of_one_record() {
            true => Lost::Record { failure: refused.failure, by_bytes },
            false => Lost::Refused(refused.failure),
        }
    }
}

/// Completes the records of one walk.
pub(crate) struct Fetcher<'g, T, C> {
    pub(crate) gate: &'g Gate<T, C>,
    pub(crate) log: &'g dyn Log,
    pub(crate) group: &'g Group,
    pub(crate) takers: Rc<Takers>,
    pub(crate) page_size: u32,
    /// How often each request is tried; none: as often as the gate does.
    pub(crate) tries: Option<u32>,
    /// The records are hidden ones: there may be only a few, and all of them may be broken.
    pub(crate) are_hidden: bool,
    pub(crate) notes: RefCell<Notes>,
}

/// What is remembered from one record to the next.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    findings: Findings,
    /// By list name: the last record whose list was served, preferably one with rows, and whether it has rows.
    served: HashMap<&'static str, (u64, bool)>,
    /// Lists that are shorter than their record says.
    short: u64,
    /// How many records came with their nested lists, and how many needed separate requests.
    embedded: u64,
    apart: u64,
    /// By list name: the highest place in a request's ids whose record has brought rows. The store respects at least that many
    /// ids.
    heeded: HashMap<&'static str, usize>,
    /// By list name: whether no record at all has rows.
    unused: HashMap<&'static str, bool>,
}

impl Notes {
    /// A list without rows does not take the place of one with rows.
    fn served(&mut self, rows: &Rows, id: u64, has_rows: bool) {
        let known = self.served.entry(rows.name).or_default();
        if has_rows || !known.1 {
            *known = (id, has_rows);
        }
    }
}

/// What requests have brought: for each record, by its place in the chunk, its list.
type Brought = Vec<(usize, Result<Vec<Box<RawValue>>, Lost>)>;

impl<T: Transport, C: Clock> Fetcher<'_, T, C> {
    /// Fetches all wanted nested lists of some records, concurrently and each to its last page.
    pub(crate) async fn fetch(&self, mut records: Vec<Row>) -> Result<Chunk> {
        let mut completed: Vec<Completed> = records.iter().map(|record| Completed::There(self.embedded(record))).collect();
        // Records that were set aside are already whole.
        if let (Some((filter, _)), Some(Row { was_aside: None, .. })) = (self.group.by_ids, records.first()) {
            for (place, became) in self.read_by_ids(&mut records, filter).await? {
                if let Some(completed) = completed.get_mut(place) {
                    *completed = became;
                }
            }
        }
        let mut failed: Vec<Failed> = Vec::new();
        let mut under_way: FuturesUnordered<LocalBoxFuture<'_, (&'static Rows, Brought)>> =
            self.group.rows.iter().flat_map(|rows| self.asks(rows, &records, &completed)).collect();
        while let Some((rows, brought)) = under_way.next().await {
            for (place, list) in brought {
                let Some(completed) = completed.get_mut(place) else { continue };
                match (list, &mut *completed) {
                    (Ok(list), Completed::There(lists)) => lists.push((rows, Ok(list))),
                    (Err(Lost::Gone), _) => *completed = Completed::Gone,
                    (Err(Lost::Record { failure, .. }), Completed::There(lists)) => lists.push((rows, Err(failure))),
                    (Err(Lost::Refused(failure)), _) if !failure.spares_other_streams() => return Err(failure),
                    (Err(Lost::Down(failure)), _) => failed.push(Failed { rows, failure, is_down: true }),
                    (Err(Lost::Refused(failure)), _) => failed.push(Failed { rows, failure, is_down: false }),
                    _ => {}
                }
            }
            // Nothing more is wanted of records that are gone or set aside.
            if !completed.iter().any(|completed| matches!(completed, Completed::There(_))) {
                break;
            }
        }
        drop(under_way);
        // In the catalog's order, not in that of the answers: the same record is the same text in each run.
        for completed in &mut completed {
            if let Completed::There(lists) = completed {
                lists.sort_by_key(|(rows, _)| self.group.rows.iter().position(|known| known.name == rows.name));
            }
        }
        Ok(Chunk { records: records.into_iter().zip(completed).collect(), failed })
    }

    /// The nested lists embedded in a record, if it proves that they are complete.
    fn embedded(&self, record: &Row) -> Lists {
        let Some(embedding) = &self.group.embedding else { return Lists::new() };
        let is_wanted = |rows: &'static Rows| embedding.brings(rows) && self.takers.want(self.group, rows, record);
        if record.is_stand_in || !self.group.rows.iter().any(|rows| is_wanted(rows)) {
            return Lists::new();
        }
        let taken = embedding.take(&record.raw);
        let mut notes = self.notes.borrow_mut();
        *(if taken.is_some() { &mut notes.embedded } else { &mut notes.apart }) += 1;
        let lists = taken.into_iter().flatten().filter(|(rows, _)| is_wanted(rows));
        lists.map(|(rows, list)| (rows, Ok(list))).collect()
    }

    /// Says how many records came with their lists, where the config wants that.
    pub(crate) fn report_embedded(&self) {
        let notes = self.notes.borrow();
        if notes.embedded + notes.apart > 0 {
            let text = format!(
                "order_lines: embedded: {} orders came with all of their lines; {} others may have been incomplete, so their own lists were requested",
                notes.embedded, notes.apart
            );
            self.log.info(Some(self.group.name()), &text);
        }
    }

    /// The requests for one nested list of these records. Lists that the records contain need none.
    fn asks<'f>(
        &'f self,
        rows: &'static Rows,
        records: &'f [Row],
        completed: &[Completed],
    ) -> Vec<LocalBoxFuture<'f, (&'static Rows, Brought)>> {
        let is_wanted =
            |record: &Row| !record.is_stand_in && self.takers.want(self.group, rows, record) && inside(rows, record).is_none();
        let is_open = |(record, completed): &(&Row, &Completed)| !completed.has(rows) && is_wanted(record);
        let each = records.iter().zip(completed).enumerate();
        let wanted: Vec<usize> = each.filter(|(_, each)| is_open(each)).map(|(place, _)| place).collect();
        if let (Some(by), true) = (rows.batch(), wanted.len() > 1) {
            return vec![async move { (rows, self.batch(rows, by, records, wanted).await) }.boxed_local()];
        }
        let alone = |place: usize| {
            let record = records.get(place)?;
            Some(async move { (rows, vec![(place, self.alone(rows, record).await)]) }.boxed_local())
        };
        wanted.into_iter().filter_map(alone).collect()
    }

    /// The nested list of one record. The record is the cause of a failure only if the store serves the list of others.
    async fn alone(&self, rows: &'static Rows, record: &Row) -> Result<Vec<Box<RawValue>>, Lost> {
        match self.list(rows, record).await {
            Ok(list) => {
                self.notes.borrow_mut().served(rows, record.id, !list.is_empty());
                Ok(list)
            }
            // `tries` is set only for records that are already set aside.
            Err(Lost::Record { failure, by_bytes }) if self.tries.is_none() => {
                match self.serves_others(rows, record, by_bytes).await {
                    Ok(true) => Err(Lost::Record { failure, by_bytes }),
                    Ok(false) => Err(Lost::Down(failure)),
                    Err(refused) => Err(Lost::Refused(refused)),
                }
            }
            lost => lost,
        }
    }

    /// Whether the store serves the same list of another record now; if not, this record is not the cause. Earlier answers prove
    /// nothing, and neither does an empty list if the failed answer could not be read and a list with rows is known.
    async fn serves_others(&self, rows: &'static Rows, record: &Row, by_bytes: bool) -> Result<bool> {
        let served = self.notes.borrow().served.get(rows.name).copied();
        let mut witnesses: Vec<(u64, bool)> =
            served.into_iter().chain(record.others.into_iter().flatten().map(|id| (id, false))).collect();
        if witnesses.is_empty() || self.are_hidden {
            witnesses.extend(self.first_ids().await?.into_iter().map(|id| (id, false)));
        }
        for (other, has_rows) in witnesses.into_iter().filter(|(id, _)| *id != record.id) {
            let Some((ask, mut request)) = self.ask(rows, other) else { return Ok(false) };
            (request.page, request.tries, request.no_body) = (Some(Slice::first(1)), Some(1), NoBody::NoRows);
            match self.gate.get(&mut request, |body| ask.decode(body)).await {
                Ok(answer) if by_bytes && has_rows && answer.body.rows.is_empty() => return Ok(false),
                Ok(_) => return Ok(true),
                // This other record may be broken itself, or deleted by now.
                Err(refused) if refused.may_be_of_one_record() => {}
                Err(refused) => return Err(refused.failure),
            }
        }
        Ok(false)
    }

    /// The ids of the first records of the walked list: a record that was set aside comes without neighbors.
    async fn first_ids(&self) -> Result<Vec<u64>> {
        let list = self.group.list;
        let mut request = Request::new(self.group.name(), list.scope, list.path.to_owned());
        (request.page, request.tries) = (Some(Slice::first(2)), Some(1));
        match self.gate.get(&mut request, |body| list.form.decode(body)).await {
            Ok(answer) => Ok(answer.body.rows.iter().filter_map(|row| id_of(row, list)).collect()),
            Err(refused) if refused.may_be_of_one_record() => Ok(Vec::new()),
            Err(refused) => Err(refused.failure),
        }
    }

    /// The list of one record.
    async fn list(&self, rows: &'static Rows, record: &Row) -> Result<Vec<Box<RawValue>>, Lost> {
        let (known, least) = inside::least(rows, record);
        let Some(list) = self.pages(rows, record).await? else { return self.absent(rows, record).await };
        if list.rows.len() >= least {
            return Ok(list.rows);
        }
        self.gate.clock().sleep(SECOND_THOUGHTS).await;
        let Some(list) = self.pages(rows, record).await? else { return self.absent(rows, record).await };
        // The record may have been deleted meanwhile. If not, the store's own total may confirm the shorter list.
        if list.rows.len() < known && self.is_gone(record.id).await? {
            return Err(Lost::Gone);
        }
        if list.rows.len() < known && !list.is_vouched_for {
            return Err(self.fault(rows, record, NOT_WHOLE));
        }
        if list.rows.len() < least {
            self.warn_of_short_list(rows, record, list.rows.len());
        }
        Ok(list.rows)
    }

    /// The number in the record is no proof: it is not documented what it counts, or it is older than the list.
    fn warn_of_short_list(&self, rows: &Rows, record: &Row, came: usize) {
        self.gate.remarks.note(Some(rows.name), Uncertain::Short);
        let mut notes = self.notes.borrow_mut();
        notes.short += 1;
        if notes.short <= NAMED {
            let field = rows.announced_by.map(Announced::field).unwrap_or_default();
            let text = match rows.announced_by {
                Some(Announced::Count(_)) => {
                    format!("{field} is higher than the {came} rows in the list of {}, twice", rows.name)
                }
                _ => format!("{field} is above zero, but the list of {} is empty, twice", rows.name),
            };
            self.warn(&format!("record {}: {text}", record.id));
        }
        if notes.short == NAMED {
            self.warn("further lists that are shorter than their record says are not named");
        }
    }

    /// A list that is not found, or is too short, says nothing about the record itself: only a lookup of the record does. That
    /// the record has no such list is accepted when it comes twice; for lists of API v3, only while the store serves the list of
    /// another record.
    async fn absent(&self, rows: &'static Rows, record: &Row) -> Result<Vec<Box<RawValue>>, Lost> {
        if self.is_gone(record.id).await? {
            return Err(Lost::Gone);
        }
        if inside::least(rows, record).1 > 0 {
            return Err(self.fault(rows, record, NOT_WHOLE));
        }
        if let Some(list) = self.pages(rows, record).await? {
            return Ok(list.rows);
        }
        let is_v3 = rows.ask().is_some_and(|ask| ask.form == Form::Envelope);
        if is_v3 && !self.serves_others(rows, record, false).await.map_err(Lost::Refused)? {
            return Err(self.fault(rows, record, "does not exist (status 404), for this record or for another"));
        }
        self.gate.remarks.note(Some(rows.name), Uncertain::Short);
        self.warn(&format!(
            "record {}: the list of {} does not exist (status 404), but the record does; the list is read as empty",
            record.id, rows.name
        ));
        Ok(Vec::new())
    }

    fn note_repairs(&self, rows: &Rows, record: &Row, repairs: &[Repair]) {
        let mut notes = self.notes.borrow_mut();
        let field = |repair: &Repair| format!("{}.{}", rows.name, repair.field);
        repairs.iter().for_each(|repair| notes.findings.repaired(&record.id, &field(repair)));
        notes.findings.take_warnings().iter().for_each(|warning| self.warn(warning));
    }

    fn warn(&self, text: &str) {
        self.log.warn(Some(self.group.name()), text);
    }

    fn fault(&self, rows: &Rows, record: &Row, what: &str) -> Lost {
        let text = format!("record {}: the list of {} {what}", record.id, rows.name);
        Lost::Record { failure: Failure::new(Kind::Api, text).of_stream(self.group.owner(rows)), by_bytes: false }
    }

    /// The request for the list of one record. None: records hold it themselves.
    fn ask(&self, rows: &'static Rows, id: u64) -> Option<(&'static Ask, Request)> {
        rows.from.iter().find_map(|from| match from {
            Way::Inside { .. } => None,
            Way::Each(ask) => Some((ask, self.request(rows, ask, Some(id), None))),
            Way::Batch { ask, filter, .. } => Some((ask, self.request(rows, ask, None, Some((*filter, id.to_string()))))),
        })
    }

    fn request(&self, rows: &Rows, ask: &Ask, id: Option<u64>, filter: Option<(&'static str, String)>) -> Request {
        let query = filter.into_iter().chain(ask.query.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect();
        let path = id.map_or_else(|| ask.path.to_owned(), |id| ask.path.replace("{id}", &id.to_string()));
        Request { query, tries: self.tries, rows: Some(rows.name), ..Request::new(self.group.owner(rows), ask.scope, path) }
    }
}

/// What an answer without a body means: for one record, that it has no rows; for several, nothing.
fn no_body(rows: &Rows) -> NoBody {
    match rows.batch() {
        None => NoBody::NoRows,
        Some(_) => NoBody::Fault,
    }
}

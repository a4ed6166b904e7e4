//! The parts of a record that have requests of their own: an order's lines, coupons and addresses, a customer's further addresses.

use crate::api::gate::{Gate, Refused};
use crate::api::list::{Repair, is_json};
use crate::api::{Clock, NoBody, Request, Transport, Window};
use crate::error::{Failure, Kind, Result};
use crate::head::id_of;
use crate::json;
use crate::log::{Level, Log};
use crate::records::Lists;
use crate::streams::{Announced, List, Part, Record, Stream};
use crate::transform::{Findings, peek};
use crate::walk::{Row, SECOND_THOUGHTS};
use futures_util::future::try_join_all;
use serde_json::value::RawValue;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// A list inside one record that is longer than this is taken for one that does not end.
const MOST_ROWS: usize = 100_000;

const NOT_WHOLE: &str = "is not there (status 404), or is shorter than the record says, though the record is there";

/// A record's parts, or why there are none.
#[derive(Debug)]
pub(crate) enum Parts {
    /// The fetched lists, by their fields.
    Whole(Lists),
    /// The record was deleted after its list was read.
    Gone,
    /// The store cannot serve this record, while it serves others.
    Aside(Failure),
}

/// Why a list inside a record is not there.
enum Lost {
    /// The record itself is gone.
    Gone,
    /// Something about this record, unless the store is down.
    Record {
        failure: Failure,
        /// An answer came, or none did, and it was not to be read: one without rows says nothing of others.
        by_bytes: bool,
    },
    /// Something that no other record would fare better with.
    All(Failure),
}

impl From<Refused> for Lost {
    fn from(refused: Refused) -> Lost {
        let by_bytes = refused.status.is_none_or(|status| status < 500);
        match refused.spent {
            true => Lost::Record { failure: refused.failure, by_bytes },
            false => Lost::All(refused.failure),
        }
    }
}

/// Fetches the parts of the records of one stream.
pub(crate) struct Fetcher<'g, T, C> {
    pub(crate) gate: &'g Gate<T, C>,
    pub(crate) log: &'g dyn Log,
    pub(crate) stream: &'static Stream,
    pub(crate) list: &'static List,
    /// Those that are selected.
    pub(crate) parts: &'g [&'static Part],
    pub(crate) page_size: u32,
    /// How often each request is tried; none: as often as the gate does.
    pub(crate) tries: Option<u32>,
    pub(crate) notes: RefCell<Notes>,
}

/// What is remembered from one record to the next.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    findings: Findings,
    /// The last record whose list of this field was served, with rows in it where there is one, and whether there are.
    served: HashMap<&'static str, (u64, bool)>,
    /// Lists that are empty although their record says otherwise.
    empty: u64,
}

/// So many of them are named.
const NAMED: u64 = 10;

impl Notes {
    /// A list without rows does not take the place of one with rows.
    fn served(&mut self, part: &Part, row: &Row, has_rows: bool) {
        let known = self.served.entry(part.field).or_default();
        if has_rows || !known.1 {
            *known = (row.id, has_rows);
        }
    }
}

impl<T: Transport, C: Clock> Fetcher<'_, T, C> {
    /// All selected parts of a record, side by side, each paged to its end.
    pub(crate) async fn fetch(&self, row: &Row) -> Result<Parts> {
        let lists = self.parts.iter().copied().filter(|part| is_needed(part, row)).map(|part| async move {
            let rows = self.part(part, row).await.map_err(|lost| (part, lost))?;
            self.notes.borrow_mut().served(part, row, !rows.is_empty());
            Ok((part.field, rows))
        });
        match try_join_all(lists).await {
            Ok(lists) => Ok(Parts::Whole(lists)),
            Err((_, Lost::Gone)) => Ok(Parts::Gone),
            Err((_, Lost::All(failure))) => Err(failure),
            // With tries of its own it is a record that is aside already.
            Err((_, Lost::Record { failure, .. })) if self.tries.is_some() => Ok(Parts::Aside(failure)),
            Err((part, Lost::Record { failure, by_bytes })) => match self.serves_others(part, row, by_bytes).await? {
                true => Ok(Parts::Aside(failure)),
                false => Err(failure),
            },
        }
    }

    /// Whether the store serves the same list of another record now: else this record is not the trouble. What it served before proves nothing,
    /// nor does a list without rows if bytes are the trouble and a list with rows is known.
    async fn serves_others(&self, part: &'static Part, row: &Row, by_bytes: bool) -> Result<bool> {
        let served = self.notes.borrow().served.get(part.field).copied();
        let witnesses = served.into_iter().chain(row.others.into_iter().flatten().map(|id| (id, false)));
        for (other, has_rows) in witnesses.filter(|(id, _)| *id != row.id) {
            let mut request = self.part_request(part, other);
            (request.page, request.tries, request.no_body) = (Some(Window::first(1)), Some(1), NoBody::NoRows);
            match self.gate.get(&mut request, |body| part.form.decode(body)).await {
                Ok(answer) if by_bytes && has_rows && answer.body.rows.is_empty() => return Ok(false),
                Ok(_) => return Ok(true),
                // This one may be in trouble of its own, or deleted by now.
                Err(refused) if refused.spent || refused.status == Some(404) => {}
                Err(refused) => return Err(refused.failure),
            }
        }
        Ok(false)
    }

    async fn part(&self, part: &'static Part, row: &Row) -> Result<Vec<Box<RawValue>>, Lost> {
        let known = if part.when_full.is_some() { length(row, part.field) } else { 0 };
        let least = known.max(announced(part, row));
        let Some(list) = self.pages(part, row).await? else { return self.absent(part, row).await };
        if list.rows.len() >= least {
            return Ok(list.rows);
        }
        self.gate.clock().sleep(SECOND_THOUGHTS).await;
        let Some(list) = self.pages(part, row).await? else { return self.absent(part, row).await };
        // As with one that is not found, the record may be gone by now; else the store may vouch for what there is.
        if list.rows.len() < known && self.is_gone(row.id).await? {
            return Err(Lost::Gone);
        }
        if list.rows.len() < known && !list.is_vouched_for {
            return Err(self.fault(part, row, NOT_WHOLE));
        }
        if list.rows.len() < least {
            self.warn_of_short_list(part, row, list.rows.len());
        }
        Ok(list.rows)
    }

    /// What the record announces is no proof: it is not documented what the number counts, or it is older than the list.
    fn warn_of_short_list(&self, part: &Part, row: &Row, came: usize) {
        let mut notes = self.notes.borrow_mut();
        notes.empty += 1;
        if notes.empty <= NAMED {
            let field = part.announced_by.map(Announced::field).unwrap_or_default();
            let text = match part.announced_by {
                Some(Announced::Count(_)) => {
                    format!("{field} is higher than the {came} rows in the list of {}, twice", part.field)
                }
                _ => format!("{field} is above zero, but the list of {} is empty, twice", part.field),
            };
            self.warn(&format!("record {}: {text}", row.id));
        }
        if notes.empty == NAMED {
            self.warn("further lists that are shorter than their record says are not named");
        }
    }

    /// A list that is not found, or is shorter than the record says, says nothing about the record: only the record's own absence does.
    async fn absent(&self, part: &Part, row: &Row) -> Result<Vec<Box<RawValue>>, Lost> {
        if self.is_gone(row.id).await? {
            return Err(Lost::Gone);
        }
        if announced(part, row) > 0 || part.when_full.is_some() {
            return Err(self.fault(part, row, NOT_WHOLE));
        }
        self.warn(&format!(
            "record {}: the list of {} is not there (status 404), though the record is; it is taken for empty",
            row.id, part.field
        ));
        Ok(Vec::new())
    }

    async fn is_gone(&self, id: u64) -> Result<bool, Refused> {
        match self.list.record {
            Record::Path(path) => {
                let mut request = self.request(path, id);
                for again in [false, true] {
                    if again {
                        self.gate.clock().sleep(SECOND_THOUGHTS).await;
                    }
                    match self.gate.get(&mut request, is_json).await {
                        Err(Refused { status: Some(404), .. }) => {}
                        record => return record.map(|_| false),
                    }
                }
                // A store that finds nothing at all, as behind a gateway that has lost it, says nothing of one record.
                let mut list = Request { page: Some(Window::first(1)), ..self.request(self.list.path, id) };
                self.gate.get(&mut list, |body| self.list.form.decode(body)).await.map(|_| true)
            }
            Record::Filter(name) => {
                let mut request = self.request(self.list.path, id);
                request.query = vec![(name, id.to_string())];
                // One empty answer may be a fault of its own.
                for _ in 0..2 {
                    if !self.gate.get(&mut request, |body| self.list.form.decode(body)).await?.body.is_empty_as_it_says() {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// The list, paged to its end; none if it is not found.
    async fn pages(&self, part: &Part, row: &Row) -> Result<Option<Listed>, Lost> {
        let (mut rows, mut ids): (Vec<Box<RawValue>>, HashSet<u64>) = (Vec::new(), HashSet::new());
        let mut request = self.part_request(part, row.id);
        // The parts of an earlier record go first, so that none has to wait for those behind it.
        (request.no_body, request.rank) = (NoBody::NoRows, row.seen);
        let mut window = Window::first(self.page_size);
        let (mut repeated, mut confirmed) = (false, false);
        loop {
            request.page = Some(window);
            let page = match self.gate.get(&mut request, |body| part.form.decode(body)).await {
                Err(Refused { status: Some(404), .. }) => return Ok(None),
                page => page?.body,
            };
            let limit = request.page.map_or(window.limit, |window| window.limit);
            if limit < window.limit && window.page > 1 {
                // The store could not carry the page, and smaller ones have other bounds: from the start, with those.
                (rows, ids, window) = (Vec::new(), HashSet::new(), Window::first(limit));
                continue;
            }
            if let Some((_, field)) = part.owner
                && page.rows.iter().any(|raw| peek(raw, field).is_none_or(|owner| owner.get() != row.id.to_string()))
            {
                return Err(self.fault(part, row, "holds rows of other records, or rows that do not say whose they are"));
            }
            let (before, came) = (rows.len(), page.rows.len());
            // Nothing can contradict an empty page behind a full one, so it is asked for twice before it is believed.
            if came == 0 && window.page > 1 && page.total.is_none() && !std::mem::replace(&mut confirmed, true) {
                continue;
            }
            self.note_repairs(part, row, &page.repairs);
            rows.extend(page.rows.into_iter().filter(|raw| id_of(raw).is_none_or(|id| ids.insert(id))));
            if is_last(came, limit as usize, page.total.map(|total| rows.len() as u64 >= total)) {
                let is_vouched_for = page.total == Some(rows.len() as u64);
                return Ok(Some(Listed { rows, is_vouched_for }));
            }
            let no_news = rows.len() == before;
            if no_news && repeated || rows.len() > MOST_ROWS {
                return Err(self.fault(part, row, "brings nothing new where the store has more, or does not end"));
            }
            // Twice in a row: each page may be served twice by a fault of its own.
            repeated = no_news;
            window = Window { limit, page: window.page + u64::from(!no_news) };
        }
    }

    fn note_repairs(&self, part: &Part, row: &Row, repairs: &[Repair]) {
        let mut notes = self.notes.borrow_mut();
        repairs.iter().for_each(|repair| notes.findings.repaired(row.id, &format!("{}.{}", part.field, repair.field)));
        notes.findings.take_warnings().iter().for_each(|warning| self.warn(warning));
    }

    fn warn(&self, text: &str) {
        self.log.write(Level::Warning, &format!("{}: {text}", self.stream.name));
    }

    fn fault(&self, part: &Part, row: &Row, what: &str) -> Lost {
        let text = format!("record {}: the list of {} {what}", row.id, part.field);
        Lost::Record { failure: Failure::new(Kind::Api, text).of_stream(self.stream.name), by_bytes: false }
    }

    fn part_request(&self, part: &Part, id: u64) -> Request {
        let owner = part.owner.map(|(filter, _)| (filter, id.to_string()));
        let query = owner.into_iter().chain(part.query.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect();
        Request { query, ..self.request(part.path, id) }
    }

    fn request(&self, path: &str, id: u64) -> Request {
        let path = path.replace("{id}", &id.to_string());
        Request { tries: self.tries, ..Request::new(self.stream.name, self.stream.scope, path) }
    }
}

/// A list inside a record, and whether the store says that this is all of it.
struct Listed {
    rows: Vec<Box<RawValue>>,
    is_vouched_for: bool,
}

/// Whether a record's list has to be asked for: one that the record holds itself only if it may be longer.
fn is_needed(part: &Part, row: &Row) -> bool {
    let Some(full) = part.when_full else { return true };
    let length = length(row, part.field);
    let count = match part.announced_by {
        Some(Announced::Count(field)) => number(row, field),
        _ => None,
    };
    count.map_or(length >= full, |count| count > length as u64 || length >= full && count != length as u64)
}

/// No store is known to send fewer rows than this where it has more: 10 and 50 are documented.
const LEAST_PAGE: usize = 10;

/// Whether a page ends its list. A full page never does, nor one that a store may have cut at a round number of rows; for the others a total
/// decides where there is one; else a page with fewer rows than any store cuts its pages at.
fn is_last(came: usize, limit: usize, has_all: Option<bool>) -> bool {
    let may_be_cut = came > 0 && (came >= limit || came.is_multiple_of(LEAST_PAGE));
    !may_be_cut && has_all.unwrap_or(came < limit.min(LEAST_PAGE))
}

/// How many rows of a list a record holds itself.
fn length(row: &Row, field: &str) -> usize {
    peek(&row.raw, field).map_or(0, json::length)
}

/// How many rows the record says that the list has at least.
fn announced(part: &Part, row: &Row) -> usize {
    match part.announced_by {
        Some(Announced::Some(field)) => usize::from(number(row, field).is_some_and(|number| number > 0)),
        Some(Announced::Count(field)) => number(row, field).and_then(|number| usize::try_from(number).ok()).unwrap_or(0),
        None => 0,
    }
}

fn number(row: &Row, field: &str) -> Option<u64> {
    peek(&row.raw, field).and_then(json::count)
}

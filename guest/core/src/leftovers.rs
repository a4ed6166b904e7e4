//! Requests again what was set aside, before a new walk, with one try each.

use crate::api::answer::Refused;
use crate::api::gate::Gate;
use crate::api::list::{self, Form, Listing};
use crate::api::{Clock, Query, Request, SECOND_THOUGHTS, Slice, Transport};
use crate::aside::Aside;
use crate::dates;
use crate::error::{Kind, Result};
use crate::head::{Head, id_of};
use crate::log::Log;
use crate::page::{Page, Pages, Row};
use crate::streams::{List, Lookup, Paging};
use crate::transform::Findings;
use crate::walk::BEYOND;
use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The page size while it is not known whether a gap is served: 2, because the first row may be the one at the gap's bound.
const NARROW: u32 = 2;
/// If those rows come, the next page of the gap is this many times as large.
const WIDER: u32 = 10;

/// The records that a stream has set aside, as pages.
pub(crate) struct Leftovers<'g, T, C> {
    asker: Asker<'g, T, C>,
    log: Rc<dyn Log>,
    /// Requests side by side.
    fan_out: usize,
    left: VecDeque<Wanted>,
    /// How many entries have been asked for.
    asked: Rc<Cell<usize>>,
    findings: Findings,
}

/// Something that is aside.
#[derive(Clone, Copy)]
struct Wanted {
    aside: Aside,
    /// The page size for it. None if it has not been requested yet.
    limit: Option<u32>,
}

/// Asks for what is aside.
pub(crate) struct Asker<'g, T, C> {
    pub(crate) gate: &'g Gate<T, C>,
    /// The stream, for messages.
    pub(crate) stream: &'static str,
    pub(crate) list: &'static List,
    /// Parameters for what the API sends only when asked to.
    pub(crate) includes: &'g Query,
    /// The filter for the channels that the run is restricted to.
    pub(crate) channels: Option<&'g (&'static str, String)>,
    pub(crate) page_size: u32,
}

impl<T, C> Clone for Asker<'_, T, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, C> Copy for Asker<'_, T, C> {}

/// What came of asking for something.
enum Found {
    Listing(Listing),
    /// The store has said twice that there is no such record.
    Gone,
    /// The store still cannot serve it.
    NotYet,
}

impl<T: Transport, C: Clock> Pages for Leftovers<'_, T, C> {
    async fn next_page(&mut self, most: Option<u64>) -> Result<Page> {
        let asker = self.asker;
        let asked = stream::iter(self.take(most)).map(async |wanted| (wanted, asker.found(wanted, most).await));
        let found: Vec<(Wanted, Result<Found>)> = asked.buffered(self.fan_out).collect().await;
        let mut page = Page::default();
        for (Wanted { aside, limit }, found) in found {
            match found? {
                Found::Listing(rows) => {
                    let rows = self.rows(rows, aside);
                    // Without a row that can be read it stays aside.
                    if let (Some(last), Aside::Gap { below, pass, .. }) = (rows.last(), aside)
                        && below > last.id + 1
                    {
                        let wider = limit.unwrap_or(NARROW).saturating_mul(WIDER).min(asker.page_size.max(NARROW));
                        self.left.push_front(Wanted { aside: Aside::Gap { above: last.id, below, pass }, limit: Some(wider) });
                    }
                    page.rows.extend(rows);
                }
                Found::Gone => page.gone.push(aside),
                // If a page is not served, a smaller one may be.
                Found::NotYet if limit > Some(NARROW) => self.left.push_front(Wanted { aside, limit: Some(NARROW) }),
                Found::NotYet => {}
            }
        }
        page.last = self.left.is_empty();
        Ok(page)
    }
}

impl<'g, T: Transport, C: Clock> Leftovers<'g, T, C> {
    pub(crate) fn new(asker: Asker<'g, T, C>, log: Rc<dyn Log>, fan_out: usize, aside: &[Aside], asked: Rc<Cell<usize>>) -> Self {
        let left = aside.iter().map(|aside| Wanted { aside: *aside, limit: None }).collect();
        Leftovers { asker, log, fan_out: fan_out.max(1), left, asked, findings: Findings::default() }
    }

    /// The entries to request concurrently. A page of many rows is requested alone, to limit memory.
    fn take(&mut self, most: Option<u64>) -> Vec<Wanted> {
        let many = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX).clamp(1, self.fan_out);
        let is_wide = |wanted: &Wanted| wanted.limit > Some(NARROW);
        let count = match self.left.front().is_some_and(is_wide) {
            true => 1,
            false => self.left.iter().take_while(|wanted| !is_wide(wanted)).count().min(many),
        };
        let taken: Vec<Wanted> = self.left.drain(..count).collect();
        self.asked.set(self.asked.get() + taken.iter().filter(|wanted| wanted.limit.is_none()).count());
        taken
    }

    /// The rows up to the first that cannot be read.
    fn rows(&mut self, found: Listing, aside: Aside) -> Vec<Row> {
        let extracted: Rc<str> = dates::stamp(self.asker.gate.clock().date()).into();
        let list = self.asker.list;
        let row = |raw: Box<RawValue>| {
            let (id, date) = Head::read(&raw, list).and_then(|head| Some((head.id()?, head.date())))?;
            let (was_aside, others) = (Some(aside), [None; 2]);
            aside.holds(id).then(|| Row {
                id,
                date,
                raw,
                seen: 0,
                extracted: extracted.clone(),
                others,
                is_stand_in: false,
                was_aside,
            })
        };
        let rows: Vec<Row> = found.rows.into_iter().map_while(row).collect();
        for repair in &found.repairs {
            rows.get(repair.row).into_iter().for_each(|row| self.findings.repaired(&row.id, &repair.field));
        }
        for warning in self.findings.take_warnings() {
            self.log.warn(Some(self.asker.stream), &warning);
        }
        rows
    }
}

impl<T: Transport, C: Clock> Asker<'_, T, C> {
    async fn found(&self, wanted: Wanted, most: Option<u64>) -> Result<Found> {
        let found = match wanted.aside {
            Aside::Id(id) => self.one(id).await?,
            Aside::Gap { .. } => self.gap(wanted, most).await?,
            Aside::Again { .. } => return Ok(Found::NotYet),
        };
        self.confirmed(found, wanted.aside).await
    }

    async fn one(&self, id: u64) -> Result<Found> {
        match self.list.one {
            None => Ok(Found::NotYet),
            Some(Lookup::Path(path)) => {
                let request = self.request(path.replace("{id}", &id.to_string()), Vec::new());
                self.twice(request, |body| Form::Object.decode(body)).await
            }
            Some(Lookup::Filter(name)) => {
                let mut request = self.request(self.list.path.to_owned(), vec![(name, id.to_string())]);
                request.page = Some(Slice::first(1));
                self.twice(request, |body| self.list.form.decode(body)).await
            }
        }
    }

    /// Checks that what was not found is really gone. The list itself must be served: if the store finds nothing at all, that
    /// says nothing about one record. If an empty list is the only evidence, the list must show another row or state a count of
    /// zero, and the first row after a gap's start must not be inside the gap.
    async fn confirmed(&self, found: Found, aside: Aside) -> Result<Found> {
        if !matches!(found, Found::Gone) {
            return Ok(found);
        }
        if let (Aside::Gap { above, below, pass }, Paging::Id { after }) = (aside, self.list.paging) {
            let position = self.of_pass(pass).chain([(after, above.to_string())]).collect();
            let Some(page) = self.first_rows(position).await? else { return Ok(Found::NotYet) };
            let rows = page.rows.iter().filter(|row| self.is_of_pass(pass, row));
            if let Some(next) = rows.filter_map(|row| id_of(row, self.list)).find(|id| *id > above) {
                return Ok(if next >= below { Found::Gone } else { Found::NotYet });
            }
            // The hidden records may be all that the list has.
            let hidden: Query = self.of_pass(pass).collect();
            if !hidden.is_empty()
                && self.first_rows(hidden).await?.is_some_and(|page| page.rows.iter().any(|row| self.is_of_pass(pass, row)))
            {
                return Ok(Found::Gone);
            }
        }
        let Some(page) = self.first_rows(Query::new()).await? else { return Ok(Found::NotYet) };
        // For a record with a path of its own, the 404 already says that it is gone.
        let is_told = matches!((aside, self.list.one), (Aside::Id(_), Some(Lookup::Path(_))));
        let is_believed = is_told || !page.rows.is_empty() || page.total == Some(0) || self.is_counted_empty().await?;
        Ok(if is_believed { Found::Gone } else { Found::NotYet })
    }

    /// Whether the count endpoint returns 0, or cannot be trusted because it also counts records where there can be none.
    async fn is_counted_empty(&self) -> Result<bool> {
        let counted = self.count(None).await?;
        let Paging::Id { after } = self.list.paging else { return Ok(counted == Some(0)) };
        Ok(counted == Some(0)
            || counted.is_some() && self.count(Some((after, BEYOND.to_string()))).await?.is_some_and(|counted| counted > 0))
    }

    /// How many records the list's count endpoint counts, with one try. None: there is no such endpoint, or it does not answer.
    async fn count(&self, filter: Option<(&'static str, String)>) -> Result<Option<u64>> {
        let Some(path) = self.list.count else { return Ok(None) };
        let request = Request::new(self.stream, self.list.scope, path.to_owned());
        let mut request = Request { tries: Some(1), query: filter.into_iter().collect(), ..request };
        self.once(&mut request, list::count).await
    }

    /// The first rows of the list under some filters, with one try. None: the store cannot serve them.
    async fn first_rows(&self, filters: Query) -> Result<Option<Listing>> {
        let fixed = self.list.fixed.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let mut request = self.request(self.list.path.to_owned(), fixed.chain(filters).collect());
        // Two rows, because the first may be the one at the position itself.
        (request.page, request.tries) = (Some(Slice::first(2)), Some(1));
        self.once(&mut request, |body| self.list.form.decode(body)).await
    }

    async fn once<B>(&self, request: &mut Request, read: impl Fn(&[u8]) -> Result<B, String>) -> Result<Option<B>> {
        match self.gate.get(request, read).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(refused) if refused.spent || refused.failure.kind == Kind::Api => Ok(None),
            Err(refused) => Err(refused.failure),
        }
    }

    async fn gap(&self, wanted: Wanted, most: Option<u64>) -> Result<Found> {
        let (gap, limit) = (wanted.aside, wanted.limit.unwrap_or(NARROW));
        let (Aside::Gap { above, below, pass }, Some((least, greatest))) = (gap, self.list.range) else {
            return Ok(Found::NotYet);
        };
        let fixed = self.list.fixed.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let bounds = [(least, above.to_string()), (greatest, below.to_string())];
        let filters = self.channels.cloned().into_iter().chain(self.of_pass(pass)).chain(bounds);
        let mut request = self.request(self.list.path.to_owned(), fixed.chain(filters).collect());
        // The rows at the two bounds may come, too.
        let most = most.and_then(|most| u32::try_from(most.saturating_add(2)).ok()).unwrap_or(u32::MAX);
        request.page = Some(Slice::first(limit.min(most)));
        let read = |body: &[u8]| {
            let mut rows = self.list.form.decode(body)?;
            if rows.rows.iter().filter_map(|row| id_of(row, self.list)).any(|id| id < above) {
                return Err("it has rows below those that were asked for".into());
            }
            let others = rows.retain(|row| id_of(row, self.list).is_none_or(|id| gap.holds(id)) && self.is_of_pass(pass, row));
            rows.total = rows.total.map(|total| total.saturating_sub(others as u64));
            Ok(rows)
        };
        self.twice(request, read).await
    }

    /// The filter of a pass through the list, where it has one.
    fn of_pass(&self, pass: usize) -> impl Iterator<Item = (&'static str, String)> {
        self.list.hidden_in(pass).into_iter().map(|hidden| (hidden.filter.0, hidden.filter.1.to_owned()))
    }

    fn is_of_pass(&self, pass: usize, row: &RawValue) -> bool {
        self.list.hidden_in(pass).is_none_or(|hidden| hidden.has(row))
    }

    /// Asks with one try, and once more where nothing is found. A row that cannot be read is not what was asked for.
    async fn twice(&self, mut request: Request, read: impl Fn(&[u8]) -> Result<Listing, String>) -> Result<Found> {
        request.tries = Some(1);
        for again in [false, true] {
            if again {
                self.gate.clock().sleep(SECOND_THOUGHTS).await;
            }
            match self.gate.get(&mut request, &read).await {
                Ok(answer) if answer.body.is_empty_as_it_says() => {}
                Ok(answer) if answer.body.rows.is_empty() => return Ok(Found::NotYet),
                Ok(answer) => return Ok(Found::Listing(answer.body)),
                // A list that is not found says nothing of the records in it.
                Err(Refused { status: Some(404), .. }) if request.page.is_none() => {}
                Err(refused) if refused.spent || refused.failure.kind == Kind::Api => return Ok(Found::NotYet),
                Err(refused) => return Err(refused.failure),
            }
        }
        Ok(Found::Gone)
    }

    fn request(&self, path: String, query: Query) -> Request {
        let query = query.into_iter().chain(self.includes.clone()).collect();
        Request { query, ..Request::new(self.stream, self.list.scope, path) }
    }
}

//! What was set aside: asked for again before a new walk, each with one try.

use crate::api::gate::{Gate, Refused};
use crate::api::list::{self, Rows};
use crate::api::{Clock, Request, Transport, Window};
use crate::dates;
use crate::error::{Kind, Result};
use crate::head::Head;
use crate::pipeline::Pages;
use crate::singer::state::Aside;
use crate::streams::{List, Position, Record, Stream};
use crate::walk::{Page, Query, Row, SECOND_THOUGHTS};
use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::rc::Rc;

/// The records that a stream has set aside, as pages: all single ones first, then what is in the gaps.
pub(crate) struct Leftovers<'g, T, C> {
    pub(crate) gate: &'g Gate<T, C>,
    pub(crate) stream: &'static Stream,
    pub(crate) list: &'static List,
    /// Parameters for the parts that are selected.
    pub(crate) includes: Query,
    pub(crate) page_size: u32,
    /// Requests side by side.
    pub(crate) fan_out: usize,
    pub(crate) left: VecDeque<Aside>,
}

/// What came of asking for something.
enum Found {
    Rows(Rows),
    /// The store has no such record, twice.
    Gone,
    /// The store still cannot serve it.
    NotYet,
}

impl<T: Transport, C: Clock> Pages for Leftovers<'_, T, C> {
    async fn next_page(&mut self, most: Option<u64>) -> Result<Page> {
        let mut page = Page::default();
        let single = |aside: &Aside| matches!(aside, Aside::Id(_));
        if self.left.front().is_some_and(single) {
            let many = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX).max(1);
            let count = self.left.iter().take_while(|aside| single(aside)).count().min(many).min(self.fan_out);
            let asked: Vec<Aside> = self.left.drain(..count).collect();
            let found = stream::iter(asked).map(async |aside| (aside, self.one(aside).await)).buffered(self.fan_out);
            let found: Vec<(Aside, Result<Found>)> = found.collect().await;
            for (aside, found) in found {
                match found? {
                    Found::Rows(rows) => page.rows.extend(self.rows(rows.rows, aside)),
                    Found::Gone => page.settled.push(aside),
                    Found::NotYet => {}
                }
            }
        } else if let Some(gap) = self.left.pop_front() {
            match self.gap(gap, most).await? {
                Found::Rows(rows) => {
                    page.rows = self.rows(rows.rows, gap);
                    // Without a row that can be read it stays aside.
                    if let (Some(last), Aside::Gap { below, .. }) = (page.rows.last(), gap)
                        && below > last.id + 1
                    {
                        self.left.push_front(Aside::Gap { above: last.id, below });
                    }
                }
                Found::Gone => page.settled.push(gap),
                Found::NotYet => {}
            }
        }
        page.last = self.left.is_empty();
        Ok(page)
    }
}

impl<T: Transport, C: Clock> Leftovers<'_, T, C> {
    async fn one(&self, aside: Aside) -> Result<Found> {
        let Aside::Id(id) = aside else { return Ok(Found::NotYet) };
        match self.list.record {
            Record::Path(path) => {
                let request = self.request(path.replace("{id}", &id.to_string()), Vec::new());
                self.twice(request, list::one).await
            }
            Record::Filter(name) => {
                let mut request = self.request(self.list.path.to_owned(), vec![(name, id.to_string())]);
                request.page = Some(Window::first(1));
                let found = self.twice(request, |body| self.list.form.decode(body)).await?;
                self.confirmed(found, aside).await
            }
        }
    }

    /// Checks that what came back empty is gone. The list has to show a row elsewhere, or say in numbers that it has none; the first row behind a
    /// gap's start must not lie in the gap.
    async fn confirmed(&self, found: Found, aside: Aside) -> Result<Found> {
        if !matches!(found, Found::Gone) {
            return Ok(found);
        }
        if let (Aside::Gap { above, below }, Position::Id { after }) = (aside, self.list.position) {
            let Some(page) = self.first_rows(Some((after, above.to_string()))).await? else { return Ok(Found::NotYet) };
            if let Some(next) = page.rows.iter().filter_map(|row| Head::read(row)?.id()).find(|id| *id > above) {
                return Ok(if next >= below { Found::Gone } else { Found::NotYet });
            }
        }
        let Some(page) = self.first_rows(None).await? else { return Ok(Found::NotYet) };
        let is_believed = !page.rows.is_empty() || page.total == Some(0) || self.count().await? == Some(0);
        Ok(if is_believed { Found::Gone } else { Found::NotYet })
    }

    /// How many records the list's count endpoint counts, with one try. None: there is no such endpoint, or it does not answer.
    async fn count(&self) -> Result<Option<u64>> {
        let Some(path) = self.list.count else { return Ok(None) };
        let mut request = Request { tries: Some(1), ..Request::new(self.stream.name, self.stream.scope, path.to_owned()) };
        self.once(&mut request, list::count).await
    }

    /// The first rows of the list, with one try; behind a position where one is given. None: the store cannot serve them.
    async fn first_rows(&self, position: Option<(&'static str, String)>) -> Result<Option<Rows>> {
        let fixed = self.list.fixed.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let mut request = self.request(self.list.path.to_owned(), fixed.chain(position).collect());
        // The first row may be the position's own.
        (request.page, request.tries) = (Some(Window::first(2)), Some(1));
        self.once(&mut request, |body| self.list.form.decode(body)).await
    }

    async fn once<B>(&self, request: &mut Request, read: impl Fn(&[u8]) -> Result<B, String>) -> Result<Option<B>> {
        match self.gate.get(request, read).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(refused) if refused.spent || refused.failure.kind == Kind::Api => Ok(None),
            Err(refused) => Err(refused.failure),
        }
    }

    async fn gap(&self, gap: Aside, most: Option<u64>) -> Result<Found> {
        let (Aside::Gap { above, below }, Some((least, greatest))) = (gap, self.list.range) else { return Ok(Found::NotYet) };
        let fixed = self.list.fixed.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let bounds = [(least, above.to_string()), (greatest, below.to_string())];
        let mut request = self.request(self.list.path.to_owned(), fixed.chain(bounds).collect());
        // The bounds may come, too.
        let most = most.and_then(|most| u32::try_from(most.saturating_add(2)).ok()).unwrap_or(u32::MAX);
        let read = |body: &[u8]| {
            let mut rows = self.list.form.decode(body)?;
            if rows.rows.iter().filter_map(|row| Head::read(row)?.id()).any(|id| id < above) {
                return Err("it has rows below those that were asked for".into());
            }
            let came = rows.rows.len();
            rows.rows.retain(|row| Head::read(row).and_then(|head| head.id()).is_none_or(|id| gap.holds(id)));
            let bounds = (came - rows.rows.len()) as u64;
            rows.total = rows.total.map(|total| total.saturating_sub(bounds));
            Ok(rows)
        };
        // Where a page is not served, fewer rows may be.
        let mut limits = [self.page_size, 10, 2].map(|limit| limit.min(self.page_size).min(most)).to_vec();
        limits.dedup();
        for limit in limits {
            request.page = Some(Window::first(limit));
            match self.twice(request.clone(), read).await? {
                Found::NotYet => {}
                found => return self.confirmed(found, gap).await,
            }
        }
        Ok(Found::NotYet)
    }

    /// Asks with one try, and once more where nothing is found. A row that cannot be read is not what was asked for.
    async fn twice(&self, mut request: Request, read: impl Fn(&[u8]) -> Result<Rows, String>) -> Result<Found> {
        request.tries = Some(1);
        for again in [false, true] {
            if again {
                self.gate.clock().sleep(SECOND_THOUGHTS).await;
            }
            match self.gate.get(&mut request, &read).await {
                Ok(answer) if answer.body.is_empty_as_it_says() => {}
                Ok(answer) if answer.body.rows.is_empty() => return Ok(Found::NotYet),
                Ok(answer) => return Ok(Found::Rows(answer.body)),
                // A list that is not found says nothing of the records in it.
                Err(Refused { status: Some(404), .. }) if request.page.is_none() => {}
                Err(refused) if refused.spent || refused.failure.kind == Kind::Api => return Ok(Found::NotYet),
                Err(refused) => return Err(refused.failure),
            }
        }
        Ok(Found::Gone)
    }

    /// The rows up to the first that cannot be read.
    fn rows(&self, raws: Vec<Box<RawValue>>, aside: Aside) -> Vec<Row> {
        let extracted: Rc<str> = dates::stamp(self.gate.clock().date()).into();
        let row = |raw: Box<RawValue>| {
            let (id, date) = Head::read(&raw).and_then(|head| Some((head.id()?, head.date())))?;
            aside.holds(id).then(|| Row {
                id,
                date,
                raw,
                seen: 0,
                extracted: extracted.clone(),
                others: [None; 2],
                was_aside: Some(aside),
            })
        };
        raws.into_iter().map_while(row).collect()
    }

    fn request(&self, path: String, query: Query) -> Request {
        let query = query.into_iter().chain(self.includes.clone()).collect();
        Request { query, ..Request::new(self.stream.name, self.stream.scope, path) }
    }
}

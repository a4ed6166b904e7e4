//! A page that the store cannot serve: the walk finds where the store answers again, and sets aside what lies before.

use super::step::Served;
use super::{BEYOND, Walk};
use crate::api::answer::{Answer, Refused};
use crate::api::list::Listing;
use crate::api::{Clock, Query, SECOND_THOUGHTS, Slice, Transport};
use crate::aside::Aside;
use crate::error::{Failure, Kind, Result};
use crate::head::id_of;
use crate::streams::Paging;

/// Page sizes to find out how far the store can still serve rows.
const NARROW: [u32; 4] = [10, 5, 2, 1];
/// The search ends this many ids after the last one.
const FARTHEST: u64 = 1 << 40;
/// Up to this distance it goes id by id.
const NEAR: u64 = 4;

/// Where the store answers again: with rows that are new, or with none, since nothing follows.
struct Ahead {
    position: u64,
    rows: Listing,
}

impl<T: Transport, C: Clock> Walk<'_, T, C> {
    /// The page at the walk's position, or the next one that the store can serve. Without a filter for a range of ids nothing is
    /// skipped, because no later run could request the gap.
    pub(super) async fn serve(&mut self, most: Option<u64>) -> Result<Served> {
        let has_way_around = self.list.range.is_some();
        let answer = match self.fetch(most).await {
            Err(refused) if refused.spent || matches!(refused.status, Some(400 | 422)) => {
                self.without_embedded(most, refused).await
            }
            answer => answer,
        };
        match answer {
            Ok(answer) => {
                self.relax(answer.body.rows.len());
                Ok(Served::page(answer.body, None))
            }
            Err(refused) if self.hidden().is_some() => self.without_hidden(most, refused).await,
            Err(refused) if refused.spent && has_way_around => self.around(refused).await,
            Err(refused) => Err(refused.failure),
        }
    }

    /// Requests the page without its embedded lists, in case the store cannot serve it with them. If it comes, the run requests
    /// these lists record by record from now on. A single refusal may be a glitch, so the store has to refuse the lists twice.
    async fn without_embedded(&mut self, most: Option<u64>, refused: Refused) -> Result<Answer<Listing>, Refused> {
        let plain = self.extent.plain.clone();
        // If a stream writes the included field itself, the include has to stay.
        let embedding = if plain == self.extent.includes { None } else { self.extent.embedding.take() };
        let Some(embedding) = embedding else { return Err(refused) };
        let (with, size) = (std::mem::replace(&mut self.extent.includes, plain), self.page_size);
        // Near a record that cannot be served, a larger page would fail because of that record.
        self.page_size = if self.careful.is_some() { size } else { self.extent.page_size };
        match self.fetch(most).await {
            Ok(answer) => {
                if !refused.spent {
                    let plain = std::mem::replace(&mut self.extent.includes, with);
                    self.gate.clock().sleep(SECOND_THOUGHTS).await;
                    if let Ok(answer) = self.fetch(most).await {
                        (self.extent.embedding, self.page_size) = (Some(embedding), size);
                        return Ok(answer);
                    }
                    self.extent.includes = plain;
                }
                embedding.give_up();
                self.warn("the store cannot serve the list of orders with their lines (order_lines: embedded); for the rest of this run each order's lines are requested separately");
                Ok(answer)
            }
            Err(_) => {
                (self.extent.includes, self.extent.embedding, self.page_size) = (with, Some(embedding), size);
                Err(refused)
            }
        }
    }

    pub(super) async fn around(&mut self, refused: Refused) -> Result<Served> {
        if !self.is_there().await? {
            return Err(refused.failure);
        }
        self.careful = Some(self.extent.page_size);
        let size = self.page_size;
        for limit in NARROW.into_iter().filter(|limit| *limit < size) {
            if let Some(answer) = self.probe(self.last_id, limit).await?
                && self.has_news(&answer)
            {
                self.page_size = limit;
                return Ok(Served::page(answer, None));
            }
        }
        // A list that answers beyond its last id may serve rows, too.
        let has_rows = self.serves_a_row().await?;
        if !has_rows && self.probe(Some(BEYOND), 1).await?.is_none() {
            return Err(refused.failure);
        }
        let last = self.last_id.unwrap_or(0);
        let Some(ahead) = self.ahead(last).await? else { return Err(refused.failure) };
        if !has_rows && !self.has_news(&ahead.rows) {
            return Err(refused.failure);
        }
        let Some((mut below, mut answer)) = self.upper_bound(ahead).await? else { return Err(refused.failure) };
        let above = self.lower_bound(last, below).await?;
        // Searching from the true start of the gap may find a closer end than searching from the last row that was served.
        if above > last {
            let Some(ahead) = self.ahead(above).await? else { return Err(refused.failure) };
            let Some(nearer) = self.upper_bound(ahead).await? else { return Err(refused.failure) };
            (below, answer) = nearer;
        }
        (self.page_size, self.careful) = (self.extent.page_size, None);
        let pass = self.extent.pass;
        let gap = (below.saturating_sub(above) > 1).then_some((Aside::Gap { above, below, pass }, refused.failure));
        Ok(Served::page(answer, gap))
    }

    /// Whether the store has ever answered in this run, or answers beyond every id. If not, all of it is down.
    pub(super) async fn is_there(&mut self) -> Result<bool> {
        Ok(self.gate.has_been_answered() || self.probe(Some(BEYOND), 1).await?.is_some())
    }

    /// After a full page of rows, what could not be served is no longer near.
    fn relax(&mut self, came: usize) {
        let Some(left) = self.careful else { return };
        self.careful = left.checked_sub(u32::try_from(came.max(1)).unwrap_or(u32::MAX)).filter(|left| *left > 0);
        if self.careful.is_none() {
            self.page_size = self.extent.page_size;
        }
    }

    /// Whether the list serves one of the rows that are known: if no row is served, all of it is down.
    async fn serves_a_row(&mut self) -> Result<bool> {
        let known = [self.last_id, self.end].into_iter().flatten().filter(|id| *id > 0).map(|id| Some(id - 1));
        for position in known.chain(self.last_id.map(|_| None)) {
            if self.probe(position, 1).await?.is_some_and(|answer| !answer.rows.is_empty()) {
                return Ok(true);
            }
        }
        // There may be only one hidden record, and it may be broken. Then the list's own records show that the list is served.
        Ok(self.hidden().is_some() && self.shown().await?.is_some_and(|shown| !shown.rows.is_empty()))
    }

    fn has_news(&self, answer: &Listing) -> bool {
        self.first_news(answer).is_some()
    }

    fn first_news(&self, answer: &Listing) -> Option<u64> {
        answer.rows.iter().filter_map(|row| id_of(row, self.list)).find(|id| Some(*id) > self.last_id)
    }

    /// The lowest position above an id at which the store answers. None if it answers nowhere, or does not respect the position.
    async fn ahead(&mut self, last: u64) -> Result<Option<Ahead>> {
        let (mut refused, mut distance) = (last, 1);
        let (mut position, mut rows) = loop {
            let position = last.saturating_add(distance);
            match self.probe(Some(position), 1).await? {
                Some(answer) if answer.rows.iter().filter_map(|row| id_of(row, self.list)).any(|id| id < position) => {
                    return Ok(None);
                }
                Some(answer) => break (position, answer),
                None if distance > FARTHEST => return Ok(None),
                // A gap begins up to two ids before the first row in it: the first steps pass none after that.
                None => (refused, distance) = (position, if distance < NEAR { distance + 1 } else { distance * 2 }),
            }
        };
        while position - refused > 1 {
            let middle = refused + (position - refused) / 2;
            match self.probe(Some(middle), 1).await? {
                // Nothing at a lower position, although there is a row: one of the two answers is wrong, and what lies between
                // stays aside.
                Some(answer) if self.has_news(&answer) || !self.has_news(&rows) => (position, rows) = (middle, answer),
                _ => refused = middle,
            }
        }
        Ok(Some(Ahead { position, rows }))
    }

    /// The id below which the gap ends, and the page after it. That there is no row between the position and the rows shown is
    /// believed when it comes twice. If nothing follows, the gap extends to the known end of the list. None if the store no
    /// longer answers.
    async fn upper_bound(&mut self, ahead: Ahead) -> Result<Option<(u64, Listing)>> {
        let Some(again) = self.probe(Some(ahead.position), 1).await? else {
            let shown = self.first_news(&ahead.rows);
            return Ok(shown.map(|shown| (shown, ahead.rows)));
        };
        // It is not known whether the filters are inclusive, so the gap may be one id wider than necessary.
        let least = ahead.position.saturating_add(1);
        Ok(Some(match (self.first_news(&ahead.rows), self.first_news(&again)) {
            (None, None) => (least.max(self.end.unwrap_or(0).saturating_add(1)), again),
            (first, second) if first == second => (least, again),
            (first, None) => (first.unwrap_or(least), ahead.rows),
            (first, Some(second)) => (first.unwrap_or(0).max(second), again),
        }))
    }

    /// The id above which the gap begins, as far as the list's filters show it: the list is served up to the row before.
    async fn lower_bound(&mut self, last: u64, below: u64) -> Result<u64> {
        let (Some((_, greatest)), Paging::Id { after }) = (self.list.range, self.list.paging) else { return Ok(last) };
        let (mut served, mut unserved) = (last, below);
        while unserved - served > 1 {
            let middle = served + (unserved - served) / 2;
            let mut query = self.query(self.last_id.map(|id| (after, id.to_string())));
            query.push((greatest, middle.to_string()));
            let mut has_nothing = true;
            // A single empty answer may be a glitch.
            for _ in 0..2 {
                // Two rows, because the first may be the one before if the filter is inclusive.
                has_nothing = has_nothing && self.ask_once(query.clone(), 2).await?.is_some_and(|answer| !self.has_news(&answer));
            }
            (served, unserved) = if has_nothing { (middle, unserved) } else { (served, middle) };
        }
        Ok(last.max(unserved.saturating_sub(2)))
    }

    /// A page after an id, with one try. None: the store cannot serve it.
    async fn probe(&mut self, after: Option<u64>, limit: u32) -> Result<Option<Listing>> {
        let Paging::Id { after: name } = self.list.paging else { return Ok(None) };
        self.ask_once(self.query(after.map(|id| (name, id.to_string()))), limit).await
    }

    async fn ask_once(&mut self, query: Query, limit: u32) -> Result<Option<Listing>> {
        let mut request = self.request(&self.path, query);
        (request.page, request.tries) = (Some(Slice::first(limit)), Some(1));
        loop {
            // Each of these may take a full timeout, so none is started when the time is over.
            if self.gate.is_ending() {
                return Err(Failure::new(Kind::Cancelled, "the run's time is over").of_stream(self.stream));
            }
            let answer = match self.gate.get(&mut request, |body| self.list.form.decode(body)).await {
                Ok(answer) => answer,
                Err(refused) if refused.spent => return Ok(None),
                Err(refused) => return Err(refused.failure),
            };
            // It may become the walk's first page. One whose rows have no ids that can be read does not show what is there.
            if self.knows_the_time_of(&answer).await? {
                return Ok(Some(answer.body).filter(|page| !self.hides_the_next(page)));
            }
        }
    }
}

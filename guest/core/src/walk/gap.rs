//! A page that the store cannot serve: the walk finds the first row behind it that is served, and sets aside what lies between.

use super::{Query, Walk};
use crate::api::gate::Refused;
use crate::api::list::Rows;
use crate::api::{Clock, Transport, Window};
use crate::error::{Failure, Result};
use crate::head::id_of;
use crate::singer::state::Aside;
use crate::streams::Position;

/// Rows asked for in pages that are to show how far the store can serve them.
const NARROW: [u32; 4] = [10, 5, 2, 1];
/// The search does not go further than so many ids above the last one.
const FARTHEST: u64 = 1 << 40;

/// A page that was served.
pub(super) struct Served {
    pub(super) answer: Rows,
    /// What lies before the page and could not be served, and why.
    pub(super) gap: Option<(Aside, Failure)>,
}

impl<T: Transport, C: Clock> Walk<'_, T, C> {
    /// The page at the walk's position, or the next one that the store can serve. By cursor there is no way around.
    pub(super) async fn serve(&mut self, most: Option<u64>) -> Result<Served> {
        let by_id = matches!(self.list.position, Position::Id { .. });
        match self.fetch(most).await {
            Ok(answer) => {
                self.relax(answer.body.rows.len());
                Ok(Served { answer: answer.body, gap: None })
            }
            Err(refused) if refused.spent && by_id => self.around(refused).await,
            Err(refused) => Err(refused.failure),
        }
    }

    async fn around(&mut self, refused: Refused) -> Result<Served> {
        self.careful = Some(self.scope.page_size);
        let size = self.page_size;
        for limit in NARROW.into_iter().filter(|limit| *limit < size) {
            if let Some(answer) = self.probe(self.last_id, limit).await?
                && self.has_news(&answer)
            {
                self.page_size = limit;
                return Ok(Served { answer, gap: None });
            }
        }
        if !self.serves_something().await? {
            return Err(refused.failure);
        }
        let last = self.last_id.unwrap_or(0);
        let found = self.first_served_above(last).await?;
        (self.page_size, self.careful) = (self.scope.page_size, None);
        let Some((position, answer)) = found else { return Err(refused.failure) };
        let first = self.first_unserved_above(last, position).await?;
        // Whether the filters take their bounds is not known, so the gap may be an id wider than it has to be on either side.
        let gap = Aside::Gap { above: last.max(first.saturating_sub(2)), below: position.saturating_add(1) };
        Ok(Served { answer, gap: Some((gap, refused.failure)) })
    }

    /// After as many rows as a page has, nothing that could not be served is near.
    fn relax(&mut self, came: usize) {
        let Some(left) = self.careful else { return };
        self.careful = left.checked_sub(u32::try_from(came.max(1)).unwrap_or(u32::MAX)).filter(|left| *left > 0);
        if self.careful.is_none() {
            self.page_size = self.scope.page_size;
        }
    }

    /// Whether the list answers anywhere: if not, all of it is down.
    async fn serves_something(&mut self) -> Result<bool> {
        let known = [self.last_id, self.end].into_iter().flatten().filter(|id| *id > 0).map(|id| Some(id - 1));
        for position in known.chain(self.last_id.map(|_| None)) {
            if self.probe(position, 1).await?.is_some_and(|answer| !answer.rows.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_news(&self, answer: &Rows) -> bool {
        answer.rows.iter().any(|row| id_of(row).is_some_and(|id| Some(id) > self.last_id))
    }

    /// The least position above an id at which the store serves a row, and that row. None: there is none.
    async fn first_served_above(&mut self, last: u64) -> Result<Option<(u64, Rows)>> {
        let (mut below, mut ahead) = (last, 1);
        let (mut above, mut found) = loop {
            let position = last.saturating_add(ahead);
            if ahead > FARTHEST || self.end.is_some_and(|end| position > end) {
                return Ok(None);
            }
            match self.probe(Some(position), 1).await? {
                Some(answer) if self.has_news(&answer) => break (position, answer),
                Some(_) => return Ok(None),
                None => (below, ahead) = (position, ahead * 2),
            }
        };
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            match self.probe(Some(middle), 1).await? {
                Some(answer) if self.has_news(&answer) => (above, found) = (middle, answer),
                _ => below = middle,
            }
        }
        Ok(Some((above, found)))
    }

    /// The first id above another one that a row the store cannot serve may have, as far as the list's filters show it: the list is served up to
    /// the row before.
    async fn first_unserved_above(&mut self, last: u64, position: u64) -> Result<u64> {
        let (Some((_, greatest)), Position::Id { after }) = (self.list.range, self.list.position) else { return Ok(last + 1) };
        let (mut served, mut unserved) = (last, position);
        while unserved - served > 1 {
            let middle = served + (unserved - served) / 2;
            let mut query = self.query(self.last_id.map(|id| (after, id.to_string())));
            query.push((greatest, middle.to_string()));
            // The first row may be the one before, where the filter takes its bound.
            match self.ask_once(query, 2).await? {
                Some(answer) if !self.has_news(&answer) => served = middle,
                _ => unserved = middle,
            }
        }
        Ok(unserved)
    }

    /// A page behind an id, with one try. None: the store cannot serve it.
    async fn probe(&mut self, after: Option<u64>, limit: u32) -> Result<Option<Rows>> {
        let Position::Id { after: name } = self.list.position else { return Ok(None) };
        self.ask_once(self.query(after.map(|id| (name, id.to_string()))), limit).await
    }

    async fn ask_once(&mut self, query: Query, limit: u32) -> Result<Option<Rows>> {
        let mut request = self.request(self.list.path, query);
        (request.page, request.tries) = (Some(Window::first(limit)), Some(1));
        loop {
            let answer = match self.gate.get(&mut request, |body| self.list.form.decode(body)).await {
                Ok(answer) => answer,
                Err(refused) if refused.spent => return Ok(None),
                Err(refused) => return Err(refused.failure),
            };
            // It may become the walk's first page.
            if self.knows_the_time_of(&answer).await? {
                return Ok(Some(answer.body));
            }
        }
    }
}

//! The parts of a record that have requests of their own: an order's lines, coupons and addresses, a customer's further addresses.

use crate::api::gate::{Gate, Refused};
use crate::api::list::is_json;
use crate::api::{Clock, Request, Transport, Window};
use crate::error::{Failure, Kind, Result};
use crate::head::id_of;
use crate::json;
use crate::log::{Level, Log};
use crate::records::Lists;
use crate::streams::{List, Part, Record, Stream};
use crate::transform::peek;
use crate::walk::{Row, SECOND_THOUGHTS};
use futures_util::future::try_join_all;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// A list inside one record that is longer than this is taken for one that does not end.
const MOST_ROWS: usize = 100_000;

const NOT_WHOLE: &str = "is not there (status 404), or is shorter than the record says, though the record is there";

/// A record's parts, or that the record itself is gone.
#[derive(Debug)]
pub(crate) enum Parts {
    /// The fetched lists, by their fields.
    Whole(Lists),
    /// The record was deleted after its list was read.
    Gone,
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
}

impl<T: Transport, C: Clock> Fetcher<'_, T, C> {
    /// All selected parts of a record, side by side, each paged to its end.
    pub(crate) async fn fetch(&self, row: &Row) -> Result<Parts> {
        let wanted = self.parts.iter().filter(|part| part.when_full.is_none_or(|full| length(row, part.field) >= full));
        let lists = wanted.copied().map(|part| async move {
            let rows = self.part(part, row).await.map_err(|refused| (part, refused))?;
            Ok((part.field, rows))
        });
        match try_join_all(lists).await {
            Ok(lists) => Ok(Parts::Whole(lists)),
            Err((part, Refused { status: Some(404), .. })) => self.confirm_gone(part, row).await,
            Err((_, refused)) => Err(refused.failure),
        }
    }

    async fn part(&self, part: &Part, row: &Row) -> Result<Vec<Box<RawValue>>, Refused> {
        let known = if part.when_full.is_some() { length(row, part.field) } else { 0 };
        let least = known.max(usize::from(announced(part, row)));
        let rows = self.pages(part, row).await?;
        if rows.len() >= least {
            return Ok(rows);
        }
        self.gate.clock().sleep(SECOND_THOUGHTS).await;
        let rows = self.pages(part, row).await?;
        if rows.len() < known {
            // As with one that is not found, the record may be gone by now.
            return Err(Refused { status: Some(404), ..self.fault(part, row, NOT_WHOLE) });
        }
        if rows.is_empty() {
            // What the number counts is not documented, so it is no proof.
            let field = part.announced_by.unwrap_or_default();
            let text = format!("record {}: {field} is above zero, but the list of {} is empty, twice", row.id, part.field);
            self.log.write(Level::Warning, &format!("{}: {text}", self.stream.name));
        }
        Ok(rows)
    }

    async fn pages(&self, part: &Part, row: &Row) -> Result<Vec<Box<RawValue>>, Refused> {
        let (mut rows, mut ids): (Vec<Box<RawValue>>, HashSet<u64>) = (Vec::new(), HashSet::new());
        let mut request = self.request(part.path, row.id);
        let owner = part.owner.map(|(filter, _)| (filter, row.id.to_string()));
        request.query = owner.into_iter().chain(part.query.iter().map(|(name, value)| (*name, (*value).to_owned()))).collect();
        let mut window = Window::first(self.page_size);
        let (mut repeated, mut confirmed) = (false, false);
        loop {
            request.page = Some(window);
            let page = self.gate.get(&mut request, |body| part.form.decode(body)).await?.body;
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
            rows.extend(page.rows.into_iter().filter(|raw| id_of(raw).is_none_or(|id| ids.insert(id))));
            if is_last(came, limit as usize, page.total.map(|total| rows.len() as u64 >= total)) {
                return Ok(rows);
            }
            let no_news = rows.len() == before;
            if no_news && std::mem::replace(&mut repeated, true) || rows.len() > MOST_ROWS {
                return Err(self.fault(part, row, "brings nothing new where the store has more, or does not end"));
            }
            window = Window { limit, page: window.page + u64::from(!no_news) };
        }
    }

    fn fault(&self, part: &Part, row: &Row, what: &str) -> Refused {
        let text = format!("record {}: the list of {} {what}", row.id, part.field);
        Refused { status: None, failure: Failure::new(Kind::Api, text).of_stream(self.stream.name) }
    }

    /// A part that is not found, or is shorter than the record says, is no news about the record: only the record's own absence is.
    async fn confirm_gone(&self, part: &Part, row: &Row) -> Result<Parts> {
        let gone = match self.list.record {
            None => false,
            Some(Record::Path(path)) => match self.gate.get(&mut self.request(path, row.id), is_json).await {
                Err(Refused { status: Some(404), .. }) => true,
                record => record.map(|_| false)?,
            },
            Some(Record::Filter(name)) => {
                let mut request = self.request(self.list.path, row.id);
                request.query = vec![(name, row.id.to_string())];
                self.gate.get(&mut request, |body| self.list.form.decode(body)).await?.body.rows.is_empty()
            }
        };
        if gone { Ok(Parts::Gone) } else { Err(self.fault(part, row, NOT_WHOLE).failure) }
    }

    fn request(&self, path: &str, id: u64) -> Request {
        let path = path.replace("{id}", &id.to_string());
        Request { stream: self.stream.name, scope: self.stream.scope, path, query: Vec::new(), page: None }
    }
}

/// No store is known to send fewer rows than this where it has more: 10 and 50 are documented.
const LEAST_PAGE: usize = 10;

/// Whether a page ends its list. A total decides where there is one; else a page with fewer rows than any store caps its pages at.
fn is_last(came: usize, limit: usize, has_all: Option<bool>) -> bool {
    has_all.unwrap_or(came < limit.min(LEAST_PAGE))
}

/// How many rows of a list a record holds itself.
fn length(row: &Row, field: &str) -> usize {
    peek(&row.raw, field).map_or(0, json::length)
}

fn announced(part: &Part, row: &Row) -> bool {
    let number = part.announced_by.and_then(|field| peek(&row.raw, field));
    number.is_some_and(|number| number.get().trim_matches('"').parse::<u64>().is_ok_and(|number| number > 0))
}

//! Reads one nested list of one record to its last page.

use super::inside::{fall_short, least};
use super::{Fetcher, Lost, NOT_WHOLE, no_body};
use crate::api::answer::Refused;
use crate::api::list::{Form, Listing, is_last};
use crate::api::{Clock, Slice, Transport};
use crate::certainty::Uncertain;
use crate::head::mark;
use crate::json;
use crate::page::Row;
use crate::streams::Rows;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// A list inside one record that is longer than this is taken for one that does not end.
const MOST_ROWS: usize = 100_000;
/// How many times a list is read at most if its number of rows keeps changing.
const MOST_PASSES: u32 = 10;

const OF_OTHERS: &str = "holds rows of other records, or rows that do not say whose they are";
const UNSTEADY: &str = "has a different number of rows each time it is read";
const ENDLESS: &str = "returns no new rows although the store has more, or never ends";

/// A record's list, and whether the store says that this is all of it.
pub(super) struct Paged {
    pub(super) rows: Vec<Box<RawValue>>,
    pub(super) is_vouched_for: bool,
}

/// One reading of a list, from its first page on.
struct Pass {
    slice: Slice,
    rows: Vec<Box<RawValue>>,
    marks: HashSet<String>,
    /// The total that the first page says.
    total: Option<u64>,
    /// The last page was empty. Without a total, nothing can contradict an empty page, so it is requested twice before it is
    /// believed.
    was_empty: bool,
    /// The last page brought nothing new. A single page may be repeated by a glitch; two in a row end the reading.
    was_old: bool,
    /// The last page would have ended the list, if its rows added up.
    may_be_over: bool,
}

/// What a page says of its list.
enum Reached {
    More,
    /// The end; the store says that this is all, or does not say.
    End {
        is_vouched_for: bool,
    },
    /// A row was deleted or added meanwhile, which moves those after it to another page.
    Shifted,
    Endless,
}

impl Pass {
    fn new(limit: u32) -> Pass {
        let (rows, marks) = (Vec::new(), HashSet::new());
        Pass { slice: Slice::first(limit), rows, marks, total: None, was_empty: false, was_old: false, may_be_over: false }
    }

    /// Whether a page before this one has said that there are no more rows.
    fn has_all(&self) -> bool {
        self.slice.page > 1 && self.total.is_some_and(|total| self.rows.len() as u64 >= total)
    }

    /// `least` is how many rows their record announces, and `falls_short` tells whether rows add up to less than it says.
    fn take(&mut self, page: Listing, key: &[&str], least: usize, falls_short: impl Fn(&[Box<RawValue>]) -> bool) -> Reached {
        let (before, came, total) = (self.rows.len(), page.rows.len(), page.total);
        // A page after the end may have no total, and a total that counts only the page says nothing.
        let is_after_the_end = came == 0 && total.is_none() && self.has_all();
        if self.slice.page == 1 {
            self.total = total;
        } else if total != self.total && total != Some(came as u64) && !is_after_the_end {
            return Reached::Shifted;
        }
        if came == 0 && self.slice.page > 1 && total.is_none() && !std::mem::replace(&mut self.was_empty, true) {
            return Reached::More;
        }
        self.rows.extend(page.rows.into_iter().filter(|raw| mark(raw, key).is_none_or(|mark| self.marks.insert(mark))));
        let is_vouched_for = total == Some(self.rows.len() as u64);
        let is_old = self.rows.len() == before;
        // Without a total a short page ends the list, unless it may have been cut at a round number of rows.
        let has_all = total.is_none_or(|total| self.rows.len() as u64 >= total);
        let is_last = is_last(came, self.slice.limit as usize, Some(has_all));
        self.may_be_over = is_last;
        // A store may cap its pages at any other number, too.
        if is_last && (is_old || !falls_short(&self.rows)) {
            return Reached::End { is_vouched_for };
        }
        match is_old && self.was_old {
            // By its total and by the record, the store has no page after the first.
            true if is_vouched_for && self.rows.len() >= least => return Reached::End { is_vouched_for },
            true => return Reached::Endless,
            false if self.rows.len() > MOST_ROWS => return Reached::Endless,
            false => {}
        }
        self.was_old = is_old;
        self.slice.page += u64::from(!is_old);
        Reached::More
    }
}

impl<T: Transport, C: Clock> Fetcher<'_, T, C> {
    /// The list, paged to its end; none if it is not found.
    pub(super) async fn pages(&self, rows: &'static Rows, record: &Row) -> Result<Option<Paged>, Lost> {
        let Some((ask, mut request)) = self.ask(rows, record.id) else { return Ok(None) };
        // The lists of an earlier record go first, so that none has to wait for those after it.
        (request.no_body, request.rank) = (no_body(rows), record.seen);
        let (mut pass, mut passes) = (Pass::new(self.page_size), 1);
        let (_, least) = least(rows, record);
        loop {
            // One object has no pages.
            request.page = Some(pass.slice).filter(|_| ask.form != Form::Object);
            let page = match self.gate.get(&mut request, |body| ask.decode(body)).await {
                // A 404 for a path without a record's id says nothing about that record.
                Err(Refused { status: Some(404), failure, .. }) if rows.batch().is_some() => {
                    return Err(Lost::Record { failure, by_bytes: false });
                }
                // The page after the end of a list that has already shown all its rows.
                Err(Refused { status: Some(404), .. }) if pass.has_all() || pass.may_be_over => Listing::default(),
                Err(Refused { status: Some(404), .. }) if pass.slice.page > 1 => {
                    let is_gone = self.is_gone(record.id).await?;
                    return Err(if is_gone { Lost::Gone } else { self.fault(rows, record, NOT_WHOLE) });
                }
                Err(Refused { status: Some(404), .. }) => return Ok(None),
                page => page?.body,
            };
            let limit = request.page.map_or(pass.slice.limit, |slice| slice.limit);
            if limit < pass.slice.limit && pass.slice.page > 1 {
                // The store could not serve the page. Smaller pages have other boundaries, so the list is read again from the
                // start.
                pass = Pass::new(limit);
                continue;
            }
            pass.slice.limit = limit;
            if let Some((_, field)) = rows.batch()
                && page.rows.iter().any(|raw| json::at(raw.get(), field).is_none_or(|owner| owner != record.id.to_string()))
            {
                return Err(self.fault(rows, record, OF_OTHERS));
            }
            self.note_repairs(rows, record, &page.repairs);
            if ask.form == Form::Object {
                return Ok(Some(Paged { rows: page.rows, is_vouched_for: true }));
            }
            match pass.take(page, rows.key, least, |list| fall_short(rows.announced_by, record, list)) {
                Reached::More => {}
                Reached::End { is_vouched_for } => {
                    if pass.rows.is_empty() && !is_vouched_for {
                        self.gate.remarks.note(Some(rows.name), Uncertain::Uncounted);
                    }
                    return Ok(Some(Paged { rows: pass.rows, is_vouched_for }));
                }
                Reached::Shifted if passes < MOST_PASSES => (pass, passes) = (Pass::new(limit), passes + 1),
                Reached::Shifted => return Err(self.fault(rows, record, UNSTEADY)),
                Reached::Endless => return Err(self.fault(rows, record, ENDLESS)),
            }
        }
    }
}

//! Lists that are read by page number, or with one request. A record that is deleted during a pass shifts all that follow it, so that one of them may
//! be on no page: all pages are read again until a pass brings nothing new. If the list grows meanwhile and has a date filter, later passes leave out
//! what is newer than the walk.

use super::pass::Pass;
use super::{Walk, filters};
use crate::api::answer::Refused;
use crate::api::list::{Listing, is_last};
use crate::api::{Clock, SECOND_THOUGHTS, Transport};
use crate::certainty::Uncertain;
use crate::error::Result;
use crate::hash::fingerprint;
use crate::head::stand_in;
use crate::page::Page;
use crate::progress::Position;

/// A list that still changes after so many passes is an error.
const MOST_PASSES: u32 = 10;
/// A list that cannot leave out new records is accepted after this many passes: in a busy shop it never stops changing.
const MOST_UNDATED: u32 = 3;
/// The least page size, however low `max_records` is: the size must stay the same until the list has been read.
const LEAST_ROWS: u32 = 10;

/// How many rows a page of the API has by default, and at most.
const USUAL_PAGES: [usize; 2] = [50, 250];

const REPEATED: &str = "pages that have only records that were already read";

impl<T: Transport, C: Clock> Walk<'_, T, C> {
    /// The next page. Where there is none, the first one again.
    pub(super) async fn numbered_page(&mut self, most: Option<u64>) -> Result<Page> {
        if !self.pass.has_begun() {
            let most = most.and_then(|most| u32::try_from(most).ok()).unwrap_or(u32::MAX);
            self.page_size = self.page_size.min(most.max(LEAST_ROWS));
            self.pass.limit = self.page_size;
        }
        if std::mem::take(&mut self.pass.looks_back) {
            self.look_back().await?;
        }
        let (mut is_confirmed, mut is_repeated, mut is_reconsidered) = (false, false, false);
        loop {
            let answer = match self.fetch(None).await {
                // A store may reject the page after the last one.
                Err(Refused { status: Some(400 | 404 | 422), .. }) if self.pass.page > 1 && self.pass.has_all() == Some(true) => {
                    Listing::default()
                }
                answer => answer?.body,
            };
            if self.page_size != self.pass.limit {
                // The page size has changed, because the store could not serve the page or it took much memory. So page
                // boundaries have moved.
                self.pass.begin_again(self.page_size);
                continue;
            }
            let (limit, came) = (self.pass.limit as usize, answer.rows.len());
            // Nothing can contradict an empty page, so it is requested twice.
            if came == 0 && !std::mem::replace(&mut is_confirmed, true) {
                continue;
            }
            let (list, total) = (self.list, answer.total);
            let marks = answer.rows.iter().map(|row| fingerprint(&[stand_in(row, list.key)]));
            let is_new = self.pass.take(marks, total);
            let is_known = came > 0 && !is_new;
            if is_known && !std::mem::replace(&mut is_repeated, true) {
                continue;
            }
            // Known rows come again if rows were added before this page, but then the total changes. With the same total the store ignores page numbers.
            let is_after_the_end = self.pass.is_steady && self.pass.has_all() == Some(true);
            if is_known && self.pass.is_steady && !is_after_the_end && came >= limit {
                return Err(self.fault(REPEATED));
            }
            self.pass.is_steady &= !is_known || is_after_the_end;
            // If the total is too high, a series of runs that each read a part of the list would never reach its end.
            let is_short = came == 0 && self.pass.is_steady && self.pass.has_all() == Some(false);
            let is_part = self.pass.is_resumed || most.is_some();
            if is_short && is_part && !std::mem::replace(&mut is_reconsidered, true) {
                self.gate.clock().sleep(SECOND_THOUGHTS).await;
                continue;
            }
            let rows = self.sift(answer.rows, &answer.repairs)?.rows;
            self.previous.extend(rows.iter().map(|row| row.id));
            self.pass.has_news |= !rows.is_empty();
            self.note_uncounted(self.previous.is_empty(), total);
            let is_end = came == 0 || is_known || is_last(came, limit, self.pass.has_all());
            let last = is_end && self.is_done(most.is_some(), is_short && is_part).await?;
            self.pass.page += u64::from(!is_end);
            let position = Some(Position::Page { page: self.pass.page, limit: self.pass.limit });
            return Ok(Page { rows, position, last, ..self.opened() });
        }
    }

    /// Reads the last page of an earlier run again, and returns nothing of it: it shows where the list ends, and which rows are
    /// known.
    async fn look_back(&mut self) -> Result<()> {
        let (page, before) = (self.pass.page, self.pass.page - 1);
        self.pass.page = before;
        let answer = self.fetch(None).await?.body;
        if self.pass.page != before || self.page_size != self.pass.limit {
            // The walk starts over, or its pages have another size by now.
            return Ok(());
        }
        let (list, total) = (self.list, answer.total);
        self.pass.take(answer.rows.iter().map(|row| fingerprint(&[stand_in(row, list.key)])), total);
        let rows = self.sift(answer.rows, &answer.repairs)?.rows;
        self.previous.extend(rows.iter().map(|row| row.id));
        self.pass.page = page;
        // Where more is to come and the page is refused, the walk starts over.
        self.resumed = self.pass.has_all() != Some(true);
        Ok(())
    }

    /// Whether the list is complete with this pass; if not, begins another one. With `max_records` one steady pass is enough, since the STATE cannot say
    /// that a list is being read once more.
    async fn is_done(&mut self, is_limited: bool, is_believed: bool) -> Result<bool> {
        let pass = &self.pass;
        // Nothing new in a pass from end to end: there is no more, whatever the total counts.
        let is_exhausted = is_believed || pass.is_steady && pass.number > 1 && !pass.has_news;
        if is_exhausted && pass.has_all() == Some(false) {
            self.gate.remarks.note(None, Uncertain::Short);
            self.warn("each time it is read, the list has fewer records than its total; it is taken as complete");
        }
        let is_whole = is_exhausted || pass.is_steady && pass.has_all() != Some(false);
        // A single page shows the list at one moment. The pages that an earlier run read are read again by the next walk.
        if is_whole && (pass.is_resumed || is_limited || pass.page == 1 || !pass.has_news) {
            if pass.is_resumed || pass.page > 1 && pass.has_news {
                self.gate.remarks.note(None, Uncertain::InParts);
            }
            return Ok(true);
        }
        if pass.number >= MOST_UNDATED && self.list.dates.is_none() {
            self.gate.remarks.note(None, Uncertain::Changed);
            self.warn(&format!(
                "the list has changed each of the {MOST_UNDATED} times that it was read; what came is written, and the next run reads all of it again"
            ));
            return Ok(true);
        }
        if pass.number >= MOST_PASSES {
            return Err(self.failure(format!(
                "the list has changed each of the {MOST_PASSES} times that it was read, or is shorter than it says; run again"
            )));
        }
        if !is_whole {
            self.gate.clock().sleep(SECOND_THOUGHTS).await;
            self.close();
        }
        self.pass = Pass { number: self.pass.number + 1, ..Pass::new(self.pass.limit) };
        Ok(false)
    }

    /// From now on leaves out records that are newer than the walk's start: the next walk reads them, since the bookmark stays before that start.
    fn close(&mut self) {
        self.extent.until = [self.extent.until, self.started].into_iter().flatten().min();
        self.filters = filters(self.list, &self.extent);
    }

    /// What comes with one answer. No page is documented for such a list, so one that looks like a page is worth a warning.
    pub(super) async fn only_page(&mut self) -> Result<Page> {
        let mut answer = self.fetch(None).await?.body;
        // Nothing can contradict an empty answer, so it is requested twice.
        if answer.rows.is_empty() && answer.total != Some(0) {
            answer = self.fetch(None).await?.body;
        }
        let came = answer.rows.len();
        if answer.total.is_some_and(|total| total > came as u64) {
            return Err(self.fault("one answer with fewer rows than it says there are"));
        }
        if USUAL_PAGES.contains(&came) {
            self.gate.remarks.note(None, Uncertain::Believed);
            self.warn(&format!("the store sent exactly {came} rows, as many as a page has; if there are more, report it"));
        }
        let total = answer.total;
        let rows = self.sift(answer.rows, &answer.repairs)?.rows;
        self.note_uncounted(rows.is_empty(), total);
        Ok(Page { rows, last: true, ..self.opened() })
    }
}
